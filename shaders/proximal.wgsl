// The pull of FedProx (Li et al. 2020, Federated Optimization in Heterogeneous Networks): the gradient of
// mu / 2 · |p - start|², added to a run of gradients that lie side by side: g += mu·(p - start). g, p, start: [n] as
// vec4 (alignment gaps inside are harmless). One invocation a vec4.
// @each 4
// @include lib/index.wgsl
struct Params { n: u32, mu: f32 }
@group(0) @binding(0) var<storage, read_write> g: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> p: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> start: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  g[i] += params.mu * (p[i] - start[i]);
}
