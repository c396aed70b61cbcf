// As attention_backward_q_cpu.wgsl without subgroups: one workgroup owns 32 queries of a head and walks over the
// keys 32 at a time, as in attention_forward_tile.wgsl. Bindings as there; dispatched over [ceil(T / 32), heads of all
// batches].
// @tile 32
// @variant E = f32, f16
// @include lib/rng.wgsl
// @include lib/math.wgsl
// @include lib/attention.wgsl
// @include lib/attention_tile.wgsl
@group(0) @binding(0) var<storage, read> q: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<E>>;
@group(0) @binding(3) var<storage, read> o: array<vec4<E>>;
@group(0) @binding(4) var<storage, read> dout: array<vec4<E>>;
@group(0) @binding(5) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read_write> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4<E>>;
@group(0) @binding(8) var<uniform> params: Params;
override CHUNKS: u32;
var<workgroup> own_delta: array<f32, 32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let head = wid.y;
  let first = wid.x * 32u;
  let q_base = q_row(head, 0u);
  let k_base = k_row(head, 0u);
  let o_base = o_row(head, 0u);
  let down = lid / 8u;
  let across = lid % 8u;
  if (lid < 32u) {
    let row = o_base + min(first + lid, params.T - 1u) * params.o_token;
    var product = 0.0;
    for (var c = 0u; c < params.depth; c++) { product += dot(vec4<f32>(dout[row + c]), vec4<f32>(o[row + c])); }
    own_delta[lid] = product;
    if (first + lid < params.T) { delta[head * params.T + first + lid] = product; }
  }
  var own_stats: array<vec2<f32>, 4>;
  @unroll for (var i = 0u; i < ROWS; i++) {
    own_stats[i] = stats[head * params.T + min(first + down * ROWS + i, params.T - 1u)];
  }
  var sums = array<Quad, 4>();
  let end = select(params.S, min(params.S, first + 32u), params.causal != 0u);
  for (var start = 0u; start < end; start += 32u) {
    var scores = Quad();
    var grads = Quad();
    for (var chunk = 0u; chunk < 2u * CHUNKS; chunk++) {
      workgroupBarrier();
      for (var e = lid; e < 256u; e += THREADS) {
        let row = e / 8u;
        let c = chunk / 2u * 8u + e % 8u;
        let query = min(first + row, params.T - 1u);
        let key = k_base + min(start + row, params.S - 1u) * params.k_token + c;
        var a = vec4<f32>(0.0);
        var b = vec4<f32>(0.0);
        if (c < params.depth && chunk % 2u == 0u) {
          a = params.scale * vec4<f32>(q[q_base + query * params.q_token + c]);
          b = key_part(key);
        } else if (c < params.depth) {
          a = vec4<f32>(dout[o_base + query * params.o_token + c]);
          b = value_part(key);
        }
        left[row * PITCH + e % 8u] = a;
        right[row * PITCH + e % 8u] = b;
      }
      workgroupBarrier();
      if (chunk % 2u == 0u) { scores = scores_of(scores, lid); } else { grads = scores_of(grads, lid); }
    }
    let key = start + across + vec4<u32>(0u, 8u, 16u, 24u);
    @unroll for (var i = 0u; i < ROWS; i++) {
      let hidden = (key >= vec4<u32>(params.S))
        | ((key > vec4<u32>(first + down * ROWS + i)) & vec4<bool>(params.causal != 0u));
      @unroll for (var j = 0u; j < 4; j++) { grads[i][j] *= kept(head, first + down * ROWS + i, key[j]); }
      let p = precise_exp(scores[i] - own_stats[i].x) * own_stats[i].y;
      let ds = p * (grads[i] - own_delta[down * ROWS + i]);
      weights[(down * ROWS + i) * PITCH + across] = select(ds, vec4<f32>(0.0), hidden);
    }
    @unroll for (var chunk = 0u; chunk < 4; chunk++) {
      if (chunk < CHUNKS) {
        workgroupBarrier();
        for (var e = lid; e < 256u; e += THREADS) {
          let row = e / 8u;
          let c = min(chunk * 8u + e % 8u, params.depth - 1u);
          right[row * PITCH + e % 8u] = key_part(k_base + min(start + row, params.S - 1u) * params.k_token + c);
        }
        workgroupBarrier();
        sums[chunk] = weighted(sums[chunk], lid);
      }
    }
  }
  @unroll for (var i = 0u; i < ROWS; i++) {
    let query = first + down * ROWS + i;
    if (query < params.T) {
      @unroll for (var chunk = 0u; chunk < 4; chunk++) {
        let c = chunk * 8u + across;
        if (c < params.depth) { dq[q_base + query * params.q_token + c] = vec4<E>(sums[chunk][i] * params.scale); }
      }
    }
  }
}
