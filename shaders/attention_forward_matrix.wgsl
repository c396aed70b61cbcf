// As attention_forward_tile.wgsl by matrix units, for f16 and rows of up to 64 floats. Sums that matrix units hold
// cannot be scaled row by row, so it walks over the keys twice: for the highest score of each row, then, with the
// scores computed again, for probabilities, their sum and the values. Dispatched over [ceil(T / 32), heads of all
// batches].
// @tile 32
// @include lib/rng.wgsl
// @include lib/math.wgsl
// @include lib/attention.wgsl
// @include lib/attention_matrix.wgsl
@group(0) @binding(0) var<storage, read> q: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<E>>;
@group(0) @binding(3) var<storage, read_write> o: array<vec4<E>>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let head = wid.y;
  let first = wid.x * ROWS;
  let q_base = q_row(head, 0u);
  let k_base = k_row(head, 0u);
  let row = lid / 4u;
  let run = lid % 4u * 4u;
  let query = first + row;
  let end = select(params.S, min(params.S, first + ROWS), params.causal != 0u);
  let visible = select(params.S, min(params.S, query + 1u), params.causal != 0u);
  @unroll for (var i = 0u; i < 4u; i++) {
    let line = lid / 16u + 8u * i;
    put_own(line, lid % 16u, query_at(q_base, first + line, lid % 16u));
  }
  var largest = -3e38;
  for (var start = 0u; start < end; start += ROWS) {
    walk_keys(k_base, start, lid);
    scores(subgroup);
    @unroll for (var h = 0u; h < 2u; h++) {
      let column = run + 16u * h;
      let key = start + column + vec4<u32>(0u, 1u, 2u, 3u);
      let s = select(vec4<f32>(-3e38), params.scale * given_at(row, column), key < vec4<u32>(visible));
      largest = max(largest, max(max(s.x, s.y), max(s.z, s.w)));
    }
  }
  workgroupBarrier();
  given[lid] = largest;
  workgroupBarrier();
  let others = given_at(0u, lid / 4u * 4u);
  largest = max(max(others.x, others.y), max(others.z, others.w));
  var total = 0.0;
  var sums: Sums;
  for (var start = 0u; start < end; start += ROWS) {
    walk_keys(k_base, start, lid);
    scores(subgroup);
    @unroll for (var h = 0u; h < 2u; h++) {
      let column = run + 16u * h;
      let key = start + column + vec4<u32>(0u, 1u, 2u, 3u);
      var p = precise_exp(params.scale * given_at(row, column) - largest);
      p = select(vec4<f32>(0.0), p, key < vec4<u32>(visible));
      total += dot(p, vec4<f32>(1.0));
      put_weights(row, column, UNIT * p * vec4<f32>(
        kept(head, query, key.x), kept(head, query, key.y), kept(head, query, key.z), kept(head, query, key.w)));
    }
    let line = lid % 8u * 4u;
    var b: Block;
    @unroll for (var r = 0u; r < 4u; r++) { b[r] = value_at(k_base, start + line + r, lid / 8u); }
    put_columns(line, lid / 8u, b);
    add_weighted(&sums, subgroup);
  }
  total = sum_of_row(total, lid);
  if (query < params.T && lid % 4u == 0u) { stats[head * params.T + query] = vec2<f32>(largest, 1.0 / total); }
  @unroll for (var j = 0u; j < 2u; j++) {
    hand_back(&sums, j, subgroup);
    @unroll for (var h = 0u; h < 2u; h++) {
      let c = column_of(j, run + 16u * h) / 4u;
      if (query < params.T && c < params.depth) {
        o[o_row(head, query) + c] = vec4<E>(given_at(row, run + 16u * h) / (UNIT * total));
      }
    }
  }
}
