// Sine and cosine to f32 rounding at any argument. WGSL's own are exact to 2^-11 at best, and only between -π and π.

// 2/π in binary, after a word of zeros.
const TWO_OVER_PI = array<u32, 8>(
  0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
);

// |x| = quarters · π/2 + rest with |rest| <= π/4, for |x| >= ½ (Payne & Hanek 1983). x is an integer m of 24 bits times
// a power of two. Of 2/π those 96 bits count whose product with m is not a multiple of four, and of that product the 96
// bits below four: two of quarters and a fraction. m times a byte fits into 32 bits.
struct Reduced { rest: f32, quarters: u32 }

fn reduced(x: f32) -> Reduced {
  let bits = bitcast<u32>(x);
  let m = (bits & 0x007fffffu) | 0x00800000u;
  let first = ((bits >> 23u) & 255u) - 120u; // of the 96 bits, in the table
  var table = TWO_OVER_PI;
  var high = 0u;
  var low = 0u;
  var carry = 0u;
  for (var byte = 0u; byte < 12u; byte++) { // from the least
    let at = first + 88u - 8u * byte;
    let word = table[at / 32u];
    let next = table[min(at / 32u + 1u, 7u)];
    let shift = at % 32u;
    let pair = select((word << shift) | (next >> (32u - shift)), word, shift == 0u);
    let product = m * (pair >> 24u) + carry;
    low = (low >> 8u) | (high << 24u);
    high = (high >> 8u) | (product << 24u);
    carry = product >> 8u;
  }
  var fraction = (high << 2u) | (low >> 30u);
  var tail = low << 2u;
  let up = fraction >= 0x80000000u; // the next quarter is nearer
  if (up) {
    fraction = ~fraction;
    tail = ~tail;
  }
  let rest = (f32(fraction) * 0x1p-32 + f32(tail) * 0x1p-64) * 1.5707963267948966;
  return Reduced(select(rest, -rest, up), (high >> 30u) + select(0u, 1u, up));
}

// sin(x + quarters · π/2). The polynomials are those of Cephes.
fn sin1(x: f32, quarters: u32) -> f32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) >= 0x7f800000u) { return bitcast<f32>(bits | 0x7fc00000u); } // NaN
  var r = Reduced(abs(x), 0u);
  if (abs(x) >= 0.5) { r = reduced(x); }
  // sin(-a + q) = sin(a - q) · -1, and a quarter taken away is three added.
  let negative = bits >= 0x80000000u;
  let q = r.quarters + select(quarters, (4u - quarters) % 4u, negative);
  let s = r.rest * r.rest;
  let sine = r.rest + r.rest * s * (-0.16666654611 + s * (8.3321608736e-3 - s * 1.9515295891e-4));
  let cosine = 1.0 - 0.5 * s + s * s * (0.04166664568298827 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  let y = select(sine, cosine, (q & 1u) == 1u);
  return select(y, -y, ((q & 2u) == 2u) != negative);
}

fn precise_sin(x: vec4<f32>, quarters: u32) -> vec4<f32> {
  return vec4<f32>(sin1(x.x, quarters), sin1(x.y, quarters), sin1(x.z, quarters), sin1(x.w, quarters));
}
