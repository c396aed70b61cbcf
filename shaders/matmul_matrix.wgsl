// The product of matmul_tile.wgsl by matrix units, where sizes come in fours: N, and the contiguous axes of a and w;
// activation, `pre`, `gate`, `splits` and rounds as there, k_per_split in fours. Dispatched over [ceil(N / 64), ceil(M
// / 64), batches · splits].
// @tile TILE, TILE
// @variant Y = f32, f16
// @include lib/matmul.wgsl
// @include lib/gate.wgsl
// @include lib/rounds.wgsl
// @include lib/matrix.wgsl
@group(0) @binding(0) var<storage, read> a: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Y>>;
@group(0) @binding(4) var<storage, read_write> pre: array<vec4<Y>>;
@group(0) @binding(5) var<storage, read_write> a_sums: array<f32>;
@group(0) @binding(6) var<storage, read> gate: array<vec4<T>>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let batch = wid.z / params.splits;
  let split = wid.z % params.splits;
  let end = min((split + 1u) * params.k_per_split, params.K);
  let a_base = batch * params.a_stride;
  let w_base = batch * params.w_stride;
  var begin = split * params.k_per_split;
  var of_a = vec4<f32>(0.0);
  loop {
    var stop = end;
    if (in_rounds) { stop = min(begin + params.k_per_round, end); }
    var sums = Sums();
    var own = vec4<f32>(0.0);
    for (var k0 = begin; k0 < stop; k0 += STEP) {
      if (lid < LOADERS) {
        var b: Block;
        if (params.a_col == 1u) {
          let m = lid / QUADS * 4u;
          let k = lid % QUADS * 4u;
          @unroll for (var r = 0u; r < 4u; r++) {
            let ok = wid.y * TILE + m + r < params.M && k0 + k < end;
            let at = (a_base + (wid.y * TILE + m + r) * params.a_row + k0 + k) / 4u;
            b[r] = select(vec4<E>(), vec4<E>(a[select(0u, at, ok)]), ok);
          }
          put_left(m, k, b);
        } else {
          let m = lid % 16u * 4u;
          let k = lid / 16u * 4u;
          @unroll for (var r = 0u; r < 4u; r++) {
            let ok = wid.y * TILE + m < params.M && k0 + k + r < end;
            let at = (a_base + wid.y * TILE + m + (k0 + k + r) * params.a_col) / 4u;
            b[r] = select(vec4<E>(), vec4<E>(a[select(0u, at, ok)]), ok);
          }
          put_left(m, k, transposed(b));
          if (has_a_sums) { own += (vec4<f32>(b[0]) + vec4<f32>(b[1])) + (vec4<f32>(b[2]) + vec4<f32>(b[3])); }
        }
        if (params.w_col == 1u) {
          let n = lid % 16u * 4u;
          let k = lid / 16u * 4u;
          @unroll for (var r = 0u; r < 4u; r++) {
            let ok = wid.x * TILE + n < params.N && k0 + k + r < end;
            let at = (w_base + wid.x * TILE + n + (k0 + k + r) * params.w_row) / 4u;
            b[r] = select(vec4<E>(), vec4<E>(w[select(0u, at, ok)]), ok);
          }
          put_right(n, k, transposed(b));
        } else {
          let n = lid / QUADS * 4u;
          let k = lid % QUADS * 4u;
          @unroll for (var r = 0u; r < 4u; r++) {
            let ok = wid.x * TILE + n + r < params.N && k0 + k < end;
            let at = (w_base + (wid.x * TILE + n + r) * params.w_col + k0 + k) / 4u;
            b[r] = select(vec4<E>(), vec4<E>(w[select(0u, at, ok)]), ok);
          }
          put_right(n, k, b);
        }
      }
      workgroupBarrier();
      multiply(&sums, subgroup);
      workgroupBarrier();
    }
    store_all(&sums, wid, subgroup, lane);
    of_a += own;
    begin = stop;
    if (!in_rounds || begin >= end) { break; }
    is_first = false;
  }
  if (has_a_sums) { store_a_sums(of_a, wid, lid, split); }
}

// Loaders have seen four rows of `a` each, the same in every slice, and QUADS of them the same four.
fn store_a_sums(own: vec4<f32>, wid: vec3<u32>, lid: u32, split: u32) {
  if (lid < LOADERS) {
    @unroll for (var c = 0u; c < 4u; c++) { given[lid * 4u + c] = own[c]; }
  }
  workgroupBarrier();
  let m = wid.y * TILE + lid;
  if (wid.x > 0u || lid >= TILE || m >= params.M) { return; }
  var all = 0.0;
  for (var i = 0u; i < QUADS; i++) { all += given[i * TILE + lid]; }
  a_sums[split * params.M + m] = all;
}

fn store(wid: vec3<u32>, m: u32, n: u32, sums: vec4<f32>) {
  if (m >= params.M || n >= params.N) { return; }
  let to = ((wid.z * params.M + m) * params.N + n) / 4u;
  var v = sums;
  if (params.has_bias != 0u) { v += bias[n / 4u]; }
  if (params.has_pre != 0u) { pre[to] = vec4<Y>(v); }
  if (has_gate) { v = activation_gradient(vec4<f32>(gate[to]), v); } else { v = activation(v); }
  let out = vec4<Y>(v);
  if (in_rounds && !is_first) { y[to] += out; } else { y[to] = out; }
}
