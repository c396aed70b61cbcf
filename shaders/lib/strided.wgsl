// Walking n elements of shape [s0 … s5] (leading sizes 1 when there are fewer than six axes; `rank` counts the others)
// with two sets of strides a0 … a5 and b0 … b5, 0 where broadcast. Neighbouring axes are merged beforehand: most walks
// need one division or none.
struct Params {
  n: u32, rank: u32, scale: f32, a_offset: u32, b_offset: u32,
  s1: u32, s2: u32, s3: u32, s4: u32, s5: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32, b5: u32,
}

// Places (a, b) of the i-th element.
fn places(i: u32) -> vec2<u32> {
  if (params.rank < 2u) { return vec2<u32>(i * params.a5, i * params.b5); }
  var rest = i / params.s5;
  var at = (i - rest * params.s5) * vec2<u32>(params.a5, params.b5);
  if (params.rank < 3u) { return at + rest * vec2<u32>(params.a4, params.b4); }
  var next = rest / params.s4;
  at += (rest - next * params.s4) * vec2<u32>(params.a4, params.b4);
  if (params.rank < 4u) { return at + next * vec2<u32>(params.a3, params.b3); }
  rest = next / params.s3;
  at += (next - rest * params.s3) * vec2<u32>(params.a3, params.b3);
  if (params.rank < 5u) { return at + rest * vec2<u32>(params.a2, params.b2); }
  next = rest / params.s2;
  at += (rest - next * params.s2) * vec2<u32>(params.a2, params.b2);
  rest = next / params.s1;
  return at + (next - rest * params.s1) * vec2<u32>(params.a1, params.b1) + rest * vec2<u32>(params.a0, params.b0);
}
