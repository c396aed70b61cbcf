// y[b] = activation(a[b] · w[b] (+ bias)) for any shape and any transposition, by the strides of lib/matmul.wgsl; y [M,
// N] row-major. Tiles of lib/tile.wgsl. Split sums go to planes of y [batches, splits, M, N], added afterwards in a
// fixed order; long ones run in rounds (lib/rounds.wgsl, `a_sums` too). Dispatched over [ceil(N / TILE), ceil(M /
// TILE), batches · splits]. With bias or activation splits is 1, in one round; `pre`, like y, takes what goes into the
// activation, if wanted; or the way back through one follows (lib/gate.wgsl).
// @tile TILE, TILE
// @variant T = f32, f16
// @variant Y = f32, f16
// @variant G R STEP = 8 1 16, 16 1 16, 8 2 16, 16 2 8
// @include lib/matmul.wgsl
// @include lib/gate.wgsl
// @include lib/rounds.wgsl
// @include lib/tile.wgsl
@group(0) @binding(0) var<storage, read> a: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
@group(0) @binding(4) var<storage, read_write> pre: array<Y>;
@group(0) @binding(5) var<storage, read_write> a_sums: array<f32>;
@group(0) @binding(6) var<storage, read> gate: array<T>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let batch = wid.z / params.splits;
  let split = wid.z % params.splits;
  let row0 = wid.y * TILE;
  let col0 = wid.x * TILE;
  let end = min((split + 1u) * params.k_per_split, params.K);
  let a_base = batch * params.a_stride;
  let w_base = batch * params.w_stride;
  // Neighbouring invocations load along whichever axis is contiguous.
  let a_fast_k = params.a_col == 1u;
  let w_fast_k = params.w_row == 1u && params.w_col != 1u;
  var begin = split * params.k_per_split;
  var of_a = vec4<f32>(0.0);
  loop {
    var stop = end;
    if (in_rounds) { stop = min(begin + params.k_per_round, end); }
    var sums = Sums();
    var own = vec4<f32>(0.0);
    var k0 = begin;
    loop { // at least once, so that compilers may move out what is always the same
      @unroll for (var i = 0u; i < LOADS; i++) {
        let at = lid + i * THREADS;
        let quad = select(at % QUADS, at / STEP, a_fast_k);
        let slot = select(at / QUADS, at % STEP, a_fast_k);
        let start = a_base + min(k0 + slot, end - 1u) * params.a_col;
        var v: vec4<f32>;
        @unroll for (var r = 0u; r < 4u; r++) {
          v[r] = f32(a[start + min(row0 + 4u * quad + r, params.M - 1u) * params.a_row]);
        }
        v = select(vec4<f32>(0.0), v, k0 + slot < end);
        left[slot][quad] = v;
        if (has_a_sums) { own += v; }
      }
      @unroll for (var i = 0u; i < LOADS; i++) {
        let at = lid + i * THREADS;
        let quad = select(at % QUADS, at / STEP, w_fast_k);
        let slot = select(at / QUADS, at % STEP, w_fast_k);
        let start = w_base + min(k0 + slot, end - 1u) * params.w_row;
        var v: vec4<f32>;
        @unroll for (var r = 0u; r < 4u; r++) {
          v[r] = f32(w[start + min(col0 + 4u * quad + r, params.N - 1u) * params.w_col]);
        }
        right[slot][quad] = select(vec4<f32>(0.0), v, k0 + slot < end);
      }
      workgroupBarrier();
      multiply(&sums, lid);
      workgroupBarrier();
      continuing {
        k0 += STEP;
        break if k0 >= stop;
      }
    }
    // wid, in words that change from round to round: else compilers hold what lies inside in registers over all of it.
    store_all(&sums, wid + (begin >> 31u), lid);
    of_a += own;
    begin = stop;
    if (!in_rounds || begin >= end) { break; }
    is_first = false;
  }
  if (has_a_sums) { store_a_sums(of_a, wid, lid, split); }
}

// Each invocation has seen four rows of `a`, the same in every slice, and several of them share these.
fn store_a_sums(own: vec4<f32>, wid: vec3<u32>, lid: u32, split: u32) {
  left[lid / QUADS][lid % QUADS] = own;
  workgroupBarrier();
  if (wid.x > 0u || lid >= QUADS) { return; }
  var all = own;
  for (var i = 1u; i < THREADS / QUADS; i++) { all += left[i][lid]; }
  for (var c = 0u; c < 4u; c++) {
    let m = wid.y * TILE + 4u * lid + c;
    if (m < params.M) { a_sums[split * params.M + m] = all[c]; }
  }
}

fn store(wid: vec3<u32>, m: u32, n: u32, _block: u32, sums: vec4<f32>) {
  var v = sums;
  if (params.has_bias != 0u) {
    for (var c = 0u; c < 4u; c++) { v[c] += bias[min(n + c, params.N - 1u)]; }
  }
  var out = v;
  if (!has_gate) { out = activation(v); }
  for (var c = 0u; c < 4u; c++) {
    if (m < params.M && n + c < params.N) {
      let to = (wid.z * params.M + m) * params.N + n + c;
      if (params.has_pre != 0u) { pre[to] = Y(v[c]); }
      if (has_gate) { out[c] = activation_gradient(vec4<f32>(f32(gate[to])), vec4<f32>(v[c])).x; }
      if (in_rounds && !is_first) { y[to] += Y(out[c]); } else { y[to] = Y(out[c]); }
    }
  }
}
