// y[b] = gelu?(a[b] · w[b] (+ bias)) for any shape and any transposition, given as strides in floats: element (m, k) of
// `a` is at m·a_row + k·a_col, (k, n) of `w` at k·w_row + n·w_col; y [M, N] row-major; a_stride, w_stride between
// batches (0 broadcasts). Tiles of lib/tile.wgsl. K may be cut into `splits` planes of y [batches, splits, M, N],
// summed afterwards in a fixed order. Dispatched over [ceil(N / 4·RN·G), ceil(M / 4·RM·G), batches · splits].
// GELU: 0 nothing, 1 gelu, 2 gelu by tanh (then splits is 1); `pre`, like y, takes what went into it, if wanted.
// @variant T = f32, f16
// @variant Y = f32, f16
// @variant G = 8, 16
// @variant RM = 1, 2
// @variant RN = 1, 2
// @include lib/math.wgsl
// @include lib/gelu.wgsl
// @include lib/tile.wgsl
struct Params {
  M: u32, N: u32, K: u32, a_row: u32, a_col: u32, a_stride: u32, w_row: u32, w_col: u32, w_stride: u32,
  has_bias: u32, splits: u32, k_per_split: u32, keep_pre: u32,
}
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
@group(0) @binding(4) var<storage, read_write> pre: array<Y>;
@group(0) @binding(5) var<uniform> params: Params;
override GELU: u32 = 0u;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let batch = wid.z / params.splits;
  let split = wid.z % params.splits;
  let row0 = wid.y * TM;
  let col0 = wid.x * TN;
  let end = min((split + 1u) * params.k_per_split, params.K);
  let a_base = batch * params.a_stride;
  let w_base = batch * params.w_stride;
  // Neighbouring invocations load along whichever axis is contiguous.
  let a_fast_k = params.a_col == 1u;
  let w_fast_k = params.w_row == 1u && params.w_col != 1u;
  var sums: Sums;
  for (var k0 = split * params.k_per_split; k0 < end; k0 += STEP) {
    for (var at = lid; at < QM * STEP; at += THREADS) {
      let quad = select(at % QM, at / STEP, a_fast_k);
      let slot = select(at / QM, at % STEP, a_fast_k);
      let start = a_base + min(k0 + slot, end - 1u) * params.a_col;
      var v: vec4<f32>;
      @unroll for (var r = 0u; r < 4u; r++) {
        v[r] = f32(a[start + min(row0 + 4u * quad + r, params.M - 1u) * params.a_row]);
      }
      left[slot][stand(quad, slot)] = select(vec4<f32>(0.0), v, k0 + slot < end);
    }
    for (var at = lid; at < QN * STEP; at += THREADS) {
      let quad = select(at % QN, at / STEP, w_fast_k);
      let slot = select(at / QN, at % STEP, w_fast_k);
      let start = w_base + min(k0 + slot, end - 1u) * params.w_row;
      var v: vec4<f32>;
      @unroll for (var r = 0u; r < 4u; r++) {
        v[r] = f32(w[start + min(col0 + 4u * quad + r, params.N - 1u) * params.w_col]);
      }
      right[slot][stand(quad, slot)] = select(vec4<f32>(0.0), v, k0 + slot < end);
    }
    workgroupBarrier();
    multiply(&sums, lid);
    workgroupBarrier();
  }
  @unroll for (var i = 0u; i < RM; i++) {
    @unroll for (var j = 0u; j < RN; j++) {
      for (var r = 0u; r < 4u; r++) {
        let m = row0 + 4u * (lid / G + i * G) + r;
        let n0 = col0 + 4u * (lid % G + j * G);
        var v = sums[(i * RN + j) * 4 + r];
        if (params.has_bias != 0u) {
          for (var c = 0u; c < 4u; c++) { v[c] += bias[min(n0 + c, params.N - 1u)]; }
        }
        let out = activated(v, GELU);
        for (var c = 0u; c < 4u; c++) {
          if (m < params.M && n0 + c < params.N) {
            let to = (wid.z * params.M + m) * params.N + n0 + c;
            if (params.keep_pre != 0u) { pre[to] = Y(v[c]); }
            y[to] = Y(out[c]);
          }
        }
      }
    }
  }
}
