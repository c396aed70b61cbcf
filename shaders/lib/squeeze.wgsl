// The functions of squeeze-excite for one number: relu or silu between its two layers, then a gate; and their slopes.
// @include lib/math.wgsl
override SILU: bool;
override HARD: bool;

fn between(v: f32) -> f32 {
  return select(relu(vec4<f32>(v)), silu(vec4<f32>(v)), SILU).x;
}

fn slope_between(v: f32) -> f32 {
  let s = sigmoid(vec4<f32>(v)).x;
  return select(select(0.0, 1.0, v > 0.0), s * (1.0 + v * (1.0 - s)), SILU);
}

fn gate_of(v: f32) -> f32 {
  return select(sigmoid(vec4<f32>(v)).x, select(clamp(v + 3.0, 0.0, 6.0) / 6.0, v, is_nan1(v)), HARD);
}

// From the gate itself.
fn slope_gate(s: f32) -> f32 {
  return select(s * (1.0 - s), select(0.0, 1.0 / 6.0, s > 0.0 && s < 1.0), HARD);
}
