// The normal distribution, to rounding: what a z value means, and the z of a level.

/** Complement of the error function (`math.erfc`), relative error below 1e-13 while it is above 1e-300. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x)
  const bell = Math.exp(-x * x) / Math.sqrt(Math.PI)
  if (x < 2) {
    // erf(x) = 2·bell · Σ 2ⁿx²ⁿ⁺¹ / (2n+1)!!: all terms positive
    let sum = 0
    for (let n = 0, term = x; term > sum * 1e-17; n++, term *= (2 * x * x) / (2 * n + 1)) sum += term
    return 1 - 2 * bell * sum
  }
  // bell / (x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))), from the inside
  let fraction = x
  for (let n = 120; n > 0; n--) fraction = x + n / 2 / fraction
  return bell / fraction
}

/** Probability of a value at least as far from 0 as z, on either side. */
export const twoSided = (z: number): number => erfc(Math.abs(z) / Math.SQRT2)

/** The z that a share `level` (above 0, below 1) of all values lies within, on both sides: 1.96 for 0.95. */
export function zOfLevel(level: number): number {
  let [low, high] = [0, 40]
  for (let middle = 20; middle > low && middle < high; middle = (low + high) / 2) {
    if (twoSided(middle) > 1 - level) low = middle
    else high = middle
  }
  return low
}
