// y = op(x), elementwise. x, y: [n]. One invocation an element; dispatched over ceil(n / WG) workgroups.
// OP: 0 relu, 1 exp, 2 log, 3 sqrt, 4 neg, 5 sigmoid, 6 tanh, 7 abs (the order of src/ops/unary.ts).
// @include lib/index.wgsl
struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
override WG: u32 = 64;
override OP: u32;

// tanh through exp of a negative number: WGSL's own may overflow to NaN for large arguments.
fn stable_tanh(v: f32) -> f32 {
  let e = exp(-2.0 * abs(v));
  return sign(v) * (1.0 - e) / (1.0 + e);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = workgroup_linear(wid, nwg) * WG + lid;
  if (i >= params.n) { return; }
  let v = x[i];
  switch (OP) {
    case 0u: { y[i] = max(v, 0.0); }
    case 1u: { y[i] = exp(v); }
    case 2u: { y[i] = log(v); }
    case 3u: { y[i] = sqrt(v); }
    case 4u: { y[i] = -v; }
    case 5u: { y[i] = 1.0 / (1.0 + exp(-v)); }
    case 6u: { y[i] = stable_tanh(v); }
    default: { y[i] = abs(v); }
  }
}
