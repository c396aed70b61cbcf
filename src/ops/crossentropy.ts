// Cross entropy with class weights and label smoothing, of class numbers or probabilities.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { Tensor, checkTensors } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { checkNumbers, checkOptions, checkWhole } from '../util/options.js'
import { affine, mul } from './binary.js'
import { cast } from './cast.js'
import { sum } from './reduce.js'
import { type Reduction, checkReduction, reduced, reducedRows } from './reduction.js'
import { logSoftmax } from './softmax.js'
import { neg } from './unary.js'
import { checkVectors } from './shape.js'

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** A weight for each class, [C]. Default: all 1. */
  weight?: Tensor | null
  /** Share of the target spread over all classes, 0 … 1. Default 0. */
  labelSmoothing?: number
  /** 'mean' divides by the sum of the targets' weights, as PyTorch does. Default 'mean'. */
  reduction?: Reduction
  /** Targets with this value count nothing; of class numbers alone. Default -100. */
  ignoreIndex?: number
}

/** One loss a row. */
const rowsOp = /* @__PURE__ */ defineOp({
  name: 'crossEntropy',
  optional: ['weight'],
  dtypes: { logits: FLOATS, target: ['i32'] },
  auxiliary: ['counted', 'sums'],
  saves: ['logits', 'target', 'weight', 'sums'],
  shape(
    { logits }: { logits: Tensor; target: Tensor; weight: Tensor | null },
    _: { smoothing: number; ignore: number },
  ) {
    const rows = logits.shape[0]
    return { losses: { shape: [rows], dtype: 'f32' }, counted: [rows], sums: [rows, 2] }
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

/** Rows [R, C] of x [..., C], and the class numbers [...] that belong to them as [R]. */
export function rowsOf(name: string, x: Tensor, target: Tensor, weight: Tensor | null) {
  checkTensors(name, { input: x, target }, { weight })
  check(x.shape.length >= 1, () => `${name}: needs logits [..., C], got ${formatShape(x.shape)}`)
  const classes = x.shape[x.shape.length - 1]
  const outer = x.shape.slice(0, -1)
  check(
    sameShape(target.shape, outer),
    () => `${name}: target must be ${formatShape(outer)}, got ${formatShape(target.shape)}`,
  )
  checkVectors(name, { weight }, classes)
  return { x: view(x, [x.size / classes, classes]), target: view(target, [target.size]) }
}

/** Targets that are probabilities: the loss is linear in the log-probabilities, so plain operators do it. */
function softCrossEntropy(
  logits: Tensor,
  target: Tensor,
  { weight = null, labelSmoothing = 0, reduction = 'mean' }: CrossEntropyOptions,
): Tensor {
  checkTensors('crossEntropy', { input: logits }, { weight })
  check(
    sameShape(logits.shape, target.shape),
    () =>
      `crossEntropy: a float target holds probabilities ${formatShape(logits.shape)}, class numbers are i32; ` +
      `got ${formatShape(target.shape)}`,
  )
  const classes = logits.shape[logits.shape.length - 1]
  checkVectors('crossEntropy', { weight }, classes)
  const wide = cast(target, 'f32')
  const smooth = labelSmoothing ? affine(wide, 1 - labelSmoothing, labelSmoothing / classes) : wide
  const weighted = weight ? mul(smooth, weight) : smooth
  const losses = neg(sum(mul(logSoftmax(logits, { dim: -1 }), weighted), -1))
  return reduced(losses, reduction)
}

/**
 * Cross entropy between logits [..., C], classes last, and a target: class numbers [...] as i32, or probabilities
 * [..., C] as floats, which take a gradient, too. A scalar, or [...] with reduction 'none'. A class number outside the
 * classes gives NaN. f16 logits are widened first. `torch.nn.functional.cross_entropy`.
 * @throws when target or weight do not fit the logits, a class number is no i32, `labelSmoothing` is not within 0 … 1,
 *   or `ignoreIndex` is given with probabilities.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkOptions('crossEntropy', options, ['weight', 'labelSmoothing', 'reduction', 'ignoreIndex'])
  const { weight = null, labelSmoothing = 0, reduction = 'mean', ignoreIndex = -100 } = options
  checkNumbers('crossEntropy', { labelSmoothing }, 0, 1)
  checkReduction('crossEntropy', reduction)
  checkWhole('crossEntropy', { ignoreIndex })
  if (target instanceof Tensor && FLOATS.includes(target.dtype)) {
    check(ignoreIndex === -100, 'crossEntropy: ignoreIndex is for class numbers, got probabilities')
    return softCrossEntropy(logits, target, options)
  }
  const rows = rowsOf('crossEntropy', logits, target, weight)
  const { losses, counted } = rowsOp(
    { logits: rows.x, target: rows.target, weight },
    { smoothing: labelSmoothing, ignore: ignoreIndex },
  )
  return reducedRows(losses, counted, reduction, target.shape)
}
