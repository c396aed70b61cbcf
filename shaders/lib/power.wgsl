// a^b to f32 rounding, special numbers as in IEEE 754. WGSL's own pow knows no negative a, and is exp2(b · log2(a))
// with what rounding leaves of it. Needs lib/math.wgsl and lib/nan.wgsl.

// 2^k for -126 <= k <= 127.
fn two_to(k: i32) -> f32 {
  return bitcast<f32>((k + 127) << 23u);
}

// a^b for finite a > 0, by a = m · 2^e: what is whole of b · e does not pass through exp2.
fn power_of_positive(a: f32, exponent: f32) -> f32 {
  let b = clamp(exponent, -0x1p40, 0x1p40); // beyond, all a but 1 give 0 or infinity
  var bits = bitcast<u32>(a);
  var e = -127;
  if (bits < 0x00800000u) { // denormal: bits · 2^-149
    bits = bitcast<u32>(f32(bits));
    e -= 149;
  }
  e += i32(bits >> 23u);
  var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u);
  if (m > 1.4142135) {
    m *= 0.5;
    e++;
  }
  let r = (m - 1.0) / (m + 1.0);
  let s = r * r;
  let series = 1.0 + s * (1.0 / 3.0 + s * (1.0 / 5.0 + s * (1.0 / 7.0 + s * (1.0 / 9.0 + s / 11.0))));
  let log2_m = 2.8853900818 * r * series;
  let b_high = bitcast<f32>(bitcast<u32>(b) & 0xfffff000u); // b_high · e is exact
  let product = b_high * f32(e);
  let whole = round(product);
  let rest = (product - whole) + (b - b_high) * f32(e) + b * log2_m;
  let near = round(rest);
  let k = i32(clamp(whole + near, -252.0, 254.0));
  let half = k / 2;
  return exp2(clamp(rest - near, -1.0, 1.0)) * two_to(half) * two_to(k - half);
}

fn power(a: f32, b: f32) -> f32 {
  if (b == 0.0 || a == 1.0) { return 1.0; }
  if (is_nan1(a) || is_nan1(b)) { return nan(); }
  let is_whole = b == trunc(b);
  if (is_whole && abs(b) <= 16.0) { // by multiplying, which is exact where the result is
    var y = 1.0;
    var factor = a;
    for (var n = u32(abs(b)); n > 0u; n >>= 1u) {
      if ((n & 1u) == 1u) { y *= factor; }
      factor *= factor;
    }
    return select(y, 1.0 / y, b < 0.0);
  }
  let size = abs(a);
  let is_infinite = (bitcast<u32>(b) & 0x7fffffffu) == 0x7f800000u;
  var y = 0.0;
  if (size == 0.0 || (bitcast<u32>(size) == 0x7f800000u)) {
    y = select(0.0, infinity(), (size == 0.0) == (b < 0.0));
  } else if (is_infinite) {
    y = select(select(0.0, infinity(), (size > 1.0) == (b > 0.0)), 1.0, size == 1.0);
  } else if (a < 0.0 && !is_whole) {
    return nan();
  } else {
    y = power_of_positive(size, b);
  }
  let odd = is_whole && abs(b) < 0x1p24 && (u32(min(abs(b), 0x1p24)) & 1u) == 1u;
  return select(y, -y, odd && (bitcast<u32>(a) >> 31u) == 1u);
}
