// Elementwise functions of one tensor.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'

/** In the order of their numbers in unary_forward.wgsl: the functions, and what their derivatives are written in. */
const FUNCTIONS = { relu: 'y', exp: 'y', log: 'x', sqrt: 'y', neg: null, sigmoid: 'y', tanh: 'y', abs: 'x' } as const
export const UNARY = Object.keys(FUNCTIONS) as (keyof typeof FUNCTIONS)[]

function unary(name: keyof typeof FUNCTIONS): (x: Tensor) => Tensor {
  const OP = UNARY.indexOf(name)
  const needs = FUNCTIONS[name]
  const op = defineOp({
    name,
    dtypes: { x: FLOATS },
    saves: ['x', 'y'],
    shape: ({ x }: { x: Tensor }) => ({ y: x.shape }),
    forward({ x }, { y }) {
      gpu.run(shaders.unary_forward, { x, y }, { n: x.size }, Math.ceil(x.size / 256), { OP, T: x.element })
    },
    backward(saved, { y: dy }, { x: dx }) {
      if (dx)
        gpu.run(
          shaders.unary_backward,
          { v: needs && saved[needs], dy, dx },
          { n: dx.size },
          Math.ceil(dx.size / 256),
          { OP, T: dx.element },
        )
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
