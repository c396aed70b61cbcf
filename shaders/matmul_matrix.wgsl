// The product of matmul_tile.wgsl by matrix units, where sizes come in fours: N, and the contiguous axes of a and w;
// activation, `pre`, `gate`, `splits` and rounds as there, k_per_split in slices. Dispatched over [ceil(N / 64), ceil(M
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
override whole: bool = false; // whether K is a multiple of STEP: then no slice reaches past an end

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let batch = wid.z / params.splits;
  let split = wid.z % params.splits;
  let end = min((split + 1u) * params.k_per_split, params.K);
  // This invocation loads a block of 4×4 of each side, by lines along k or across it, as they lie in memory: where its
  // lines begin, in fours. Past the edge they are those at the edge once more: what they make is not stored.
  let a_along = params.a_col == 1u;
  let w_across = params.w_col == 1u;
  let m = select(lid % 16u, lid / QUADS, a_along) * 4u;
  let a_k = select(lid / 16u, lid % QUADS, a_along) * 4u;
  let n = select(lid / QUADS, lid % 16u, w_across) * 4u;
  let w_k = select(lid % QUADS, lid / 16u, w_across) * 4u;
  var a_lines: vec4<u32>;
  var w_lines: vec4<u32>;
  @unroll for (var r = 0u; r < 4u; r++) {
    let row = min(wid.y * TILE + m + select(0u, r, a_along), params.M - select(4u, 1u, a_along));
    let column = min(wid.x * TILE + n + select(r, 0u, w_across), params.N - select(1u, 4u, w_across));
    let a_depth = a_k + select(r, 0u, a_along);
    let w_depth = w_k + select(0u, r, w_across);
    a_lines[r] = (batch * params.a_stride + row * params.a_row + a_depth * params.a_col) / 4u;
    w_lines[r] = (batch * params.w_stride + column * params.w_col + w_depth * params.w_row) / 4u;
  }
  var begin = split * params.k_per_split;
  var of_a = vec4<f32>(0.0);
  loop {
    var stop = end;
    if (in_rounds) { stop = min(begin + params.k_per_round, end); }
    var sums = Sums();
    var own = vec4<f32>(0.0);
    var k0 = begin;
    loop { // at least once, so that compilers may move out what is always the same
      if (lid < LOADERS) {
        var left_block = Block();
        var right_block = Block();
        let a_at = a_lines + k0 * params.a_col / 4u;
        let w_at = w_lines + k0 * params.w_row / 4u;
        @unroll for (var r = 0u; r < 4u; r++) {
          if (whole || k0 + a_k + select(r, 0u, a_along) < stop) { left_block[r] = vec4<E>(a[a_at[r]]); }
        }
        @unroll for (var r = 0u; r < 4u; r++) {
          if (whole || k0 + w_k + select(0u, r, w_across) < stop) { right_block[r] = vec4<E>(w[w_at[r]]); }
        }
        if (has_a_sums && !a_along) {
          own += (vec4<f32>(left_block[0]) + vec4<f32>(left_block[1]))
            + (vec4<f32>(left_block[2]) + vec4<f32>(left_block[3]));
        }
        if (!a_along) { left_block = transposed(left_block); }
        if (w_across) { right_block = transposed(right_block); }
        put_left(m, a_k, left_block);
        put_right(n, w_k, right_block);
      }
      workgroupBarrier();
      multiply(&sums, subgroup);
      workgroupBarrier();
      continuing {
        k0 += STEP;
        break if k0 >= stop;
      }
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

fn store(wid: vec3<u32>, m: u32, n: u32, _block: u32, sums: vec4<f32>) {
  if (m >= params.M || n >= params.N) { return; }
  let to = ((wid.z * params.M + m) * params.N + n) / 4u;
  var v = sums;
  if (params.has_bias != 0u) { v += bias[n / 4u]; }
  if (params.has_pre != 0u) { pre[to] = vec4<Y>(v); }
  if (has_gate) { v = activation_gradient(vec4<f32>(gate[to]), v); } else { v = activation(v); }
  let out = vec4<Y>(v);
  if (in_rounds && !is_first) { y[to] += out; } else { y[to] = out; }
}
