// exp(v) - 1, log(1 + v) and what is made of them; lib/math.wgsl must be included too.

// exp(v) - 1 to f32 rounding: its Taylor series near 0, where the difference would cancel.
fn precise_expm1(v: vec4<f32>) -> vec4<f32> {
  let series = v * (1.0 + v / 2.0 * (1.0 + v / 3.0 * (1.0 + v / 4.0 * (1.0 + v / 5.0 * (1.0 + v / 6.0 * (1.0 + v / 7.0 *
    (1.0 + v / 8.0)))))));
  return select(precise_exp(v) - 1.0, series, abs(v) < vec4<f32>(0.35));
}

fn precise_log1p(v: vec4<f32>) -> vec4<f32> {
  let r = v / (v + 2.0);
  return select(precise_log(1.0 + v), log_series(r), abs(r) < vec4<f32>(0.15));
}

// log(1 + exp(v)); the exponent is never positive, so nothing overflows.
fn softplus(v: vec4<f32>) -> vec4<f32> {
  return relu(v) + precise_log1p(exp(-abs(v)));
}

// From low to high, high where they cross; NaN stays NaN.
fn clamp_nan(v: vec4<f32>, low: f32, high: f32) -> vec4<f32> {
  return select(min(max(v, vec4<f32>(low)), vec4<f32>(high)), v, is_nan(v));
}
