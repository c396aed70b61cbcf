// The product of matmul_tile.wgsl by matrix units: any shape and transposition, activation, `pre` and `splits` as
// there. Dispatched over [ceil(N / 64), ceil(M / 64), batches · splits].
// @tile TILE, TILE
// @variant S T = 16 f16, 8 f32
// @variant Y = f32, f16
// @require subgroups
// @require chromium-experimental-subgroup-matrix
// @include lib/matmul.wgsl
// @include lib/activation.wgsl
// @include lib/matrix.wgsl
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
@group(0) @binding(4) var<storage, read_write> pre: array<Y>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let batch = wid.z / params.splits;
  let split = wid.z % params.splits;
  let end = min((split + 1u) * params.k_per_split, params.K);
  let a_base = batch * params.a_stride;
  let w_base = batch * params.w_stride;
  let a_fast_k = params.a_col == 1u;
  let w_fast_k = params.w_row == 1u && params.w_col != 1u;
  var sums: Sums;
  for (var k0 = split * params.k_per_split; k0 < end; k0 += STEP) {
    for (var at = lid; at < TILE * STEP; at += THREADS) {
      let am = select(at % TILE, at / STEP, a_fast_k);
      let ak = select(at / TILE, at % STEP, a_fast_k);
      let m = wid.y * TILE + am;
      let place = a_base + min(m, params.M - 1u) * params.a_row + min(k0 + ak, end - 1u) * params.a_col;
      left[am * LEFT_PITCH + ak] = select(T(0.0), a[place], m < params.M && k0 + ak < end);
    }
    for (var at = lid; at < TILE * STEP; at += THREADS) {
      let wn = select(at % TILE, at / STEP, w_fast_k);
      let wk = select(at / TILE, at % STEP, w_fast_k);
      let n = wid.x * TILE + wn;
      let place = w_base + min(k0 + wk, end - 1u) * params.w_row + min(n, params.N - 1u) * params.w_col;
      right[wk * RIGHT_PITCH + wn] = select(T(0.0), w[place], n < params.N && k0 + wk < end);
    }
    workgroupBarrier();
    multiply(&sums, subgroup);
    workgroupBarrier();
  }
  store_all(&sums, wid, subgroup, lane);
}

fn store(wid: vec3<u32>, m: u32, n: u32, sum: f32) {
  if (m >= params.M || n >= params.N) { return; }
  let to = (wid.z * params.M + m) * params.N + n;
  var v = sum;
  if (params.has_bias != 0u) { v += bias[n]; }
  if (params.has_pre != 0u) { pre[to] = Y(v); }
  y[to] = Y(activation(vec4<f32>(v)).x);
}
