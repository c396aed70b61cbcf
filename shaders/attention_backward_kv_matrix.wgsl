// As attention_backward_kv_tile.wgsl by matrix units, for f16 and rows of up to 64 floats. Bindings as there;
// dispatched over [ceil(S / 32), heads of all batches].
// @tile 32
// @include lib/rng.wgsl
// @include lib/math.wgsl
// @include lib/attention.wgsl
// @include lib/attention_matrix.wgsl
// @include lib/attention_dout.wgsl
@group(0) @binding(0) var<storage, read> q: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<E>>;
@group(0) @binding(3) var<storage, read> dout: array<vec4<E>>;
@group(0) @binding(4) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> delta: array<f32>;
@group(0) @binding(6) var<storage, read_write> dk: array<vec4<E>>;
@group(0) @binding(7) var<storage, read_write> dv: array<vec4<E>>;
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
  let key = first + row;
  let seen_from = select(0u, key, params.causal != 0u);
  var dks: Sums;
  var dvs: Sums;
  for (var start = select(0u, first, params.causal != 0u); start < params.T; start += ROWS) {
    @unroll for (var i = 0u; i < 4u; i++) {
      let line = lid / 16u + 8u * i;
      put_own(line, lid % 16u, key_at(k_base, first + line, lid % 16u));
      put_walked(line, lid % 16u, query_at(q_base, start + line, lid % 16u));
    }
    scores(subgroup);
    var p: array<vec4<f32>, 2>;
    @unroll for (var h = 0u; h < 2u; h++) {
      let query = start + run + 16u * h + vec4<u32>(0u, 1u, 2u, 3u);
      let s = params.scale * given_at(row, run + 16u * h);
      var largest: vec4<f32>;
      var inverse: vec4<f32>;
      @unroll for (var i = 0u; i < 4u; i++) {
        let own_stats = stats[head * params.T + min(query[i], params.T - 1u)];
        largest[i] = own_stats.x;
        inverse[i] = own_stats.y;
      }
      p[h] = precise_exp(s - largest) * inverse;
    }
    @unroll for (var i = 0u; i < 4u; i++) {
      let line = lid / 16u + 8u * i;
      put_own(line, lid % 16u, value_at(k_base, first + line, lid % 16u));
      put_walked(line, lid % 16u, dout_at(o_base, start + line, lid % 16u));
    }
    scores(subgroup);
    @unroll for (var h = 0u; h < 2u; h++) {
      let column = run + 16u * h;
      let query = start + column + vec4<u32>(0u, 1u, 2u, 3u);
      let seen = (query < vec4<u32>(params.T)) & (query >= vec4<u32>(seen_from));
      var factor: vec4<f32>;
      var own_delta: vec4<f32>;
      @unroll for (var i = 0u; i < 4u; i++) {
        factor[i] = kept(head, query[i], key);
        own_delta[i] = delta[head * params.T + min(query[i], params.T - 1u)];
      }
      put_weights(row, column, select(vec4<f32>(0.0), UNIT * factor * p[h], seen));
      p[h] = select(vec4<f32>(0.0), p[h] * (factor * given_at(row, column) - own_delta), seen);
    }
    let line = lid % 8u * 4u;
    var b: Block;
    @unroll for (var r = 0u; r < 4u; r++) { b[r] = dout_at(o_base, start + line + r, lid / 8u); }
    put_columns(line, lid / 8u, b);
    add_weighted(&dvs, subgroup);
    @unroll for (var h = 0u; h < 2u; h++) { put_weights(row, run + 16u * h, p[h]); }
    @unroll for (var r = 0u; r < 4u; r++) { b[r] = query_at(q_base, start + line + r, lid / 8u); }
    put_columns(line, lid / 8u, b);
    add_weighted(&dks, subgroup);
  }
  @unroll for (var j = 0u; j < 2u; j++) {
    hand_back(&dks, j, subgroup);
    @unroll for (var h = 0u; h < 2u; h++) {
      let c = column_of(j, run + 16u * h) / 4u;
      if (key < params.S && c < params.depth) {
        dk[params.k_offset + k_base + key * params.k_token + c] =
          vec4<E>(params.scale * given_at(row, run + 16u * h));
      }
    }
    hand_back(&dvs, j, subgroup);
    @unroll for (var h = 0u; h < 2u; h++) {
      let c = column_of(j, run + 16u * h) / 4u;
      if (key < params.S && c < params.depth) {
        let to = k_base + key * params.k_token + c;
        let v_out = vec4<E>(given_at(row, run + 16u * h) / UNIT);
        if (has_k) { dv[to] = v_out; } else { dk[params.v_offset + to] = v_out; }
      }
    }
  }
}
