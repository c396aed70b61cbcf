// Cross entropy with class weights and label smoothing.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { cast } from './cast.js'
import { sum } from './reduce.js'
import { walk } from './shape.js'

export interface CrossEntropyOptions {
  /** A weight for each class, [C]. */
  weight?: Tensor | null
  /** Share of the target spread over all classes, 0 … 1. */
  labelSmoothing?: number
  /** 'mean' divides by the sum of the targets' weights, as PyTorch does. */
  reduction?: 'mean' | 'sum' | 'none'
  /** Targets with this value count nothing. */
  ignoreIndex?: number
}

/** One loss a row. */
const rowsOp = /* @__PURE__ */ defineOp({
  name: 'crossEntropy',
  optional: ['weight'],
  dtypes: { target: ['i32'] },
  auxiliary: ['counted', 'sums'],
  saves: ['logits', 'target', 'weight', 'sums'],
  shape(
    { logits, target, weight }: { logits: Tensor; target: Tensor; weight: Tensor | null },
    _: { smoothing: number; ignore: number },
  ) {
    check(logits.shape.length === 2, () => `crossEntropy: needs logits [N, C], got ${formatShape(logits.shape)}`)
    const [rows, classes] = logits.shape
    check(
      target.shape.length === 1 && target.shape[0] === rows,
      () => `crossEntropy: target must be [${rows}], got ${formatShape(target.shape)}`,
    )
    check(
      !weight || (weight.shape.length === 1 && weight.shape[0] === classes),
      () => `crossEntropy: weight must have shape [${classes}], got ${formatShape(weight!.shape)}`,
    )
    return { losses: [rows], counted: [rows], sums: [rows, 2] }
  },
  forward({ logits, target, weight }, { losses, counted, sums }, { smoothing, ignore }) {
    const [rows, classes] = logits.shape
    gpu.run(
      shaders.crossentropy_forward,
      { logits, labels: target, weight, sums, losses, counted },
      { rows, classes, smoothing, ignore },
      { groups: rows },
    )
  },
  backward({ logits, target, weight, sums }, { losses: dlosses }, { logits: dlogits }, { smoothing, ignore }) {
    const [rows, classes] = logits.shape
    if (dlogits) {
      gpu.run(
        shaders.crossentropy_backward,
        { logits, labels: target, weight, sums, dlosses, dlogits },
        { rows, classes, smoothing, ignore },
        { invocations: rows * classes },
      )
    }
  },
})

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

/**
 * Cross entropy between logits [N, C] and class numbers target [N] (i32): a scalar, or [N] with reduction 'none'. A
 * target outside the classes gives NaN. f16 logits are widened first. `torch.nn.functional.cross_entropy`.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight = null, labelSmoothing = 0, reduction = 'mean', ignoreIndex = -100 } = options
  check(
    labelSmoothing >= 0 && labelSmoothing <= 1,
    `crossEntropy: labelSmoothing must be between 0 and 1, got ${labelSmoothing}`,
  )
  check(
    ['mean', 'sum', 'none'].includes(reduction),
    `crossEntropy: reduction must be mean, sum or none, got ${reduction}`,
  )
  const { losses, counted } = rowsOp(
    { logits: cast(logits, 'f32'), target, weight },
    { smoothing: labelSmoothing, ignore: ignoreIndex },
  )
  if (reduction === 'none') return losses
  return reduction === 'sum' ? sum(losses) : weightedMeanOp({ losses, counted }, {}).loss
}
