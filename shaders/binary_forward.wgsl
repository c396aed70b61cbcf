// y = a op b for equal shapes. a, b, y: [n] as vec4 (buffers are multiples of 16 bytes, so the tail is safe).
// OP: 0 add, 1 sub, 2 mul, 3 div. One invocation a vec4, ceil(n / 256) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params { n: u32 }
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
  if (i * 4u >= params.n) { return; }
  let u = vec4<f32>(a[i]);
  let v = vec4<f32>(b[i]);
  switch (OP) {
    case 0u: { y[i] = vec4<T>(u + v); }
    case 1u: { y[i] = vec4<T>(u - v); }
    case 2u: { y[i] = vec4<T>(u * v); }
    default: { y[i] = vec4<T>(u / v); }
  }
}
