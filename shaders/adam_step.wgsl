// One Adam step over a run of parameters that lie side by side: p, g, m, v [n] as vec4 (alignment gaps inside are
// harmless). decoupled 0: g += decay·p (Adam's L2, Kingma & Ba 2015); 1: p -= lr·decay·p (AdamW, Loshchilov & Hutter
// 2019). m = β1·m + (1-β1)·g, v = β2·v + (1-β2)·g², p -= step_size·m / (√v·correction2 + eps); the corrections come
// from the host in double for a parameter that has taken as many steps as the optimizer (counts: one for 64 elements,
// from `block` on), and are computed here for any other (log1, log2: -ln β1, -ln β2). With a scaler, nothing changes in
// a step whose gradients are not finite (lib/scaler.wgsl). One invocation a vec4.
// @each 4
// @include lib/index.wgsl
// @include lib/scaler.wgsl
struct Params {
  n: u32, decoupled: u32, lr: f32, decay: f32, beta1: f32, one_minus_beta1: f32, beta2: f32, one_minus_beta2: f32,
  step_size: f32, correction2: f32, eps: f32, steps: u32, log1: f32, log2: f32,
  block: u32,
}
@group(0) @binding(0) var<storage, read_write> p: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> scaler: array<u32>;
@group(0) @binding(5) var<storage, read> counts: array<u32>;
@group(0) @binding(6) var<uniform> params: Params;
override has_scaler: bool;

// 1 - exp(-u) for u >= 0: where that would cancel, the Taylor series.
fn one_minus_exp(u: f32) -> f32 {
  let series =
    u * (1.0 - u / 2.0 * (1.0 - u / 3.0 * (1.0 - u / 4.0 * (1.0 - u / 5.0 * (1.0 - u / 6.0 * (1.0 - u / 7.0))))));
  return select(1.0 - exp(-u), series, u < 0.25);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  var step_size = params.step_size;
  var correction2 = params.correction2;
  if (has_scaler) { if (scaler[FOUND] != 0u) { return; } }
  let taken = counts[params.block + i / 16u];
  if (taken != params.steps) {
    step_size = params.lr / one_minus_exp(f32(taken) * params.log1);
    correction2 = 1.0 / sqrt(one_minus_exp(f32(taken) * params.log2));
  }
  var w = p[i];
  var d = g[i];
  if (params.decoupled != 0u) { w -= params.lr * params.decay * w; } else { d += params.decay * w; }
  let first = params.beta1 * m[i] + params.one_minus_beta1 * d;
  let second = params.beta2 * v[i] + params.one_minus_beta2 * d * d;
  m[i] = first;
  v[i] = second;
  p[i] = w - step_size * first / (sqrt(second) * correction2 + params.eps);
}
