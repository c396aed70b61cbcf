// Elementwise functions of one tensor. What they compute, and their derivatives, is shaders/lib/unary.wgsl.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkNumbers, checkOptions } from '../util/options.js'

type Name = Constants<typeof shaders.unary_forward>['OP']

/** What may follow a product or a convolution in the same kernel (shaders/lib/activation.wgsl). */
export type Activation = Constants<typeof shaders.matmul_plain>['ACTIVATION']

/** What each derivative is written in: the operand, the result, or neither. */
const DERIVATIVE_IN: Record<Name, 'x' | 'y' | null> = {
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
}

/** Numbers that some functions take. */
interface Numbers {
  a?: number
  b?: number
}

/** dx = OP′ · dy; `v`: what the derivative is written in. */
export function unaryBackward(OP: Name, v: Tensor | null, dy: Tensor, dx: Tensor, numbers: Numbers = {}): void {
  gpu.run(shaders.unary_backward, { v, dy, dx }, { n: dx.size, ...both(numbers) }, { elements: dx.size }, { OP })
}

const both = ({ a = 0, b = 0 }: Numbers) => ({ a, b })

function unary(OP: Name, name: string = OP): (x: Tensor, numbers?: Numbers) => Tensor {
  const from = DERIVATIVE_IN[OP]
  const op = defineOp({
    name,
    dtypes: { x: FLOATS },
    saves: from ? [from] : [],
    shape: ({ x }: { x: Tensor }, _: Numbers) => ({ y: x.shape }),
    forward({ x }, { y }, numbers) {
      gpu.run(shaders.unary_forward, { x, y }, { n: x.size, ...both(numbers) }, { elements: x.size }, { OP })
    },
    backward(saved, { y: dy }, { x: dx }, numbers) {
      if (dx) unaryBackward(OP, from && saved[from], dy, dx, numbers)
    },
  })
  return (x, numbers = {}) => op({ x }, numbers).y
}

/** A function without numbers. */
function plain(OP: Name): (x: Tensor) => Tensor {
  const run = unary(OP)
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
export const rsqrt = /* @__PURE__ */ plain('rsqrt')
/** 1 / x. `torch.reciprocal`. */
export const reciprocal = /* @__PURE__ */ plain('reciprocal')
/** x². `torch.square`. */
export const square = /* @__PURE__ */ plain('square')
/** -1, 0 or 1; 0 for NaN. Its gradient is 0. `torch.sign`. */
export const sign = /* @__PURE__ */ plain('sign')
/** The largest whole number not above x. Its gradient is 0. `torch.floor`. */
export const floor = /* @__PURE__ */ plain('floor')
/** The smallest whole number not below x. Its gradient is 0. `torch.ceil`. */
export const ceil = /* @__PURE__ */ plain('ceil')
/** The nearest whole number, of two the even one. Its gradient is 0. `torch.round`. */
export const round = /* @__PURE__ */ plain('round')
/** Sine of radians, to f32 rounding at any size. `torch.sin`. */
export const sin = /* @__PURE__ */ plain('sin')
/** Cosine of radians, to f32 rounding at any size. `torch.cos`. */
export const cos = /* @__PURE__ */ plain('cos')
/** eˣ - 1, to f32 rounding also near 0. `torch.expm1`. */
export const expm1 = /* @__PURE__ */ plain('expm1')
/** log(1 + x), to f32 rounding also near 0. `torch.log1p`. */
export const log1p = /* @__PURE__ */ plain('log1p')

/** x · sigmoid(x). `torch.nn.functional.silu` (Elfwing, Uchibe & Doya 2017). */
export const silu = /* @__PURE__ */ plain('silu')
/** x · min(max(x + 3, 0), 6) / 6. `torch.nn.functional.hardswish` (Howard et al. 2019). */
export const hardswish = /* @__PURE__ */ plain('hardswish')

const exactGelu = /* @__PURE__ */ unary('gelu')
const tanhGelu = /* @__PURE__ */ unary('geluTanh', 'gelu')

export interface GeluOptions {
  /** 'none': x·Φ(x) to f32 rounding; 'tanh': the approximation that some checkpoints were trained with. */
  approximate?: 'none' | 'tanh'
}

/** x·Φ(x), any shape. `torch.nn.functional.gelu` (Hendrycks & Gimpel 2016). */
export function gelu(x: Tensor, { approximate = 'none' }: GeluOptions = {}): Tensor {
  check(approximate === 'none' || approximate === 'tanh', `gelu: approximate must be none or tanh, got ${approximate}`)
  return (approximate === 'tanh' ? tanhGelu : exactGelu)(x)
}

const softplusOf = /* @__PURE__ */ unary('softplus')
const leakyReluOf = /* @__PURE__ */ unary('leakyRelu')
const eluOf = /* @__PURE__ */ unary('elu')
const clampOf = /* @__PURE__ */ unary('clamp')

export interface SoftplusOptions {
  /** Steepness. Default 1. */
  beta?: number
  /** Where beta · x is above it, the result is x. Default 20. */
  threshold?: number
}

/** log(1 + exp(beta · x)) / beta. `torch.nn.functional.softplus`. */
export function softplus(x: Tensor, options: SoftplusOptions = {}): Tensor {
  checkOptions('softplus', options, ['beta', 'threshold'])
  const { beta = 1, threshold = 20 } = options
  checkNumbers('softplus', { beta, threshold })
  return softplusOf(x, { a: beta, b: threshold })
}

/** x where it is above 0, else negativeSlope · x; by default 0.01. `torch.nn.functional.leaky_relu`. */
export function leakyRelu(x: Tensor, options: { negativeSlope?: number } = {}): Tensor {
  checkOptions('leakyRelu', options, ['negativeSlope'])
  const { negativeSlope = 0.01 } = options
  checkNumbers('leakyRelu', { negativeSlope })
  return leakyReluOf(x, { a: negativeSlope })
}

/** x where it is above 0, else alpha · (eˣ - 1); alpha 1 by default. `torch.nn.functional.elu` (Clevert 2015). */
export function elu(x: Tensor, options: { alpha?: number } = {}): Tensor {
  checkOptions('elu', options, ['alpha'])
  const { alpha = 1 } = options
  checkNumbers('elu', { alpha })
  return eluOf(x, { a: alpha })
}

/**
 * x, but not below `min` and not above `max`, of which one may be left out; max everywhere if min is above it. NaN
 * stays NaN. The gradient is dy between the bounds, they included, and 0 outside. `torch.clamp`.
 */
export function clamp(x: Tensor, options: { min?: number; max?: number }): Tensor {
  checkOptions('clamp', options, ['min', 'max'])
  const { min, max } = options
  check(min !== undefined || max !== undefined, 'clamp: needs min, max or both, got neither')
  const bounds = { min: min ?? -Infinity, max: max ?? Infinity }
  checkNumbers('clamp', bounds)
  return clampOf(x, { a: bounds.min, b: bounds.max })
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
