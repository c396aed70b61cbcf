// NaN, out of the compiler's sight: a constant one would not compile.
fn nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}
