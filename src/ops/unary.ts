// Elementwise functions of one tensor. What they compute, and their derivatives, is shaders/lib/unary.wgsl, and for
// those that no model here needs shaders/lib/elementary.wgsl.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Activation } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkNumbers, checkOptions, withDefaults } from '../util/options.js'

type Common = Constants<typeof shaders.unary_forward>['OP']
type Elementary = Constants<typeof shaders.elementary_forward>['OP']

/** What each derivative is written in: the operand, the result, or neither. */
const DERIVATIVE_IN: Record<Common | Elementary, 'x' | 'y' | null> = {
  relu: 'y',
  exp: 'y',
  log: 'x',
  sqrt: 'y',
  neg: null,
  sigmoid: 'y',
  tanh: 'y',
  abs: 'x',
  gelu: 'x',
  geluTanh: 'x',
  silu: 'x',
  hardswish: 'x',
  rsqrt: 'y',
  reciprocal: 'y',
  square: 'x',
  sign: null,
  floor: null,
  ceil: null,
  round: null,
  sin: 'x',
  cos: 'x',
  expm1: 'x',
  log1p: 'x',
  softplus: 'x',
  leakyRelu: 'x',
  elu: 'x',
  clamp: 'x',
  hardsigmoid: 'x',
}

/** Numbers that some functions take. */
interface Numbers {
  a?: number
  b?: number
}

/** dx = OP′ · dy; `v`: what the derivative is written in. */
export function unaryBackward(OP: Common, v: Tensor | null, dy: Tensor, dx: Tensor): void {
  gpu.run(shaders.unary_backward, { v, dy, dx }, { n: dx.size }, { elements: dx.size }, { OP })
}

/** How a function runs. */
interface Passes {
  forward(x: Tensor, y: Tensor, numbers: Numbers): void
  backward(v: Tensor | null, dy: Tensor, dx: Tensor, numbers: Numbers): void
}

function define(OP: Common | Elementary, name: string, { forward, backward }: Passes) {
  const from = DERIVATIVE_IN[OP]
  const op = defineOp({
    name,
    dtypes: { x: FLOATS },
    saves: from ? [from] : [],
    shape: ({ x }: { x: Tensor }, _: Numbers) => ({ y: x.shape }),
    forward({ x }, { y }, numbers) {
      forward(x, y, numbers)
    },
    backward(saved, { y: dy }, { x: dx }, numbers) {
      if (dx) backward(from && saved[from], dy, dx, numbers)
    },
  })
  return (x: Tensor, numbers: Numbers = {}): Tensor => op({ x }, numbers).y
}

function plain(OP: Common, name: string = OP): (x: Tensor) => Tensor {
  const run = define(OP, name, {
    forward: (x, y) => gpu.run(shaders.unary_forward, { x, y }, { n: x.size }, { elements: x.size }, { OP }),
    backward: (v, dy, dx) => unaryBackward(OP, v, dy, dx),
  })
  return (x) => run(x)
}

function withNumbers(OP: Elementary): (x: Tensor, numbers?: Numbers) => Tensor {
  const fields = ({ size }: Tensor, { a = 0, b = 0 }: Numbers) => ({ n: size, a, b })
  return define(OP, OP, {
    forward: (x, y, numbers) =>
      gpu.run(shaders.elementary_forward, { x, y }, fields(x, numbers), { elements: x.size }, { OP }),
    backward: (v, dy, dx, numbers) =>
      gpu.run(shaders.elementary_backward, { v, dy, dx }, fields(dx, numbers), { elements: dx.size }, { OP }),
  })
}

function elementary(OP: Elementary): (x: Tensor) => Tensor {
  const run = withNumbers(OP)
  return (x) => run(x)
}

/** max(x, 0); NaN stays NaN. `torch.relu`. */
export const relu = /* @__PURE__ */ plain('relu')
/** eˣ. `torch.exp`. */
export const exp = /* @__PURE__ */ plain('exp')
/** Natural logarithm. `torch.log`. */
export const log = /* @__PURE__ */ plain('log')
/** Square root. `torch.sqrt`. */
export const sqrt = /* @__PURE__ */ plain('sqrt')
/** -x. `torch.neg`. */
export const neg = /* @__PURE__ */ plain('neg')
/** 1 / (1 + e⁻ˣ). `torch.sigmoid`. */
export const sigmoid = /* @__PURE__ */ plain('sigmoid')
/** Hyperbolic tangent, to f32 rounding. `torch.tanh`. */
export const tanh = /* @__PURE__ */ plain('tanh')
/** |x|. `torch.abs`. */
export const abs = /* @__PURE__ */ plain('abs')
/** 1 / √x. `torch.rsqrt`. */
export const rsqrt = /* @__PURE__ */ elementary('rsqrt')
/** 1 / x. `torch.reciprocal`. */
export const reciprocal = /* @__PURE__ */ elementary('reciprocal')
/** x². `torch.square`. */
export const square = /* @__PURE__ */ elementary('square')
/** -1, 0 or 1; 0 for NaN. Its gradient is 0. `torch.sign`. */
export const sign = /* @__PURE__ */ elementary('sign')
/** The largest whole number not above x. Its gradient is 0. `torch.floor`. */
export const floor = /* @__PURE__ */ elementary('floor')
/** The smallest whole number not below x. Its gradient is 0. `torch.ceil`. */
export const ceil = /* @__PURE__ */ elementary('ceil')
/** The nearest whole number, of two the even one. Its gradient is 0. `torch.round`. */
export const round = /* @__PURE__ */ elementary('round')
/** Sine of radians, to f32 rounding at any size. `torch.sin`. */
export const sin = /* @__PURE__ */ elementary('sin')
/** Cosine of radians, to f32 rounding at any size. `torch.cos`. */
export const cos = /* @__PURE__ */ elementary('cos')
/** eˣ - 1, to f32 rounding also near 0. `torch.expm1`. */
export const expm1 = /* @__PURE__ */ elementary('expm1')
/** log(1 + x), to f32 rounding also near 0. `torch.log1p`. */
export const log1p = /* @__PURE__ */ elementary('log1p')

