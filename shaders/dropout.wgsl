// y = x / (1-p) where a random number is at least p, else 0; the gradient runs the same kernel on dy, as the numbers
// depend only on (element, seed, stream, step). x, y: [n] as vec4; scale = 1/(1-p). One invocation a vec4.
// @each 4
// @variant T = f32, f16
// @include lib/index.wgsl
// @include lib/rng.wgsl
struct Params { n: u32, p: f32, scale: f32, seed: u32, stream: u32, step: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  let random = uniform01(pcg4d(vec4<u32>(i, params.seed, params.stream, params.step)));
  y[i] = vec4<T>(select(vec4<f32>(0.0), vec4<f32>(x[i]) * params.scale, random >= vec4<f32>(params.p)));
}
