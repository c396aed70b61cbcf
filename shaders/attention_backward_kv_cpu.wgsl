// dk and dv of attention_forward_cpu.wgsl: dv = Σ_queries p·do, dk = scale · Σ_queries ds·q with p = exp(score - m) / Σ
// exp(score - m), ds = p·(do·v - delta) (delta from attention_backward_q_cpu.wgsl). One key a lane, queries one after
// another, broadcast. Packed, dk and dv go into one tensor, bound as dk. Places as in lib/attention.wgsl; stats
// [heads of all batches, T, 2], delta [heads of all batches, T]. The scale goes to q as in the forward pass: scores are
// the same to the bit. Dispatched over [ceil(S / SG), heads of all batches].
// @each 1
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
@group(0) @binding(3) var<storage, read> dout: array<vec4<E>>;
@group(0) @binding(4) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> delta: array<f32>;
@group(0) @binding(6) var<storage, read_write> dk: array<vec4<E>>;
@group(0) @binding(7) var<storage, read_write> dv: array<vec4<E>>;
@group(0) @binding(8) var<uniform> params: Params;
const D4 = D / 4;
const LOADS = (D4 + SG - 1) / SG;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = wid.y;
  let key = wid.x * SG + lane;
  var column: array<u32, LOADS>;
  @unroll for (var l = 0u; l < LOADS; l++) { column[l] = min(l * SG + lane, params.depth - 1u); }
  // Each lane keeps the row of its key. One load in the code: it compiles faster.
  let own = k_row(head, min(key, params.S - 1u));
  var ks: array<vec4<f32>, D4>;
  var vs: array<vec4<f32>, D4>;
  for (var i = 0u; i < params.depth; i++) {
    let k_part = key_part(own + i);
    let v_part = value_part(own + i);
    @unroll for (var j = 0u; j < D4; j++) {
      ks[j] = select(ks[j], k_part, i == j);
      vs[j] = select(vs[j], v_part, i == j);
    }
  }
  var dks: array<vec4<f32>, D4>;
  var dvs: array<vec4<f32>, D4>;
  let q_base = q_row(head, 0u);
  let o_base = o_row(head, 0u);
  for (var query = select(0u, wid.x * SG, params.causal != 0u); query < params.T; query++) {
    var qs: array<vec4<f32>, LOADS>;
    var gs: array<vec4<f32>, LOADS>;
    @unroll for (var l = 0u; l < LOADS; l++) {
      qs[l] = vec4<f32>(q[q_base + query * params.q_token + column[l]]) * params.scale;
      gs[l] = vec4<f32>(dout[o_base + query * params.o_token + column[l]]);
    }
    var scores = vec4<f32>(0.0);
    var grads = vec4<f32>(0.0);
    @unroll for (var i = 0u; i < D4; i++) {
      scores += ks[i] * subgroupBroadcast(qs[i / SG], i % SG);
      grads += vs[i] * subgroupBroadcast(gs[i / SG], i % SG);
    }
    let query_stats = stats[head * params.T + query];
    var p = exp1(scores.x + scores.y + scores.z + scores.w - query_stats.x) * query_stats.y;
    if (params.causal != 0u) { p = select(p, 0.0, key > query); }
    let factor = kept(head, query, key);
    let ds = p * (factor * (grads.x + grads.y + grads.z + grads.w) - delta[head * params.T + query]);
    let given = factor * p;
    @unroll for (var i = 0u; i < D4; i++) {
      dvs[i] += given * subgroupBroadcast(gs[i / SG], i % SG);
      dks[i] += ds * subgroupBroadcast(qs[i / SG], i % SG);
    }
  }
  if (key >= params.S) { return; }
  for (var i = 0u; i < params.depth; i++) {
    var k_part = dks[0];
    var v_part = dvs[0];
    @unroll for (var j = 1u; j < D4; j++) {
      k_part = select(k_part, dks[j], i == j);
      v_part = select(v_part, dvs[j], i == j);
    }
    dk[params.k_offset + own + i] = vec4<E>(k_part);
    if (has_k) { dv[own + i] = vec4<E>(v_part); } else { dk[params.v_offset + own + i] = vec4<E>(v_part); }
  }
}
