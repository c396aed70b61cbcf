// Attention of T queries over S keys, softmax(scale · q·kᵀ)·v, without ever holding the T × S scores (Dao et al. 2022):
// NQ queries a lane, keys one after another with a running maximum and sum. A lane loads a part of the key's row,
// subgroupBroadcast gives it to all, and one broadcast serves all of a lane's queries.
// q, k, v, o: rows of at most D floats as vec4, placed by lib/attention.wgsl; stats [heads of all batches, T, 2]: the
// largest score m and 1 / Σ exp(score - m), for the backward pass, apart so that large scores keep their digits.
// DROPOUT: probabilities are dropped after they are summed, as kept() of lib/attention.wgsl says. `causal`: key j only
// for queries from j on. Dispatched over [ceil(T / NQ·SG), heads of all batches].
// @each NQ
// @variant E = f32, f16
// @variant SG = 4, 8
// @variant D = 32, 64, 128
// @require subgroups
// @include lib/rng.wgsl
// @include lib/math.wgsl
// @include lib/attention.wgsl
@group(0) @binding(0) var<storage, read> q: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<E>>;
@group(0) @binding(3) var<storage, read_write> o: array<vec4<E>>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(5) var<uniform> params: Params;
const D4 = D / 4;
const LOADS = (D4 + SG - 1) / SG;

const NQ = 2;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = wid.y;
  let first = wid.x * SG * NQ;
  var column: array<u32, LOADS>;
  @unroll for (var l = 0u; l < LOADS; l++) { column[l] = min(l * SG + lane, params.depth - 1u); }
  // Each lane keeps the rows of its queries. One load of each in the code: it compiles faster.
  var own: array<u32, NQ>;
  @unroll for (var n = 0u; n < NQ; n++) { own[n] = q_row(head, min(first + n * SG + lane, params.T - 1u)); }
  var qs: array<vec4<f32>, NQ * D4>;
  for (var i = 0u; i < params.depth; i++) {
    @unroll for (var n = 0u; n < NQ; n++) {
      let part = vec4<f32>(q[own[n] + i]) * params.scale;
      @unroll for (var j = 0u; j < D4; j++) { qs[n * D4 + j] = select(qs[n * D4 + j], part, i == j); }
    }
  }
  var sum: array<vec4<f32>, NQ * D4>;
  let base = k_row(head, 0u);
  let end = select(params.S, min(params.S, first + SG * NQ), params.causal != 0u);
  var largest: array<f32, NQ>;
  var total: array<f32, NQ>;
  @unroll for (var n = 0u; n < NQ; n++) { largest[n] = -3e38; }
  for (var key = 0u; key < end; key++) {
    let row = base + key * params.k_token;
    var ks: array<vec4<f32>, LOADS>;
    var vs: array<vec4<f32>, LOADS>;
    @unroll for (var l = 0u; l < LOADS; l++) {
      ks[l] = key_part(row + column[l]);
      vs[l] = value_part(row + column[l]);
    }
    var products = array<vec4<f32>, NQ>();
    @unroll for (var i = 0u; i < D4; i++) {
      let part = subgroupBroadcast(ks[i / SG], i % SG);
      @unroll for (var n = 0u; n < NQ; n++) { products[n] += qs[n * D4 + i] * part; }
    }
    var shrink: array<f32, NQ>;
    var given: array<f32, NQ>;
    @unroll for (var n = 0u; n < NQ; n++) {
      let query = first + n * SG + lane;
      var score = products[n].x + products[n].y + products[n].z + products[n].w;
      if (params.causal != 0u) { score = select(score, -3e38, key > query); }
      let next = max(largest[n], score);
      shrink[n] = exp(largest[n] - next);
      let p = exp1(score - next);
      largest[n] = next;
      total[n] = total[n] * shrink[n] + p;
      given[n] = p * kept(head, query, key);
    }
    @unroll for (var i = 0u; i < D4; i++) {
      let part = subgroupBroadcast(vs[i / SG], i % SG);
      @unroll for (var n = 0u; n < NQ; n++) { sum[n * D4 + i] = sum[n * D4 + i] * shrink[n] + given[n] * part; }
    }
  }
  @unroll for (var n = 0u; n < NQ; n++) {
    let query = first + n * SG + lane;
    if (query < params.T) {
      let to = o_row(head, query);
      // One store in the code: it compiles faster.
      for (var i = 0u; i < params.depth; i++) {
        var v = sum[n * D4];
        @unroll for (var j = 1u; j < D4; j++) { v = select(v, sum[n * D4 + j], i == j); }
        o[to + i] = vec4<E>(v / total[n]);
      }
      stats[head * params.T + query] = vec2<f32>(largest[n], 1.0 / total[n]);
    }
  }
}
