// binary_broadcast.wgsl on vec4: all sizes and strides count fours, and the last axis has stride 1 in both. One
// invocation a vec4, n of them.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/binary.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> a: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let at = places(i);
  y[i] = vec4<T>(combined(vec4<f32>(a[at.x]), vec4<f32>(b[at.y])));
}
