// e to the power of x by arithmetic alone. Engines of JavaScript differ in the last bit of Math.exp, for one argument
// in ten between two versions of V8; a page and Node must find the same probabilities.

const LN2_HIGH = 6.9314718036912381649e-1
const LN2_LOW = 1.90821492927058770002e-10
const P = [
  1.66666666666666019037e-1, -2.77777777770155933842e-3, 6.61375632143793436117e-5, -1.6533902205465251539e-6,
  4.13813679705723846039e-8,
]

/** e^x, off by less than one unit in the last place (fdlibm's e_exp.c, Sun Microsystems 1993). */
export function exp(x: number): number {
  if (Number.isNaN(x) || x > 709.79) return x + Infinity
  if (x < -745.2) return 0
  const k = Math.round(x / Math.LN2)
  const high = x - k * LN2_HIGH
  const low = k * LN2_LOW
  const r = high - low
  const t = r * r
  const c = r - t * (P[0] + t * (P[1] + t * (P[2] + t * (P[3] + t * P[4]))))
  const near = 1 - (low - (r * c) / (2 - c) - high)
  const half = Math.trunc(k / 2)
  return near * powerOfTwo(half) * powerOfTwo(k - half)
}

/** 2^k, exactly, for whole k from −1022 to 1023. */
function powerOfTwo(k: number): number {
  let power = 1
  for (let n = Math.abs(k), base = k < 0 ? 0.5 : 2; n > 0; n >>= 1, base *= base) if (n & 1) power *= base
  return power
}
