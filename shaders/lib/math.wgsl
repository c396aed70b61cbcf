// Elementary functions where WGSL's own are too loose, overflow, or give a number for NaN (exp, log and max may); on
// vec4, as the elementwise kernels work, and some for one number.

// A compiler may assume that NaN does not occur, so the test looks at the bits.
fn is_nan(v: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
}

fn relu(v: vec4<f32>) -> vec4<f32> {
  return select(max(v, vec4<f32>(0.0)), v, is_nan(v));
}

fn precise_exp(v: vec4<f32>) -> vec4<f32> {
  return select(exp(v), v, is_nan(v));
}

fn is_nan1(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn exp1(v: f32) -> f32 {
  return select(exp(v), v, is_nan1(v));
}

fn log1(v: f32) -> f32 {
  return precise_log(vec4<f32>(v)).x;
}

// 1 / (1 + exp(-v)); the exponent is never positive, so nothing overflows.
fn sigmoid(v: vec4<f32>) -> vec4<f32> {
  let e = exp(-abs(v));
  return select(e, vec4<f32>(1.0), v >= vec4<f32>(0.0)) / (1.0 + e);
}

fn silu(v: vec4<f32>) -> vec4<f32> {
  return v * sigmoid(v);
}

// v from 3 on, 0 up to -3, a parabola between.
fn hardswish(v: vec4<f32>) -> vec4<f32> {
  return v * clamp(v + 3.0, vec4<f32>(0.0), vec4<f32>(6.0)) / 6.0;
}

// tanh to f32 rounding: its Taylor series near 0, where 1 - exp(-2|v|) would cancel.
fn precise_tanh(v: vec4<f32>) -> vec4<f32> {
  let a = abs(v);
  let s = v * v;
  let series = v * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))));
  let e = exp(-2.0 * a);
  return select(sign(v) * (1.0 - e) / (1.0 + e), series, a < vec4<f32>(0.25));
}

// log((1 + r) / (1 - r)) = 2 artanh(r) for |r| < 0.15.
fn log_series(r: vec4<f32>) -> vec4<f32> {
  let s = r * r;
  return 2.0 * r * (1.0 + s * (1.0 / 3.0 + s * (1.0 / 5.0 + s * (1.0 / 7.0 + s * (1.0 / 9.0)))));
}

// The logarithm to f32 rounding also near 1: 2 artanh((v - 1) / (v + 1)) as a series there. Special numbers are told by
// their bits: an adapter may take denormal ones for 0, and its log of 0, negative numbers and NaN may be anything.
fn precise_log(v: vec4<f32>) -> vec4<f32> {
  let r = (v - 1.0) / (v + 1.0);
  let bits = bitcast<vec4<u32>>(v);
  let denormal = bits < vec4<u32>(0x00800000u); // bits · 2^-149
  let whole = log(select(v, vec4<f32>(bits), denormal)) - select(vec4<f32>(0.0), vec4<f32>(103.2789299), denormal);
  var y = bitcast<vec4<u32>>(select(whole, log_series(r), abs(r) < vec4<f32>(0.15)));
  y = select(y, vec4<u32>(0xff800000u), (bits & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u));
  let undefined = (bits > vec4<u32>(0x7f800000u)) & (bits != vec4<u32>(0x80000000u));
  return bitcast<vec4<f32>>(select(y, vec4<u32>(0x7fc00000u), undefined));
}
