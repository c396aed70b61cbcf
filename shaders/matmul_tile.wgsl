// y[b] = gelu?(a[b] · w[b] (+ bias)) for any shape and any transposition, given as strides in floats: element (m, k) of `a` is at
// m·a_row + k·a_col, (k, n) of `w` at k·w_row + n·w_col; y [M, N] row-major; a_stride, w_stride between batches (0 broadcasts).
// A workgroup makes a tile of 64×64 from 16-wide slices of K in workgroup memory, an invocation 4×4 of it. K may be cut into `splits`
// planes of y [batches, splits, M, N], summed afterwards in a fixed order. Dispatched over [ceil(N / 64), ceil(M / 64), batches · splits].
// GELU: 0 nothing, 1 gelu, 2 gelu by tanh (then splits is 1); `pre`, like y, takes what went into it, if wanted.
// @variant T = f32, f16
// @variant Y = f32, f16
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
const TILE = 64u;
const STEP = 16u;
// One float of padding a row keeps the columns of a tile in different banks.
var<workgroup> a_tile: array<array<f32, 65>, 16>;
var<workgroup> w_tile: array<array<f32, 65>, 16>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let batch = wid.z / params.splits;
  let split = wid.z % params.splits;
  let row0 = wid.y * TILE;
  let col0 = wid.x * TILE;
  let end = min((split + 1u) * params.k_per_split, params.K);
  let a_base = batch * params.a_stride;
  let w_base = batch * params.w_stride;
  let ty = lid / 16u;
  let tx = lid % 16u;
  // Neighbouring invocations load along whichever axis is contiguous.
  let a_fast_k = params.a_col == 1u;
  let w_fast_k = params.w_row == 1u && params.w_col != 1u;
  var acc: array<vec4<f32>, 4>;
  for (var k0 = split * params.k_per_split; k0 < end; k0 += STEP) {
    @unroll for (var i = 0u; i < 4u; i++) {
      let am = select(lid % 64u, ty + 16u * i, a_fast_k);
      let ak = select(lid / 64u + 4u * i, tx, a_fast_k);
      let m = row0 + am;
      let k = k0 + ak;
      a_tile[ak][am] = select(0.0, f32(a[a_base + min(m, params.M - 1u) * params.a_row + min(k, end - 1u) * params.a_col]), m < params.M && k < end);
      let wn = select(lid % 64u, ty + 16u * i, w_fast_k);
      let wk = select(lid / 64u + 4u * i, tx, w_fast_k);
      let n = col0 + wn;
      let kw = k0 + wk;
      w_tile[wk][wn] = select(0.0, f32(w[w_base + min(kw, end - 1u) * params.w_row + min(n, params.N - 1u) * params.w_col]), n < params.N && kw < end);
    }
    workgroupBarrier();
    @unroll for (var k = 0u; k < STEP; k++) {
      let q = vec4<f32>(w_tile[k][tx], w_tile[k][tx + 16u], w_tile[k][tx + 32u], w_tile[k][tx + 48u]);
      @unroll for (var i = 0u; i < 4u; i++) { acc[i] += a_tile[k][ty * 4u + i] * q; }
    }
    workgroupBarrier();
  }
  @unroll for (var i = 0u; i < 4u; i++) {
    let m = row0 + ty * 4u + i;
    var v = acc[i];
    @unroll for (var j = 0u; j < 4u; j++) {
      if (params.has_bias != 0u) { v[j] += bias[min(col0 + tx + 16u * j, params.N - 1u)]; }
    }
    let out = activated(v, GELU);
    @unroll for (var j = 0u; j < 4u; j++) {
      let n = col0 + tx + 16u * j;
      if (m < params.M && n < params.N) {
        let to = (wid.z * params.M + m) * params.N + n;
        if (params.keep_pre != 0u) { pre[to] = Y(v[j]); }
        y[to] = Y(out[j]);
      }
    }
  }
}
