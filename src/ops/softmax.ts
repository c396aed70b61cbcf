// softmax and its logarithm over one axis.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Shape } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { cast } from './cast.js'
import { around, axis } from './shape.js'

/** The rows along an axis. */
function along(shape: Shape, dim: number) {
  const { outer, size, inner } = around(shape, dim)
  return { rows: outer * inner, size, inner }
}

function defineSoftmax(name: string, LOG: boolean) {
  const op = defineOp({
    name,
    saves: ['y'],
    shape: ({ x }: { x: Tensor }, _: { dim: number }) => ({ y: x.shape }),
    forward({ x }, { y }, { dim }) {
      const params = along(x.shape, dim)
      gpu.run(shaders.softmax_forward, { x, y }, params, { groups: params.rows }, { LOG })
    },
    backward({ y }, { y: dy }, { x: dx }, { dim }) {
      const params = along(y.shape, dim)
      if (dx) gpu.run(shaders.softmax_backward, { y, dy, dx }, params, { groups: params.rows }, { LOG })
    },
  })
  return (x: Tensor, options: number | { dim: number }): Tensor => {
    const named = typeof options === 'number' ? { dim: options } : options
    checkOptions(name, named, ['dim'])
    const dim = axis(name, named.dim, x)
    return op({ x: cast(x, 'f32') }, { dim }).y
  }
}

/**
 * exp(x) / Σ exp(x) over one axis, `softmax(x, 1)` or `softmax(x, { dim: 1 })`, in f32. `torch.softmax`.
 * @throws for an axis that does not exist.
 */
export const softmax = defineSoftmax('softmax', false)

/**
 * log(softmax(x)) over one axis, given as to {@link softmax}, in f32. `torch.log_softmax`.
 * @throws for an axis that does not exist.
 */
export const logSoftmax = defineSoftmax('logSoftmax', true)
