// Initial values of parameters (`torch.nn.init`): each function overwrites a tensor and returns it. Drawn on the host,
// so that every adapter starts from the same ones. A dry engine draws none.
import { gpu, perEngine } from '../gpu/gpu.js'
import { Tensor } from '../tensor/tensor.js'
import { check, formatShape, numel, shown } from '../util/check.js'
import { checkNumbers, withDefaults } from '../util/options.js'

/** How many tensors were drawn, and whether drawing is left out now. */
const drawn = perEngine(() => ({ count: 0, skipped: false }))

/** A generator of its own for each tensor, keyed by the engine's seed and how many were drawn before it. */
function generator(): () => number {
  // SplitMix32 (Steele, Lea, Flood 2014) over a hashed start.
  let state = (Math.imul(gpu.seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(++drawn().count, 0xc2b2ae35)) | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296
  }
}

function checkFloats(t: Tensor): void {
  check(t instanceof Tensor && t.dtype === 'f32', () => `init: needs a tensor of f32, got ${shown(t)}`)
}

function fill(t: Tensor, draw: (n: number) => Float32Array): Tensor {
  checkFloats(t)
  return gpu.dry || drawn().skipped ? t : t.write(draw(t.size))
}

/**
 * Runs `make` without giving values to what it makes, as they are to come from a checkpoint
 * (`torch.nn.utils.skip_init`): parameters are 0.
 */
export function skip<T>(make: () => T): T {
  const state = drawn()
  const before = state.skipped
  state.skipped = true
  try {
    return make()
  } finally {
    state.skipped = before
  }
}

/** Draws one after another. By a loop: `Float32Array.from` takes several times as long. */
function fillEach(t: Tensor, draw: () => number): Tensor {
  return fill(t, (n) => {
    const values = new Float32Array(n)
    for (let i = 0; i < n; i++) values[i] = draw()
    return values
  })
}

/**
 * Every element `value` (`constant_`).
 * @throws unless t is f32 and the value a number.
 */
export function constant(t: Tensor, value: number): Tensor {
  checkNumbers('init', { value })
  return fill(t, (n) => new Float32Array(n).fill(value))
}

/** Every element 0 (`zeros_`). */
export const zeros = (t: Tensor): Tensor => constant(t, 0)

/** Every element 1 (`ones_`). */
export const ones = (t: Tensor): Tensor => constant(t, 1)

/**
 * Uniform on [a, b), default [0, 1) (`uniform_`).
 * @throws unless t is f32 and both are numbers.
 */
export function uniform(t: Tensor, a = 0, b = 1): Tensor {
  checkNumbers('init', { a, b })
  const random = generator()
  return fillEach(t, () => (a + b + (b - a) * (2 * random() - 1)) / 2)
}

/**
 * Normal, default with mean 0 and standard deviation 1 (`normal_`; Box and Muller 1958).
 * @throws unless t is f32 and both are numbers.
 */
export function normal(t: Tensor, mean = 0, std = 1): Tensor {
  checkNumbers('init', { mean, std })
  const random = generator()
  return fill(t, (n) => {
    const values = new Float32Array(n)
    for (let i = 0; i < n; i += 2) {
      const radius = std * Math.sqrt(-2 * Math.log(1 - random()))
      const angle = 2 * Math.PI * random()
      values[i] = mean + radius * Math.cos(angle)
      if (i + 1 < n) values[i + 1] = mean + radius * Math.sin(angle)
    }
    return values
  })
}

/**
 * Normal with this mean and standard deviation, restricted to [a, b], default to within 2 of 0 (`trunc_normal_`). By
 * the inverse of the cumulative distribution, as there.
 * @throws unless `std` is above 0 and `a` below `b`.
 */
export function truncNormal(t: Tensor, mean = 0, std = 1, a = -2, b = 2): Tensor {
  checkNumbers('truncNormal', { mean, std, a, b })
  check(std > 0 && a < b, () => `truncNormal: needs std above 0 and a below b, got ${std}, ${a} and ${b}`)
  const random = generator()
  const [low, high] = [a, b].map((edge) => cumulative((edge - mean) / std))
  return fillEach(t, () => {
    const value = mean + std * quantile(low + (high - low) * random())
    return Math.min(Math.max(value, a), b)
  })
}

/** Share of a standard normal distribution below x, to 1.5e-7 (Abramowitz and Stegun 7.1.26). */
function cumulative(x: number): number {
  const z = Math.abs(x) / Math.SQRT2
  const u = 1 / (1 + 0.3275911 * z)
  const series = ((((1.061405429 * u - 1.453152027) * u + 1.421413741) * u - 0.284496736) * u + 0.254829592) * u
  const above = 0.5 * series * Math.exp(-z * z)
  return x > 0 ? 1 - above : above
}

