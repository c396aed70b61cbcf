// From one precision to the other.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { autocasting } from '../tensor/autocast.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { Tensor, empty } from '../tensor/tensor.js'

type Float = 'f32' | 'f16'

function convert(x: Tensor, y: Tensor): void {
  gpu.run(shaders.cast, { x, y }, { n: x.size }, { elements: x.size })
}

const castOp = defineOp({
  name: 'cast',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }, { dtype }: { dtype: Float }) => ({ y: { shape: x.shape, dtype } }),
  forward({ x }, { y }) {
    convert(x, y)
  },
  backward(_, { y: dy }, { x: dx }) {
    if (dx) convert(dy, dx)
  },
})

/**
 * The same numbers as f32 or f16, rounded to nearest; x itself where it is that already. The gradient goes back in x's
 * dtype. `Tensor.to`.
 */
export function cast(x: Tensor, dtype: Float): Tensor {
  return x.dtype === dtype ? x : castOp({ x }, { dtype }).y
}

Tensor.prototype.to = function (dtype) {
  return cast(this, dtype)
}

/** An operand of a product or a convolution: f16 inside `autocast`. */
export const operand = (x: Tensor): Tensor => (autocasting() ? cast(x, 'f16') : x)

/**
 * An f32 parameter as the kernels want it beside activations of `dtype`: rounded to f16 for f16. A transient without a
 * history, made anew in each pass: it costs less than keeping it.
 */
export function parameterAs(dtype: Tensor['dtype'], parameter: Tensor): Tensor {
  if (dtype === parameter.dtype) return parameter
  const rounded = empty(parameter.shape, dtype, 'rounded parameter')
  convert(parameter, rounded)
  return rounded
}
