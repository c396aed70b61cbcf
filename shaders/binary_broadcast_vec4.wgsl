// binary_broadcast.wgsl on vec4: all sizes and strides count fours, and the last axis has stride 1 in both. ceil(n /
// 64) workgroups, n the number of vec4.
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/strided.wgsl
@group(0) @binding(0) var<storage, read> a: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(3) var<uniform> params: Params;
override OP: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  let at = places(i);
  let u = vec4<f32>(a[at.x]);
  let v = vec4<f32>(b[at.y]);
  switch (OP) {
    case 0u: { y[i] = vec4<T>(u + v); }
    case 1u: { y[i] = vec4<T>(u - v); }
    case 2u: { y[i] = vec4<T>(u * v); }
    default: { y[i] = vec4<T>(u / v); }
  }
}
