// g · f′(v) for functions that an activation may be (lib/activation.wgsl); v is what goes into them. lib/math.wgsl and
// lib/gelu.wgsl must be included too.

// v may be the result as well.
fn relu_gradient(v: vec4<f32>, g: vec4<f32>) -> vec4<f32> {
  return select(g, vec4<f32>(0.0), v <= vec4<f32>(0.0));
}

// Φ(v) + v·φ(v).
fn gelu_gradient(v: vec4<f32>, g: vec4<f32>) -> vec4<f32> {
  let b = bell(v);
  return g * (normal_cdf(v, b) + v * b * 0.39894228);
}

fn gelu_tanh_gradient(v: vec4<f32>, g: vec4<f32>) -> vec4<f32> {
  let s = tanh_cdf(v);
  // Where s·(1 - s) is 0, v² may be infinite; at infinity itself the gradient is NaN, as in PyTorch.
  let w = select(clamp(v, vec4<f32>(-30.0), vec4<f32>(30.0)), v, abs(v) > vec4<f32>(3.4028234e38));
  return g * (s + w * s * (1.0 - s) * (1.5957691 + 0.21406859 * w * w));
}

fn silu_gradient(v: vec4<f32>, g: vec4<f32>) -> vec4<f32> {
  let s = sigmoid(v);
  return g * (s + v * s * (1.0 - s));
}

fn hardswish_gradient(v: vec4<f32>, g: vec4<f32>) -> vec4<f32> {
  let inside = select(v / 3.0 + 0.5, vec4<f32>(1.0), v >= vec4<f32>(3.0));
  return g * select(inside, vec4<f32>(0.0), v < vec4<f32>(-3.0));
}
