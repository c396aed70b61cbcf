// Elementwise functions of one tensor. What they compute, and their derivatives, is shaders/lib/unary.wgsl.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'

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
}

/** dx = OP′ · dy; `v`: what the derivative is written in. */
export function unaryBackward(OP: Name, v: Tensor | null, dy: Tensor, dx: Tensor): void {
  gpu.run(shaders.unary_backward, { v, dy, dx }, { n: dx.size }, { elements: dx.size }, { OP })
}

function unary(OP: Name, name: string = OP): (x: Tensor) => Tensor {
  const from = DERIVATIVE_IN[OP]
  const op = defineOp({
    name,
    dtypes: { x: FLOATS },
    saves: from ? [from] : [],
    shape: ({ x }: { x: Tensor }) => ({ y: x.shape }),
    forward({ x }, { y }) {
      gpu.run(shaders.unary_forward, { x, y }, { n: x.size }, { elements: x.size }, { OP })
    },
    backward(saved, { y: dy }, { x: dx }) {
      if (dx) unaryBackward(OP, from && saved[from], dy, dx)
    },
  })
  return (x) => op({ x }, {}).y
}

/** max(x, 0); NaN stays NaN. `torch.relu`. */
export const relu = unary('relu')
/** eˣ. `torch.exp`. */
export const exp = unary('exp')
/** Natural logarithm. `torch.log`. */
export const log = unary('log')
/** Square root. `torch.sqrt`. */
export const sqrt = unary('sqrt')
/** -x. `torch.neg`. */
export const neg = unary('neg')
/** 1 / (1 + e⁻ˣ). `torch.sigmoid`. */
export const sigmoid = unary('sigmoid')
/** Hyperbolic tangent, to f32 rounding. `torch.tanh`. */
export const tanh = unary('tanh')
/** |x|. `torch.abs`. */
export const abs = unary('abs')

/** x · sigmoid(x). `torch.nn.functional.silu` (Elfwing, Uchibe & Doya 2017). */
export const silu = unary('silu')
/** x · min(max(x + 3, 0), 6) / 6. `torch.nn.functional.hardswish` (Howard et al. 2019). */
export const hardswish = unary('hardswish')

const exactGelu = unary('gelu')
const tanhGelu = unary('geluTanh', 'gelu')

export interface GeluOptions {
  /** 'none': x·Φ(x) to f32 rounding; 'tanh': the approximation that some checkpoints were trained with. */
  approximate?: 'none' | 'tanh'
}

/** x·Φ(x), any shape. `torch.nn.functional.gelu` (Hendrycks & Gimpel 2016). */
export function gelu(x: Tensor, { approximate = 'none' }: GeluOptions = {}): Tensor {
  check(approximate === 'none' || approximate === 'tanh', `gelu: approximate must be none or tanh, got ${approximate}`)
  return (approximate === 'tanh' ? tanhGelu : exactGelu)(x)
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
