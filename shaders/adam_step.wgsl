// One Adam step over a run of parameters that lie side by side: p, g, m, v [n] as vec4 (alignment gaps inside are harmless).
// decoupled 0: g += decay·p (Adam's L2, Kingma & Ba 2015); 1: p -= lr·decay·p (AdamW, Loshchilov & Hutter 2019).
// m = β1·m + (1-β1)·g, v = β2·v + (1-β2)·g², p -= step_size·m / (√v·correction2 + eps); the corrections come from the host in double.
// One invocation a vec4, ceil(n / 256) workgroups.
// @include lib/index.wgsl
struct Params {
  n: u32, decoupled: u32, lr: f32, decay: f32, beta1: f32, one_minus_beta1: f32, beta2: f32, one_minus_beta2: f32,
  step_size: f32, correction2: f32, eps: f32,
}
@group(0) @binding(0) var<storage, read_write> p: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i * 4u >= params.n) { return; }
  var w = p[i];
  var d = g[i];
  if (params.decoupled != 0u) { w -= params.lr * params.decay * w; } else { d += params.decay * w; }
  let first = params.beta1 * m[i] + params.one_minus_beta1 * d;
  let second = params.beta2 * v[i] + params.one_minus_beta2 * d * d;
  m[i] = first;
  v[i] = second;
  p[i] = w - params.step_size * first / (sqrt(second) * params.correction2 + params.eps);
}
