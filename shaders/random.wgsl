// Random numbers that depend only on (element, seed, stream, step): uniform on [0, 1), or standard normal (Box & Muller
// 1958). y: [n] as vec4. One invocation a vec4.
// @each 4
// @variant T = f32, f16
// @enum DISTRIBUTION = uniform, normal
// @include lib/index.wgsl
// @include lib/rng.wgsl
// @include lib/nan.wgsl
// @include lib/math.wgsl
// @include lib/trig.wgsl
struct Params { n: u32, seed: u32, stream: u32, step: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(1) var<uniform> params: Params;
override DISTRIBUTION: u32;
const TURN = 6.283185307;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  y[i] = vec4<T>(drawn(uniform01(pcg4d(vec4<u32>(i, params.seed, params.stream, params.step)))));
}

fn drawn(u: vec4<f32>) -> vec4<f32> {
  switch (DISTRIBUTION) {
    case DISTRIBUTION_UNIFORM: { return u; }
    case DISTRIBUTION_NORMAL: {
      let radius = sqrt(-2.0 * precise_log(1.0 - u)).xxyy;
      let angle = TURN * u.zzww;
      return radius * precise_sin(angle + vec4<f32>(0.0, 0.25 * TURN, 0.0, 0.25 * TURN), 0u);
    }
    default: { return vec4<f32>(nan()); }
  }
}
