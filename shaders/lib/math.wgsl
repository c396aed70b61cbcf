// Elementary functions where WGSL's own are too loose or overflow.

// A compiler may assume that NaN does not occur, so the test looks at the bits.
fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

// 1 / (1 + exp(-v)); the exponent is never positive, so nothing overflows.
fn sigmoid(v: f32) -> f32 {
  let e = exp(-abs(v));
  return select(e, 1.0, v >= 0.0) / (1.0 + e);
}

// tanh to f32 rounding: its Taylor series near 0, where 1 - exp(-2|v|) would cancel.
fn precise_tanh(v: f32) -> f32 {
  let a = abs(v);
  let s = v * v;
  let series = v * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))));
  let e = exp(-2.0 * a);
  return select(sign(v) * (1.0 - e) / (1.0 + e), series, a < 0.25);
}
