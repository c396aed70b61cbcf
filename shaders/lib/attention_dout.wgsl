// Four floats of the result's gradient, 0 behind the last query and behind a row's end.
fn dout_at(base: u32, token: u32, c: u32) -> vec4<E> {
  let ok = token < params.T && c < params.depth;
  return select(vec4<E>(), dout[select(0u, base + token * params.o_token + c, ok)], ok);
}
