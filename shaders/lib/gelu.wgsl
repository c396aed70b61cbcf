// The normal distribution as gelu needs it, on vec4; lib/math.wgsl must be included too.

// φ(v)·√(2π), the bell.
fn bell(v: vec4<f32>) -> vec4<f32> {
  return exp(-0.5 * v * v);
}

// Φ(v) = ½·erfc(-v/√2). For v <= 0 it is bell(v)·m, where m = ½·erfcx(|v|/√2) falls smoothly from ½: a polynomial in
// 1/(1 + 0.26·|v|), relative error below 6e-9 (least squares over |v| <= 14), so the far tail keeps its digits too.
fn normal_cdf(v: vec4<f32>, bell: vec4<f32>) -> vec4<f32> {
  let t = 1.0 / (1.0 + 0.26 * abs(v));
  let m = -7.1634687e-6 + t * (0.10390655 + t * (0.10171587 + t * (0.10947968 + t * (0.03121274 + t * (0.20010850 + t *
    (-0.20080094 + t * (0.29097485 + t * (-0.17051574 + t * 0.03392565))))))));
  let tail = bell * m;
  return select(tail, 1.0 - tail, v > vec4<f32>(0.0));
}

// The tanh form's share: ½·(1 + tanh(u)) = sigmoid(2u) with u = √(2/π)·(v + 0.044715·v³).
fn tanh_cdf(v: vec4<f32>) -> vec4<f32> {
  return sigmoid(1.5957691 * (v + 0.044715 * v * v * v));
}

fn gelu(v: vec4<f32>) -> vec4<f32> {
  return v * normal_cdf(v, bell(v));
}

fn gelu_tanh(v: vec4<f32>) -> vec4<f32> {
  return v * tanh_cdf(v);
}
