// Where attention's rows lie. Queries, outputs and their gradients are rows [batch, head, token] at any strides, keys
// and values likewise, so that q, k, v may be three tensors [B, H, T, D] or one [B, T, 3, H, D] as a projection writes
// it, bound only as q: without a k, k and v start at k_offset and v_offset. Strides, offsets and `depth`, the length of
// a row, count vec4.
struct Params {
  heads: u32, T: u32, S: u32, depth: u32, scale: f32, causal: u32, k_offset: u32, v_offset: u32,
  q_batch: u32, q_head: u32, q_token: u32, k_batch: u32, k_head: u32, k_token: u32,
  o_batch: u32, o_head: u32, o_token: u32,
  p: f32, rescale: f32, seed: u32, stream: u32, step: u32,
}
override DROPOUT: bool = false;
override has_k: bool;

// Four floats of a key's row, counted from where keys begin; likewise of a value's.
fn key_part(at: u32) -> vec4<f32> {
  if (!has_k) { return vec4<f32>(q[params.k_offset + at]); }
  return vec4<f32>(k[at]);
}

fn value_part(at: u32) -> vec4<f32> {
  if (!has_k) { return vec4<f32>(q[params.v_offset + at]); }
  return vec4<f32>(v[at]);
}

fn q_row(head: u32, token: u32) -> u32 {
  let batch = head / params.heads;
  return batch * params.q_batch + (head - batch * params.heads) * params.q_head + token * params.q_token;
}

fn k_row(head: u32, token: u32) -> u32 {
  let batch = head / params.heads;
  return batch * params.k_batch + (head - batch * params.heads) * params.k_head + token * params.k_token;
}

fn o_row(head: u32, token: u32) -> u32 {
  let batch = head / params.heads;
  return batch * params.o_batch + (head - batch * params.heads) * params.o_head + token * params.o_token;
}

// What dropout makes of the probability that a query gives a key: times 0, or times 1/(1 - p). A function of the place:
// nothing is stored.
fn kept(head: u32, query: u32, key: u32) -> f32 {
  if (!DROPOUT) { return 1.0; }
  let call = params.seed ^ (params.stream * 0x9e3779b9u);
  let random = uniform01(pcg4d(vec4<u32>(query * params.S + key, head, call, params.step)));
  return select(0.0, params.rescale, random.x >= params.p);
}
