// y = op(x), elementwise. x, y: [n] as vec4. One invocation a vec4.
// @variant T = f32, f16
// @each 4
// @include lib/index.wgsl
// @include lib/unary.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u < params.n) { y[i] = vec4<T>(value(vec4<f32>(x[i]))); }
}
