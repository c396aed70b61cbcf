// The product of matmul_tile.wgsl, of f16, by the matrix units that some GPUs have (subgroup matrices of 16×16, f16 products summed in f32): any
// shape and transposition, given by the same strides. Four subgroups of 32 make a tile of 64×64 from 32-wide slices of K in workgroup
// memory, each of them 2×2 matrices of it; each matrix goes through a piece of workgroup memory on its way out, so that bias, gelu and the
// edge of y are as everywhere.
// GELU, `pre`, `splits` as there. Dispatched over [ceil(N / 64), ceil(M / 64), batches · splits].
// @variant T = f16
// @variant Y = f32, f16
// @require subgroups
// @require chromium-experimental-subgroup-matrix
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
const STEP = 32;
const TILE = 64;
const THREADS = 128;
var<workgroup> a_tile: array<T, 2048>; // [64 rows, 32]
var<workgroup> w_tile: array<T, 2048>; // [32, 64 columns]
var<workgroup> out_tile: array<f32, 1024>; // a matrix [16, 16] for each subgroup

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
  // Where this subgroup's quarter of the tile begins.
  let own_row = subgroup / 2u * 32u;
  let own_col = subgroup % 2u * 32u;
  let a_fast_k = params.a_col == 1u;
  let w_fast_k = params.w_row == 1u && params.w_col != 1u;
  var acc: array<subgroup_matrix_result<f32, 16, 16>, 4>;
  for (var k0 = split * params.k_per_split; k0 < end; k0 += STEP) {
    for (var i = 0u; i < TILE * STEP / THREADS; i++) {
      let at = lid + i * THREADS;
      let am = select(at % TILE, at / STEP, a_fast_k);
      let ak = select(at / TILE, at % STEP, a_fast_k);
      let m = wid.y * TILE + am;
      let place = a_base + min(m, params.M - 1u) * params.a_row + min(k0 + ak, end - 1u) * params.a_col;
      a_tile[am * STEP + ak] = select(T(0.0), a[place], m < params.M && k0 + ak < end);
    }
    for (var i = 0u; i < TILE * STEP / THREADS; i++) {
      let at = lid + i * THREADS;
      let wn = select(at % TILE, at / STEP, w_fast_k);
      let wk = select(at / TILE, at % STEP, w_fast_k);
      let n = wid.x * TILE + wn;
      let place = w_base + min(k0 + wk, end - 1u) * params.w_row + min(n, params.N - 1u) * params.w_col;
      w_tile[wk * TILE + wn] = select(T(0.0), w[place], n < params.N && k0 + wk < end);
    }
    workgroupBarrier();
    @unroll for (var k = 0u; k < STEP; k += 16) {
      let a0 = subgroupMatrixLoad<subgroup_matrix_left<T, 16, 16>, row_major>(&a_tile, own_row * STEP + k, STEP);
      let a1 = subgroupMatrixLoad<subgroup_matrix_left<T, 16, 16>, row_major>(&a_tile, (own_row + 16u) * STEP + k, STEP);
      let w0 = subgroupMatrixLoad<subgroup_matrix_right<T, 16, 16>, row_major>(&w_tile, k * TILE + own_col, TILE);
      let w1 = subgroupMatrixLoad<subgroup_matrix_right<T, 16, 16>, row_major>(&w_tile, k * TILE + own_col + 16u, TILE);
      acc[0] = subgroupMatrixMultiplyAccumulate(a0, w0, acc[0]);
      acc[1] = subgroupMatrixMultiplyAccumulate(a0, w1, acc[1]);
      acc[2] = subgroupMatrixMultiplyAccumulate(a1, w0, acc[2]);
      acc[3] = subgroupMatrixMultiplyAccumulate(a1, w1, acc[3]);
    }
    workgroupBarrier();
  }
  @unroll for (var i = 0u; i < 4u; i++) {
    subgroupMatrixStore<row_major>(&out_tile, subgroup * 256u, acc[i], 16u);
    workgroupBarrier();
    // A lane takes 8 numbers of a row.
    let m = wid.y * TILE + own_row + i / 2u * 16u + lane / 2u;
    for (var q = 0u; q < 2u; q++) {
      let column = lane % 2u * 8u + q * 4u;
      let n0 = wid.x * TILE + own_col + i % 2u * 16u + column;
      var v = vec4<f32>(0.0);
      for (var c = 0u; c < 4u; c++) {
        v[c] = out_tile[subgroup * 256u + lane / 2u * 16u + column + c];
        if (params.has_bias != 0u) { v[c] += bias[min(n0 + c, params.N - 1u)]; }
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
    workgroupBarrier();
  }
}