/** x · sigmoid(x). `torch.nn.functional.silu` (Elfwing, Uchibe & Doya 2017). */
export const silu = /* @__PURE__ */ plain('silu')
/** x · min(max(x + 3, 0), 6) / 6. `torch.nn.functional.hardswish` (Howard et al. 2019). */
export const hardswish = /* @__PURE__ */ plain('hardswish')
/**
 * min(max(x + 3, 0), 6) / 6; NaN stays NaN. Its gradient is dy / 6 between -3 and 3, they excluded, and 0 elsewhere.
 * `torch.nn.functional.hardsigmoid`.
 */
export const hardsigmoid = /* @__PURE__ */ plain('hardsigmoid')

const exactGelu = /* @__PURE__ */ plain('gelu')
const tanhGelu = /* @__PURE__ */ plain('geluTanh', 'gelu')

/** Options of {@link gelu}. */
export interface GeluOptions {
  /**
   * 'none' (the default): x·Φ(x) to f32 rounding; 'tanh': the approximation that some checkpoints were trained with.
   */
  approximate?: 'none' | 'tanh'
}

/** `approximate` of the options, checked. */
export function geluKind(options: GeluOptions): 'none' | 'tanh' {
  const { approximate } = withDefaults('gelu', options, { approximate: 'none' })
  check(approximate === 'none' || approximate === 'tanh', `gelu: approximate must be none or tanh, got ${approximate}`)
  return approximate
}

/**
 * x·Φ(x), any shape. `torch.nn.functional.gelu` (Hendrycks & Gimpel 2016).
 * @throws for another approximation.
 */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  return (geluKind(options) === 'tanh' ? tanhGelu : exactGelu)(x)
}

const softplusOf = /* @__PURE__ */ withNumbers('softplus')
const leakyReluOf = /* @__PURE__ */ withNumbers('leakyRelu')
const eluOf = /* @__PURE__ */ withNumbers('elu')
/** Between the numbers a and b. */
export const clampOf = /* @__PURE__ */ withNumbers('clamp')

/** Options of {@link softplus}. */
export interface SoftplusOptions {
  /** Steepness. Default 1. */
  beta?: number
  /** Where beta · x is above it, the result is x. Default 20. */
  threshold?: number
}

/**
 * log(1 + exp(beta · x)) / beta. `torch.nn.functional.softplus`.
 * @throws when a setting is no number.
 */
export function softplus(x: Tensor, options: SoftplusOptions = {}): Tensor {
  checkOptions('softplus', options, ['beta', 'threshold'])
  const { beta = 1, threshold = 20 } = options
  checkNumbers('softplus', { beta, threshold })
  return softplusOf(x, { a: beta, b: threshold })
}

/**
 * x where it is above 0, else negativeSlope · x; by default 0.01. `torch.nn.functional.leaky_relu`.
 * @throws when the slope is no number.
 */
export function leakyRelu(x: Tensor, options: { negativeSlope?: number } = {}): Tensor {
  checkOptions('leakyRelu', options, ['negativeSlope'])
  const { negativeSlope = 0.01 } = options
  checkNumbers('leakyRelu', { negativeSlope })
  return leakyReluOf(x, { a: negativeSlope })
}

/**
 * x where it is above 0, else alpha · (eˣ - 1); alpha 1 by default. `torch.nn.functional.elu` (Clevert 2015).
 * @throws when alpha is no number.
 */
export function elu(x: Tensor, options: { alpha?: number } = {}): Tensor {
  checkOptions('elu', options, ['alpha'])
  const { alpha = 1 } = options
  checkNumbers('elu', { alpha })
  return eluOf(x, { a: alpha })
}

const FUNCTIONS: Record<Exclude<Activation, 'none'>, (x: Tensor) => Tensor> = {
  relu,
  gelu: exactGelu,
  geluTanh: tanhGelu,
  silu,
  hardswish,
}

/** An activation as an operator of its own. */
export const activate = (x: Tensor, activation: Activation): Tensor =>
  activation === 'none' ? x : FUNCTIONS[activation](x)

/** Checks an activation that a caller gave. */
export function checkActivation(op: string, activation: Activation): void {
  const names = ['none', ...Object.keys(FUNCTIONS)]
  check(names.includes(activation), () => `${op}: activation must be one of ${names.join(', ')}, got ${activation}`)
}
