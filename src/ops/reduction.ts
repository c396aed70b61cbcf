// What becomes of the losses of all elements or rows: their mean, their sum, or nothing.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp, view } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { type Shape, check, shown } from '../util/check.js'
import { mean, sum } from './reduce.js'
import { walk } from './shape.js'

/** What becomes of the losses of all elements: their mean, their sum, or nothing. */
export type Reduction = 'mean' | 'sum' | 'none'

/** Throws unless `reduction` is one of those that a loss knows. */
export function checkReduction(
  name: string,
  reduction: string,
  all: readonly string[] = ['mean', 'sum', 'none'],
): void {
  check(all.includes(reduction), () => `${name}: reduction must be ${all.join(', ')}, got ${shown(reduction)}`)
}

export const reduced = (losses: Tensor, reduction: Reduction): Tensor =>
  reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses)

/** Σ losses / Σ counted. */
const weightedMeanOp = /* @__PURE__ */ defineOp({
  name: 'weightedMean',
  auxiliary: ['scale'],
  saves: ['scale'],
  shape: (_: { losses: Tensor; counted: Tensor }) => ({ loss: [], scale: [1] }),
  forward({ losses, counted }, { loss, scale }) {
    gpu.run(shaders.crossentropy_mean, { losses, counted, loss, scale }, { rows: losses.size }, { groups: 1 })
  },
  backward({ scale }, { loss: dloss }, { losses: dlosses }) {
    if (!dlosses) return
    const { params } = walk(dlosses.shape, [0], [0])
    gpu.run(
      shaders.binary_broadcast,
      { a: dloss, b: scale, y: dlosses },
      params,
      { invocations: params.n },
      { OP: 'mul' },
    )
  },
})

/** The losses of rows, of which 'mean' is Σ losses / Σ counted, as they count with weights; alone they have `shape`. */
export function reducedRows(losses: Tensor, counted: Tensor, reduction: Reduction, shape: Shape): Tensor {
  if (reduction === 'mean') return weightedMeanOp({ losses, counted }, {}).loss
  return reduction === 'sum' ? sum(losses) : view(losses, shape)
}
