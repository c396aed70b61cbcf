// dq of attention_forward_cpu.wgsl: dq = scale · Σ_keys ds·k with p = exp(score - m) / Σ exp(score - m), ds = p·(do·v -
// delta), delta = do·o, which is kept for attention_backward_kv_cpu.wgsl. One query a lane, keys one after another.
// dout: the gradient of o. Places, stats, delta and dispatch as there. Scores and do·o are added up in the order of the
// forward pass and of do·v: equal numbers cancel exactly.
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
@group(0) @binding(3) var<storage, read> o: array<vec4<E>>;
@group(0) @binding(4) var<storage, read> dout: array<vec4<E>>;
@group(0) @binding(5) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read_write> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4<E>>;
@group(0) @binding(8) var<uniform> params: Params;
const D4 = D / 4;
const LOADS = (D4 + SG - 1) / SG;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = wid.y;
  let query = wid.x * SG + lane;
  var column: array<u32, LOADS>;
  @unroll for (var l = 0u; l < LOADS; l++) { column[l] = min(l * SG + lane, params.depth - 1u); }
  // Each lane keeps the rows of its query. One load of each in the code: it compiles faster.
  let token = min(query, params.T - 1u);
  let own = q_row(head, token);
  let own_out = o_row(head, token);
  var qs: array<vec4<f32>, D4>;
  var gs: array<vec4<f32>, D4>;
  var products = vec4<f32>(0.0);
  for (var i = 0u; i < params.depth; i++) {
    let q_part = vec4<f32>(q[own + i]) * params.scale;
    let g_part = vec4<f32>(dout[own_out + i]);
    products += g_part * vec4<f32>(o[own_out + i]);
    @unroll for (var j = 0u; j < D4; j++) {
      qs[j] = select(qs[j], q_part, i == j);
      gs[j] = select(gs[j], g_part, i == j);
    }
  }
  let own_delta = products.x + products.y + products.z + products.w;
  var sum: array<vec4<f32>, D4>;
  let own_stats = stats[head * params.T + token];
  let base = k_row(head, 0u);
  let end = select(params.S, min(params.S, (wid.x + 1u) * SG), params.causal != 0u);
  for (var key = 0u; key < end; key++) {
    let row = base + key * params.k_token;
    var ks: array<vec4<f32>, LOADS>;
    var vs: array<vec4<f32>, LOADS>;
    @unroll for (var l = 0u; l < LOADS; l++) {
      ks[l] = key_part(row + column[l]);
      vs[l] = value_part(row + column[l]);
    }
    var scores = vec4<f32>(0.0);
    var grads = vec4<f32>(0.0);
    @unroll for (var i = 0u; i < D4; i++) {
      scores += qs[i] * subgroupBroadcast(ks[i / SG], i % SG);
      grads += gs[i] * subgroupBroadcast(vs[i / SG], i % SG);
    }
    let p = exp1(scores.x + scores.y + scores.z + scores.w - own_stats.x) * own_stats.y;
    var ds = p * (kept(head, query, key) * (grads.x + grads.y + grads.z + grads.w) - own_delta);
    if (params.causal != 0u) { ds = select(ds, 0.0, key > query); }
    @unroll for (var i = 0u; i < D4; i++) { sum[i] += ds * subgroupBroadcast(ks[i / SG], i % SG); }
  }
  if (query >= params.T) { return; }
  for (var i = 0u; i < params.depth; i++) {
    var v = sum[0];
    @unroll for (var j = 1u; j < D4; j++) { v = select(v, sum[j], i == j); }
    dq[own + i] = vec4<E>(v * params.scale);
  }
  delta[head * params.T + query] = own_delta;
}
