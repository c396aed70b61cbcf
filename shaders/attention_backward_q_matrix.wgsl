// As attention_backward_q_tile.wgsl by matrix units, for f16 and rows of up to 64 floats. Bindings as there; dispatched
// over [ceil(T / 32), heads of all batches].
// @tile 32
// @include lib/rng.wgsl
// @include lib/math.wgsl
// @include lib/attention.wgsl
// @include lib/attention_matrix.wgsl
// @include lib/attention_dout.wgsl
@group(0) @binding(0) var<storage, read> q: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<E>>;
@group(0) @binding(3) var<storage, read> o: array<vec4<E>>;
@group(0) @binding(4) var<storage, read> dout: array<vec4<E>>;
@group(0) @binding(5) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read_write> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4<E>>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let head = wid.y;
  let first = wid.x * ROWS;
  let q_base = q_row(head, 0u);
  let k_base = k_row(head, 0u);
  let o_base = o_row(head, 0u);
  let row = lid / 4u;
  let run = lid % 4u * 4u;
  let query = first + row;
  let own = min(query, params.T - 1u);
  let end = select(params.S, min(params.S, first + ROWS), params.causal != 0u);
  let visible = select(params.S, min(params.S, query + 1u), params.causal != 0u);
  var own_delta = 0.0;
  @unroll for (var i = 0u; i < 4u; i++) {
    let c = lid % 4u + 4u * i;
    if (c < params.depth) {
      let at = o_base + own * params.o_token + c;
      own_delta += dot(vec4<f32>(dout[at]), vec4<f32>(o[at]));
    }
  }
  own_delta = sum_of_row(own_delta, lid);
  let own_stats = stats[head * params.T + own];
  if (query < params.T && lid % 4u == 0u) { delta[head * params.T + query] = own_delta; }
  var sums: Sums;
  for (var start = 0u; start < end; start += ROWS) {
    @unroll for (var i = 0u; i < 4u; i++) {
      let line = lid / 16u + 8u * i;
      put_own(line, lid % 16u, query_at(q_base, first + line, lid % 16u));
      put_walked(line, lid % 16u, key_at(k_base, start + line, lid % 16u));
    }
    scores(subgroup);
    var p: array<vec4<f32>, 2>;
    @unroll for (var h = 0u; h < 2u; h++) {
      p[h] = precise_exp(params.scale * given_at(row, run + 16u * h) - own_stats.x) * own_stats.y;
    }
    @unroll for (var i = 0u; i < 4u; i++) {
      let line = lid / 16u + 8u * i;
      put_own(line, lid % 16u, dout_at(o_base, first + line, lid % 16u));
      put_walked(line, lid % 16u, value_at(k_base, start + line, lid % 16u));
    }
    scores(subgroup);
    @unroll for (var h = 0u; h < 2u; h++) {
      let column = run + 16u * h;
      let key = start + column + vec4<u32>(0u, 1u, 2u, 3u);
      let factor = vec4<f32>(
        kept(head, query, key.x), kept(head, query, key.y), kept(head, query, key.z), kept(head, query, key.w));
      let ds = p[h] * (factor * given_at(row, column) - own_delta);
      put_weights(row, column, select(vec4<f32>(0.0), ds, key < vec4<u32>(visible)));
    }
    let line = lid % 8u * 4u;
    var b: Block;
    @unroll for (var r = 0u; r < 4u; r++) { b[r] = key_at(k_base, start + line + r, lid / 8u); }
    put_columns(line, lid / 8u, b);
    add_weighted(&sums, subgroup);
  }
  @unroll for (var j = 0u; j < 2u; j++) {
    hand_back(&sums, j, subgroup);
    @unroll for (var h = 0u; h < 2u; h++) {
      let c = column_of(j, run + 16u * h) / 4u;
      if (query < params.T && c < params.depth) {
        dq[q_base + query * params.q_token + c] = vec4<E>(params.scale * given_at(row, run + 16u * h));
      }
    }
  }
}
