// The product of matmul_tile.wgsl, one invocation an element of y [batches, M, N], by the same strides: for products
// too small to be worth tiles, such as a classifier's head, and what the faster kernels are compared with.
// Activation, `pre`, `gate` and `a_sums` as there. Dispatched over ceil(batches·M·N / 64).
// @variant T = f32, f16
// @variant Y = f32, f16
// @include lib/index.wgsl
// @include lib/matmul.wgsl
// @include lib/gate.wgsl
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
@group(0) @binding(4) var<storage, read_write> pre: array<Y>;
@group(0) @binding(5) var<storage, read_write> a_sums: array<f32>;
@group(0) @binding(6) var<storage, read> gate: array<T>;
@group(0) @binding(7) var<uniform> params: Params;
override has_a_sums: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  if (id >= params.batches * params.M * params.N) { return; }
  let n = id % params.N;
  let m = id / params.N % params.M;
  let batch = id / params.N / params.M;
  var at = batch * params.a_stride + m * params.a_row;
  var wt = batch * params.w_stride + n * params.w_col;
  var sums = vec2<f32>(0.0); // the product's, and that of a
  for (var first = 0u; first < params.K; first += 512u) { // 512 at a time: long sums lose less
    var part = vec2<f32>(0.0);
    for (var k = first; k < min(first + 512u, params.K); k++) {
      let term = f32(a[at]);
      part += vec2<f32>(term * f32(w[wt]), term);
      at += params.a_col;
      wt += params.w_row;
    }
    sums += part;
  }
  if (has_a_sums) { if (n == 0u) { a_sums[m] = sums.y; } }
  var v = sums.x;
  if (params.has_bias != 0u) { v += bias[n]; }
  if (params.has_pre != 0u) { pre[id] = Y(v); }
  if (has_gate) {
    v = activation_gradient(vec4<f32>(f32(gate[id])), vec4<f32>(v)).x;
  } else {
    v = activation(vec4<f32>(v)).x;
  }
  y[id] = Y(v);
}
