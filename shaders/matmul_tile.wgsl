// y[b] = gelu?(a[b] · w[b] (+ bias)) for any shape and any transposition, given as strides in floats: element (m, k) of `a` is at
// m·a_row + k·a_col, (k, n) of `w` at k·w_row + n·w_col; y [M, N] row-major; a_stride, w_stride between batches (0 broadcasts).
// G × G invocations make a tile of 4·RM·G × 4·RN·G from 16-wide slices of K in workgroup memory, each of them RM·RN blocks of 4×4: the
// larger the blocks the fewer reads of workgroup memory a product takes, and the more tiles it takes to fill a chip. K may be cut into
// `splits` planes of y [batches, splits, M, N], summed afterwards in a fixed order.
// Dispatched over [ceil(N / 4·RN·G), ceil(M / 4·RM·G), batches · splits].
// GELU: 0 nothing, 1 gelu, 2 gelu by tanh (then splits is 1); `pre`, like y, takes what went into it, if wanted.
// @variant T = f32, f16
// @variant Y = f32, f16
// @variant G = 8, 16
// @variant RM = 1, 2
// @variant RN = 1, 2
// @include lib/math.wgsl
// @include lib/gelu.wgsl
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
const STEP = 16;
const GG = G * G;
const QM = RM * G;
const QN = RN * G;
const TM = 4 * QM;
const TN = 4 * QN;
// Slices of K, four rows or columns of the tile a vec4.
var<workgroup> a_tile: array<array<vec4<f32>, QM>, STEP>;
var<workgroup> w_tile: array<array<vec4<f32>, QN>, STEP>;

@compute @workgroup_size(GG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let batch = wid.z / params.splits;
  let split = wid.z % params.splits;
  let row0 = wid.y * TM;
  let col0 = wid.x * TN;
  let end = min((split + 1u) * params.k_per_split, params.K);
  let a_base = batch * params.a_stride;
  let w_base = batch * params.w_stride;
  let ty = lid / G;
  let tx = lid % G;
  // Neighbouring invocations load along whichever axis is contiguous.
  let a_fast_k = params.a_col == 1u;
  let w_fast_k = params.w_row == 1u && params.w_col != 1u;
  var acc: array<vec4<f32>, 4 * RM * RN>;
  for (var k0 = split * params.k_per_split; k0 < end; k0 += STEP) {
    for (var i = 0u; i < TM * STEP / GG; i++) {
      let at = lid + i * GG;
      let am = select(at % TM, at / STEP, a_fast_k);
      let ak = select(at / TM, at % STEP, a_fast_k);
      let m = row0 + am;
      let k = k0 + ak;
      a_tile[ak][am / 4u][am % 4u] =
        select(0.0, f32(a[a_base + min(m, params.M - 1u) * params.a_row + min(k, end - 1u) * params.a_col]), m < params.M && k < end);
    }
    for (var i = 0u; i < TN * STEP / GG; i++) {
      let at = lid + i * GG;
      let wn = select(at % TN, at / STEP, w_fast_k);
      let wk = select(at / TN, at % STEP, w_fast_k);
      let n = col0 + wn;
      let k = k0 + wk;
      w_tile[wk][wn / 4u][wn % 4u] =
        select(0.0, f32(w[w_base + min(k, end - 1u) * params.w_row + min(n, params.N - 1u) * params.w_col]), n < params.N && k < end);
    }
    workgroupBarrier();
    for (var k = 0u; k < STEP; k++) {
      @unroll for (var j = 0u; j < RN; j++) {
        let q = w_tile[k][tx + j * G];
        @unroll for (var i = 0u; i < RM; i++) {
          let p = a_tile[k][ty + i * G];
          @unroll for (var r = 0u; r < 4u; r++) { acc[(i * RN + j) * 4 + r] += p[r] * q; }
        }
      }
    }
    workgroupBarrier();
  }
  @unroll for (var i = 0u; i < RM; i++) {
    @unroll for (var j = 0u; j < RN; j++) {
      for (var r = 0u; r < 4u; r++) {
        let m = row0 + 4u * (ty + i * G) + r;
        let n0 = col0 + 4u * (tx + j * G);
        var v = acc[(i * RN + j) * 4 + r];
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
