// y = a op b for equal shapes. a, b, y: [n] as vec4 (buffers are multiples of 16 bytes, so the tail is safe).
// One invocation a vec4.
// @each 4
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/binary.wgsl
struct Params { n: u32 }
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
  if (i * 4u >= params.n) { return; }
  y[i] = vec4<T>(combined(vec4<f32>(a[i]), vec4<f32>(b[i])));
}