// Acklam's rational approximations: in the tail of sqrt(-2 log p), around the middle of (p - 1/2)².
const TAIL = {
  above: [
    -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  below: [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1],
}
const MIDDLE = {
  above: [
    -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
    2.506628277459239,
  ],
  below: [
    -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1,
  ],
}

/** The x with that share of a standard normal distribution below it, to a relative 1.2e-9 (Acklam 2003). */
function quantile(p: number): number {
  if (p <= 0) return -Infinity
  if (p >= 1) return Infinity
  if (p > 0.97575) return -quantile(1 - p)
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    return polynomial(q, TAIL.above) / polynomial(q, TAIL.below)
  }
  const q = p - 0.5
  return (q * polynomial(q * q, MIDDLE.above)) / polynomial(q * q, MIDDLE.below)
}

/** By Horner's rule, the highest power first. */
function polynomial(x: number, factors: readonly number[]): number {
  let sum = 0
  for (const factor of factors) sum = sum * x + factor
  return sum
}

/** Functions that {@link calculateGain} knows. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu'

/**
 * The factor that keeps the size of activations through a nonlinearity (`calculate_gain`).
 * @throws for a nonlinearity that it does not know.
 */
export function calculateGain(nonlinearity: Nonlinearity, negativeSlope = 0.01): number {
  checkNumbers('calculateGain', { negativeSlope })
  const gains = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + negativeSlope ** 2)),
    selu: 3 / 4,
  }
  check(
    Object.hasOwn(gains, nonlinearity),
    () => `calculateGain: nonlinearity must be one of ${Object.keys(gains).join(' ')}, got ${shown(nonlinearity)}`,
  )
  return gains[nonlinearity]
}

/**
 * Connections into and out of one unit: of a linear weight [out, in], or of a convolution's [KH, KW, in / groups, out].
 */
function fans(t: Tensor): { in: number; out: number } {
  checkFloats(t)
  const { shape } = t
  check(
    shape.length === 2 || shape.length === 4,
    () => `init: needs a weight of 2 or 4 axes to count its connections, got ${formatShape(shape)}`,
  )
  if (shape.length === 2) return { in: shape[1], out: shape[0] }
  const field = numel(shape.slice(0, 2))
  return { in: field * shape[2], out: field * shape[3] }
}

/**
 * Uniform within gain · √(6 / (in + out)) (`xavier_uniform_`; Glorot and Bengio 2010).
 * @throws for a weight that has not 2 or 4 axes.
 */
export function xavierUniform(t: Tensor, gain = 1): Tensor {
  checkNumbers('xavierUniform', { gain })
  const fan = fans(t)
  const bound = gain * Math.sqrt(6 / (fan.in + fan.out))
  return uniform(t, -bound, bound)
}

/**
 * Normal with standard deviation gain · √(2 / (in + out)) (`xavier_normal_`).
 * @throws for a weight that has not 2 or 4 axes.
 */
export function xavierNormal(t: Tensor, gain = 1): Tensor {
  checkNumbers('xavierNormal', { gain })
  const fan = fans(t)
  return normal(t, 0, gain * Math.sqrt(2 / (fan.in + fan.out)))
}

/** Options of {@link kaimingUniform} and {@link kaimingNormal}. */
export interface KaimingOptions {
  /** Negative slope of leakyRelu. Default 0. */
  a?: number
  /** Whether the forward or the backward pass keeps its size. Default 'fanIn'. */
  mode?: 'fanIn' | 'fanOut'
  /** What follows. Default 'leakyRelu'. */
  nonlinearity?: Nonlinearity
}

/**
 * Uniform within gain · √(3 / fan) (`kaiming_uniform_`; He et al. 2015).
 * @throws for a weight that has not 2 or 4 axes, or an option that is unknown.
 */
export function kaimingUniform(t: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform', t, options)
  return uniform(t, -bound, bound)
}

/**
 * Normal with standard deviation gain / √fan (`kaiming_normal_`).
 * @throws as {@link kaimingUniform}.
 */
export function kaimingNormal(t: Tensor, options: KaimingOptions = {}): Tensor {
  return normal(t, 0, kaimingStd('kaimingNormal', t, options))
}

const KAIMING = { a: 0, mode: 'fanIn', nonlinearity: 'leakyRelu' } as const

function kaimingStd(name: string, t: Tensor, options: KaimingOptions): number {
  const { a, mode, nonlinearity } = withDefaults<Required<KaimingOptions>>(name, options, KAIMING)
  check(mode === 'fanIn' || mode === 'fanOut', () => `${name}: mode must be fanIn or fanOut, got ${shown(mode)}`)
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === 'fanIn' ? fans(t).in : fans(t).out)
}
