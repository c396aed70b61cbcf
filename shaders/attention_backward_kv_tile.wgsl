// As attention_backward_kv_cpu.wgsl without subgroups: one workgroup owns 32 keys of a head and walks over the
// queries 32 at a time, as in attention_forward_tile.wgsl. Bindings as there; dispatched over [ceil(S / 32), heads of
// all batches].
// @tile 32
// @variant E = f32, f16
// @include lib/rng.wgsl
// @include lib/math.wgsl
// @include lib/attention.wgsl
// @include lib/attention_tile.wgsl
@group(0) @binding(0) var<storage, read> q: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<E>>;
@group(0) @binding(3) var<storage, read> dout: array<vec4<E>>;
@group(0) @binding(4) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> delta: array<f32>;
@group(0) @binding(6) var<storage, read_write> dk: array<vec4<E>>;
@group(0) @binding(7) var<storage, read_write> dv: array<vec4<E>>;
@group(0) @binding(8) var<uniform> params: Params;
override CHUNKS: u32;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let head = wid.y;
  let first = wid.x * 32u;
  let q_base = q_row(head, 0u);
  let k_base = k_row(head, 0u);
  let o_base = o_row(head, 0u);
  let down = lid / 8u;
  let across = lid % 8u;
  var dks = array<Quad, 4>();
  var dvs = array<Quad, 4>();
  for (var start = select(0u, first, params.causal != 0u); start < params.T; start += 32u) {
    var scores = Quad();
    var grads = Quad();
    for (var chunk = 0u; chunk < 2u * CHUNKS; chunk++) {
      workgroupBarrier();
      for (var e = lid; e < 256u; e += THREADS) {
        let row = e / 8u;
        let c = chunk / 2u * 8u + e % 8u;
        let query = min(start + row, params.T - 1u);
        let key = k_base + min(first + row, params.S - 1u) * params.k_token + c;
        var a = vec4<f32>(0.0);
        var b = vec4<f32>(0.0);
        if (c < params.depth && chunk % 2u == 0u) {
          a = key_part(key);
          b = params.scale * vec4<f32>(q[q_base + query * params.q_token + c]);
        } else if (c < params.depth) {
          a = value_part(key);
          b = vec4<f32>(dout[o_base + query * params.o_token + c]);
        }
        left[row * PITCH + e % 8u] = a;
        right[row * PITCH + e % 8u] = b;
      }
      workgroupBarrier();
      if (chunk % 2u == 0u) { scores = scores_of(scores, lid); } else { grads = scores_of(grads, lid); }
    }
    let query = start + across + vec4<u32>(0u, 8u, 16u, 24u);
    var largest: vec4<f32>;
    var inverse: vec4<f32>;
    var own_delta: vec4<f32>;
    @unroll for (var j = 0u; j < 4; j++) {
      let at = head * params.T + min(query[j], params.T - 1u);
      largest[j] = stats[at].x;
      inverse[j] = stats[at].y;
      own_delta[j] = delta[at];
    }
    @unroll for (var i = 0u; i < ROWS; i++) {
      let hidden = (query >= vec4<u32>(params.T))
        | ((vec4<u32>(first + down * ROWS + i) > query) & vec4<bool>(params.causal != 0u));
      let p = select(precise_exp(scores[i] - largest) * inverse, vec4<f32>(0.0), hidden);
      var factor = vec4<f32>(1.0);
      @unroll for (var j = 0u; j < 4; j++) { factor[j] = kept(head, query[j], first + down * ROWS + i); }
      weights[(down * ROWS + i) * PITCH + across] = factor * p;
      grads[i] = p * (factor * grads[i] - own_delta);
    }
    @unroll for (var chunk = 0u; chunk < 4; chunk++) {
      if (chunk < CHUNKS) {
        workgroupBarrier();
        for (var e = lid; e < 256u; e += THREADS) {
          let c = min(chunk * 8u + e % 8u, params.depth - 1u);
          right[e / 8u * PITCH + e % 8u] =
            vec4<f32>(dout[o_base + min(start + e / 8u, params.T - 1u) * params.o_token + c]);
        }
        workgroupBarrier();
        dvs[chunk] = weighted(dvs[chunk], lid);
      }
    }
    workgroupBarrier();
    @unroll for (var i = 0u; i < ROWS; i++) { weights[(down * ROWS + i) * PITCH + across] = grads[i]; }
    @unroll for (var chunk = 0u; chunk < 4; chunk++) {
      if (chunk < CHUNKS) {
        workgroupBarrier();
        for (var e = lid; e < 256u; e += THREADS) {
          let c = min(chunk * 8u + e % 8u, params.depth - 1u);
          let row = q_base + min(start + e / 8u, params.T - 1u) * params.q_token;
          right[e / 8u * PITCH + e % 8u] = params.scale * vec4<f32>(q[row + c]);
        }
        workgroupBarrier();
        dks[chunk] = weighted(dks[chunk], lid);
      }
    }
  }
  @unroll for (var i = 0u; i < ROWS; i++) {
    let key = first + down * ROWS + i;
    if (key < params.S) {
      @unroll for (var chunk = 0u; chunk < 4; chunk++) {
        let c = chunk * 8u + across;
        if (c < params.depth) {
          let to = k_base + key * params.k_token + c;
          dk[params.k_offset + to] = vec4<E>(dks[chunk][i]);
          let v_out = vec4<E>(dvs[chunk][i]);
          if (has_k) { dv[to] = v_out; } else { dk[params.v_offset + to] = v_out; }
        }
      }
    }
  }
}
