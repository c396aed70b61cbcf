// softmax and its logarithm over one axis.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { numel } from '../util/check.js'
import { cast } from './cast.js'
import { axis } from './shape.js'

/** [outer, size, inner] around an axis. */
function around(shape: readonly number[], dim: number) {
  const inner = numel(shape.slice(dim + 1))
  return { rows: numel(shape.slice(0, dim)) * inner, size: shape[dim], inner }
}

function defineSoftmax(name: string, LOG: boolean) {
  const op = defineOp({
    name,
    saves: ['y'],
    shape: ({ x }: { x: Tensor }, _: { dim: number }) => ({ y: x.shape }),
    forward({ x }, { y }, { dim }) {
      const params = around(x.shape, dim)
      gpu.run(shaders.softmax_forward, { x, y }, params, { groups: params.rows }, { LOG })
    },
    backward({ y }, { y: dy }, { x: dx }, { dim }) {
      const params = around(y.shape, dim)
      if (dx) gpu.run(shaders.softmax_backward, { y, dy, dx }, params, { groups: params.rows }, { LOG })
    },
  })
  return (x: Tensor, { dim }: { dim: number }): Tensor =>
    op({ x: cast(x, 'f32') }, { dim: axis(name, dim, x.shape.length) }).y
}

/** exp(x) / Σ exp(x) over one axis, in f32. `torch.softmax`. */
export const softmax = defineSoftmax('softmax', false)

/** log(softmax(x)) over one axis, in f32. `torch.log_softmax`. */
export const logSoftmax = defineSoftmax('logSoftmax', true)
