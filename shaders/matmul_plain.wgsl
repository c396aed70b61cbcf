// The product of matmul_tile.wgsl, one invocation an element of y [batches, M, N], by the same strides: for products
// too small to be worth tiles, such as a classifier's head, and the measure that the faster kernels are held against.
// GELU and `pre` as there. Dispatched over ceil(batches·M·N / 64).
// @variant T = f32, f16
// @variant Y = f32, f16
// @include lib/index.wgsl
// @include lib/math.wgsl
// @include lib/gelu.wgsl
struct Params {
  M: u32, N: u32, K: u32, a_row: u32, a_col: u32, a_stride: u32, w_row: u32, w_col: u32, w_stride: u32,
  has_bias: u32, keep_pre: u32, n: u32,
}
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
@group(0) @binding(4) var<storage, read_write> pre: array<Y>;
@group(0) @binding(5) var<uniform> params: Params;
override GELU: u32 = 0u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  if (id >= params.n) { return; }
  let n = id % params.N;
  let m = id / params.N % params.M;
  let batch = id / params.N / params.M;
  var at = batch * params.a_stride + m * params.a_row;
  var wt = batch * params.w_stride + n * params.w_col;
  var v = 0.0;
  for (var first = 0u; first < params.K; first += 512u) { // 512 at a time: long sums lose less
    var part = 0.0;
    for (var k = first; k < min(first + 512u, params.K); k++) {
      part += f32(a[at]) * f32(w[wt]);
      at += params.a_col;
      wt += params.w_row;
    }
    v += part;
  }
  if (params.has_bias != 0u) { v += bias[n]; }
  if (params.keep_pre != 0u) { pre[id] = Y(v); }
  y[id] = Y(activated(vec4<f32>(v), GELU).x);
}
