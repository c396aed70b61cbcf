// dx = dlosses · ∂loss(x, t)/∂x, or ∂t unless OF_INPUT, with what loss_forward.wgsl computes. x, t, dlosses, dx: [n] as
// vec4; positive [period]. One invocation a vec4.
// @each 4
// @include lib/index.wgsl
// @include lib/loss.wgsl
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> t: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> positive: array<f32>;
@group(0) @binding(3) var<storage, read> dlosses: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;
override OF_INPUT: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  dx[i] = dlosses[i] * slope(x[i], t[i], weights(i), OF_INPUT);
}
