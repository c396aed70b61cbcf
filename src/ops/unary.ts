// Elementwise functions of one tensor.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'

/** The function's number in unary_forward.wgsl and unary_backward.wgsl. */
const NAMES = ['relu', 'exp', 'log', 'sqrt', 'neg', 'sigmoid', 'tanh', 'abs'] as const

function unary(name: (typeof NAMES)[number]): (x: Tensor) => Tensor {
  const OP = NAMES.indexOf(name)
  const op = defineOp({
    name,
    saves: ['x', 'y'],
    shape: ({ x }: { x: Tensor }) => ({ y: x.shape }),
    forward({ x }, { y }) {
      gpu.run(shaders.unary_forward, { x, y }, { n: x.size }, Math.ceil(x.size / 64), { OP })
    },
    backward({ x, y }, { y: dy }, { x: dx }) {
      if (dx) gpu.run(shaders.unary_backward, { x, y, dy, dx }, { n: x.size }, Math.ceil(x.size / 64), { OP })
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
