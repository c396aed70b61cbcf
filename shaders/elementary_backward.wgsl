// dx = op'(x) · dy, elementwise, with v the one of x and y = op(x) that the derivative is written in. v, dy, dx: [n] as
// vec4. One invocation a vec4.
// @variant T = f32, f16
// @each 4
// @include lib/index.wgsl
// @include lib/elementary.wgsl
@group(0) @binding(0) var<storage, read> v: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<T>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u < params.n) { dx[i] = vec4<T>(derivative(vec4<f32>(v[i]), vec4<f32>(dy[i]))); }
}
