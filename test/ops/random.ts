// Numbers for tests, the same in every run.

/** Draws `n` roughly normal numbers a call: sums of four uniform ones. */
export function normal(seed: number): (n: number) => Float32Array {
  let state = seed
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  return (n) => Float32Array.from({ length: n }, () => (uniform() + uniform() + uniform() + uniform() - 2) * 1.7)
}
