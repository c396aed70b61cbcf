// g *= min(1, max_norm / (norm + 1e-6)) over a run of gradients, NaN where the norm is. g: [n] as vec4; norm: [1].
// One invocation a vec4.
// @each 4
// @include lib/index.wgsl
struct Params { n: u32, max_norm: f32 }
@group(0) @binding(0) var<storage, read_write> g: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> norm: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  let factor = params.max_norm / (norm[0] + 1e-6);
  if (i * 4u < params.n) { g[i] *= select(factor, 1.0, factor > 1.0); }
}
