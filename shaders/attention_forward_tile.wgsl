// As attention_forward_cpu.wgsl without subgroups: one workgroup owns 32 queries of a head and walks over the
// keys 32 at a time, with tiles of 32 floats of the rows in workgroup memory. CHUNKS = ceil(row length / 32). Bindings
// as there; dispatched over [ceil(T / 32), heads of all batches].
// @tile 32
// @variant E = f32, f16
// @include lib/rng.wgsl
// @include lib/math.wgsl
// @include lib/attention.wgsl
// @include lib/attention_tile.wgsl
@group(0) @binding(0) var<storage, read> q: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<E>>;
@group(0) @binding(3) var<storage, read_write> o: array<vec4<E>>;
@group(0) @binding(4) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(5) var<uniform> params: Params;
override CHUNKS: u32;
var<workgroup> highest: array<f32, 256>; // of each row, by each of the 8 invocations that share it
var<workgroup> added: array<f32, 256>; // likewise

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let head = wid.y;
  let first = wid.x * 32u;
  let q_base = q_row(head, 0u);
  let k_base = k_row(head, 0u);
  let down = lid / 8u;
  let across = lid % 8u;
  var sums = array<Quad, 4>();
  var largest = vec4<f32>(-3e38);
  var total = vec4<f32>(0.0);
  let end = select(params.S, min(params.S, first + 32u), params.causal != 0u);
  for (var start = 0u; start < end; start += 32u) {
    var scores = Quad();
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      workgroupBarrier();
      for (var e = lid; e < 256u; e += THREADS) {
        let row = e / 8u;
        let c = chunk * 8u + e % 8u;
        var a = vec4<f32>(0.0);
        var b = vec4<f32>(0.0);
        if (c < params.depth) {
          a = params.scale * vec4<f32>(q[q_base + min(first + row, params.T - 1u) * params.q_token + c]);
          b = key_part(k_base + min(start + row, params.S - 1u) * params.k_token + c);
        }
        left[row * PITCH + e % 8u] = a;
        right[row * PITCH + e % 8u] = b;
      }
      workgroupBarrier();
      scores = scores_of(scores, lid);
    }
    let key = start + across + vec4<u32>(0u, 8u, 16u, 24u);
    @unroll for (var i = 0u; i < ROWS; i++) {
      let hidden = (key >= vec4<u32>(params.S))
        | ((key > vec4<u32>(first + down * ROWS + i)) & vec4<bool>(params.causal != 0u));
      scores[i] = select(scores[i], vec4<f32>(-3e38), hidden);
      highest[(down * ROWS + i) * 8u + across] = max(max(scores[i].x, scores[i].y), max(scores[i].z, scores[i].w));
    }
    workgroupBarrier();
    var shrink: vec4<f32>;
    @unroll for (var i = 0u; i < ROWS; i++) {
      let row = (down * ROWS + i) * 8u;
      var next = largest[i];
      for (var n = 0u; n < 8u; n++) { next = max(next, highest[row + n]); }
      shrink[i] = exp(largest[i] - next);
      largest[i] = next;
      let p = precise_exp(scores[i] - next);
      added[row + across] = dot(p, vec4<f32>(1.0));
      let query = first + down * ROWS + i;
      weights[(down * ROWS + i) * PITCH + across] = p * vec4<f32>(
        kept(head, query, key[0]), kept(head, query, key[1]), kept(head, query, key[2]), kept(head, query, key[3]));
    }
    workgroupBarrier();
    @unroll for (var i = 0u; i < ROWS; i++) {
      total[i] *= shrink[i];
      for (var n = 0u; n < 8u; n++) { total[i] += added[(down * ROWS + i) * 8u + n]; }
    }
    @unroll for (var chunk = 0u; chunk < 4; chunk++) {
      if (chunk < CHUNKS) {
        workgroupBarrier();
        for (var e = lid; e < 256u; e += THREADS) {
          let row = e / 8u;
          let c = min(chunk * 8u + e % 8u, params.depth - 1u);
          right[row * PITCH + e % 8u] = value_part(k_base + min(start + row, params.S - 1u) * params.k_token + c);
        }
        workgroupBarrier();
        @unroll for (var i = 0u; i < ROWS; i++) { sums[chunk][i] *= shrink[i]; }
        sums[chunk] = weighted(sums[chunk], lid);
      }
    }
  }
  @unroll for (var i = 0u; i < ROWS; i++) {
    let query = first + down * ROWS + i;
    if (query < params.T) {
      let to = o_row(head, query);
      @unroll for (var chunk = 0u; chunk < 4; chunk++) {
        if (chunk * 8u + across < params.depth) { o[to + chunk * 8u + across] = vec4<E>(sums[chunk][i] / total[i]); }
      }
      if (across == 0u) { stats[head * params.T + query] = vec2<f32>(largest[i], 1.0 / total[i]); }
    }
  }
}
