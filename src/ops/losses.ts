// Losses between an input and a target: element by element (shaders/lib/loss.wgsl), and of log-probabilities. All are
// computed in f32: f16 inputs are widened first.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { checkNumbers, checkOptions, checkWhole, withDefaults } from '../util/options.js'
import { mul } from './binary.js'
import { cast } from './cast.js'
import { rowsOf } from './crossentropy.js'
import { expand, sum } from './reduce.js'
import { broadcastShapes } from './shape.js'
import { type Reduction, checkReduction, reduced, reducedRows } from './reduction.js'

type Loss = Constants<typeof shaders.loss_forward>['LOSS']

/** Attributes of a loss. */
interface Numbers {
  LOSS: Loss
  a: number
  b: number
}

const lossOp = /* @__PURE__ */ defineOp({
  name: 'loss',
  optional: ['positive'],
  saves: ['x', 't', 'positive'],
  shape: ({ x }: { x: Tensor; t: Tensor; positive: Tensor | null }, _: Numbers) => ({ losses: x.shape }),
  forward({ x, t, positive }, { losses }, { LOSS, ...numbers }) {
    const params = { n: x.size, period: positive?.size ?? 1, ...numbers }
    gpu.run(shaders.loss_forward, { x, t, positive, losses }, params, { elements: x.size }, { LOSS })
  },
  backward({ x, t, positive }, { losses: dlosses }, { x: dx, t: dt }, { LOSS, ...numbers }) {
    const params = { n: x.size, period: positive?.size ?? 1, ...numbers }
    const by = (to: Tensor | undefined, OF_INPUT: boolean) => {
      const bindings = { x, t, positive, dlosses }
      if (to) gpu.run(shaders.loss_backward, { ...bindings, dx: to }, params, { elements: x.size }, { LOSS, OF_INPUT })
    }
    by(dx, true)
    by(dt, false)
  },
})

/** Losses of all elements; the shapes must be one, as a column against a row would silently become a matrix. */
function elementwise(
  name: string,
  LOSS: Loss,
  input: Tensor,
  target: Tensor,
  { a = 0, b = 0, positive = null }: { a?: number; b?: number; positive?: Tensor | null } = {},
): Tensor {
  checkTensors(name, { input, target })
  check(
    sameShape(input.shape, target.shape),
    () =>
      `${name}: input and target must have one shape, got ${formatShape(input.shape)} and ${formatShape(target.shape)}`,
  )
  return lossOp({ x: cast(input, 'f32'), t: cast(target, 'f32'), positive }, { LOSS, a, b }).losses
}

/** Options that losses share. */
export interface LossOptions {
  /** Default 'mean'. */
  reduction?: Reduction
}

/**
 * (input - target)². Shapes must be equal. `torch.nn.functional.mse_loss`.
 * @throws when the shapes differ.
 */
export function mseLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions('mseLoss', options, ['reduction'])
  const { reduction = 'mean' } = options
  checkReduction('mseLoss', reduction)
  return reduced(elementwise('mseLoss', 'mse', input, target), reduction)
}

/**
 * |input - target|. Shapes must be equal. `torch.nn.functional.l1_loss`.
 * @throws when the shapes differ.
 */
export function l1Loss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions('l1Loss', options, ['reduction'])
  const { reduction = 'mean' } = options
  checkReduction('l1Loss', reduction)
  return reduced(elementwise('l1Loss', 'l1', input, target), reduction)
}

/** Options of {@link smoothL1Loss}. */
export interface SmoothL1Options extends LossOptions {
  /** Where it changes from quadratic to linear. Default 1. */
  beta?: number
}

/**
 * d² / (2 beta) where d = |input - target| is below beta (default 1), else d - beta / 2. `beta` 0 is {@link l1Loss}.
 * `torch.nn.functional.smooth_l1_loss`.
 * @throws when the shapes differ, or `beta` is below 0.
 */
export function smoothL1Loss(input: Tensor, target: Tensor, options: SmoothL1Options = {}): Tensor {
  const { reduction, beta } = withDefaults<Required<SmoothL1Options>>('smoothL1Loss', options, {
    reduction: 'mean',
    beta: 1,
  })
  checkReduction('smoothL1Loss', reduction)
  checkNumbers('smoothL1Loss', { beta }, 0)
  return reduced(elementwise('smoothL1Loss', 'smoothL1', input, target, { a: beta }), reduction)
}

/** Options of {@link huberLoss}. */
export interface HuberOptions extends LossOptions {
  /** Where it changes from quadratic to linear. Default 1. */
  delta?: number
}

/**
 * d² / 2 where d = |input - target| is at most delta (default 1), else delta · (d - delta / 2).
 * `torch.nn.functional.huber_loss`.
 * @throws when the shapes differ, or `delta` is not above 0.
 */
export function huberLoss(input: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  const { reduction, delta } = withDefaults<Required<HuberOptions>>('huberLoss', options, {
    reduction: 'mean',
    delta: 1,
  })
  checkReduction('huberLoss', reduction)
  check(delta > 0, () => `huberLoss: delta must be above 0, got ${delta}`)
  return reduced(elementwise('huberLoss', 'huber', input, target, { a: delta }), reduction)
}

/** Options of {@link bceWithLogits}. */
export interface BceOptions extends LossOptions {
  /** Weights of the losses, broadcast to their shape. Default: all 1. */
  weight?: Tensor | null
  /**
   * Weights of the positive class, such as one for each label [C], broadcast to the shape. Default 1. As in PyTorch it
   * takes no gradient.
   */
  posWeight?: Tensor | null
}

/**
 * Binary cross entropy between logits and targets from 0 to 1 of the same shape.
 * `torch.nn.functional.binary_cross_entropy_with_logits`.
 * @throws when the shapes differ, weights do not broadcast, or `posWeight` asks for a gradient.
 */
export function bceWithLogits(logits: Tensor, target: Tensor, options: BceOptions = {}): Tensor {
  const name = 'bceWithLogits'
  checkOptions(name, options, ['reduction', 'weight', 'posWeight'])
  const { reduction = 'mean', weight = null, posWeight = null } = options
  checkReduction(name, reduction)
  checkTensors(name, { input: logits, target }, { weight, posWeight })
  for (const [key, given] of Object.entries({ weight, posWeight }))
    check(
      !given || sameShape(broadcastShapes(`${name}: ${key}`, logits.shape, given.shape), logits.shape),
      () => `${name}: ${key} must broadcast to ${formatShape(logits.shape)}, got ${formatShape(given!.shape)}`,
    )
  check(!posWeight?.requiresGrad, `${name}: posWeight takes no gradient; detach() it`)
  let positive = posWeight
  if (positive) {
    const tail = logits.shape.slice(logits.shape.length - positive.shape.length)
    if (!sameShape(tail, positive.shape)) positive = expand(positive, logits.shape)
  }
  const losses = elementwise(name, 'bceWithLogits', logits, target, { positive })
  return reduced(weight ? mul(losses, weight) : losses, reduction)
}

/** What {@link klDiv} makes of its losses. */
export const DIVERGENCE = ['mean', 'sum', 'none', 'batchmean']

/** Options of {@link klDiv}. */
export interface KlDivOptions {
  /** 'batchmean' divides the sum by the length of the first axis: the divergence itself. Default 'mean'. */
  reduction?: Reduction | 'batchmean'
  /** Whether the target holds log-probabilities, too. Default false. */
  logTarget?: boolean
}

/**
 * Kullback-Leibler divergence, element by element: target · (log target - input) for log-probabilities `input`, 0 where
 * the target is 0. `torch.nn.functional.kl_div`.
 * @throws when the shapes differ.
 */
export function klDiv(input: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  const { reduction, logTarget } = withDefaults<Required<KlDivOptions>>('klDiv', options, {
    reduction: 'mean',
    logTarget: false,
  })
  checkReduction('klDiv', reduction, DIVERGENCE)
  const losses = elementwise('klDiv', logTarget ? 'klDivLog' : 'klDiv', input, target)
  return reduction === 'batchmean' ? mul(sum(losses), 1 / (input.shape[0] ?? 1)) : reduced(losses, reduction)
}

/** Options of {@link sigmoidFocalLoss}. */
export interface FocalOptions extends LossOptions {
  /** Weight of the positive class, 1 - alpha that of the negative one; negative: none. Default 0.25. */
  alpha?: number
  /** How much easy examples are weighted down. Default 2. */
  gamma?: number
}

/**
 * Focal loss of logits and targets from 0 to 1 of the same shape (Lin et al. 2017); as in torchvision the reduction is
 * 'none' by default. `torchvision.ops.sigmoid_focal_loss`.
 * @throws when the shapes differ, or `gamma` is below 0.
 */
export function sigmoidFocalLoss(logits: Tensor, target: Tensor, options: FocalOptions = {}): Tensor {
  const name = 'sigmoidFocalLoss'
  const { reduction, alpha, gamma } = withDefaults<Required<FocalOptions>>(name, options, {
    reduction: 'none',
    alpha: 0.25,
    gamma: 2,
  })
  checkReduction(name, reduction)
  checkNumbers(name, { gamma }, 0)
  return reduced(elementwise(name, 'sigmoidFocal', logits, target, { a: alpha, b: gamma }), reduction)
}

const nllOp = /* @__PURE__ */ defineOp({
  name: 'nllLoss',
  optional: ['weight'],
  dtypes: { target: ['i32'] },
  auxiliary: ['counted'],
  saves: ['target', 'weight'],
  shape: ({ x }: { x: Tensor; target: Tensor; weight: Tensor | null }, _: { ignore: number }) => ({
    losses: [x.shape[0]],
    counted: [x.shape[0]],
  }),
  forward({ x, target, weight }, { losses, counted }, { ignore }) {
    const [rows, classes] = x.shape
    const bindings = { x, labels: target, weight, losses, counted }
    gpu.run(shaders.nll_forward, bindings, { rows, classes, ignore }, { invocations: rows })
  },
  backward({ target, weight }, { losses: dlosses }, { x: dx }, { ignore }) {
    if (!dx) return
    const [rows, classes] = dx.shape
    const bindings = { labels: target, weight, dlosses, dx }
    gpu.run(shaders.nll_backward, bindings, { rows, classes, ignore }, { invocations: rows * classes })
  },
})

/** Options of {@link nllLoss}. */
export interface NllOptions extends LossOptions {
  /** A weight for each class, [C]. Takes no gradient. Default: all 1. */
  weight?: Tensor | null
  /** Targets with this value count nothing. Default -100. */
  ignoreIndex?: number
}

/**
 * Negative log likelihood of log-probabilities [..., C], classes last, and class numbers [...] (i32); 'mean' divides by
 * the sum of the targets' weights. A target outside the classes gives NaN. `torch.nn.functional.nll_loss`.
 * @throws when target or weight do not fit, or a class number is no i32.
 */
export function nllLoss(logProbabilities: Tensor, target: Tensor, options: NllOptions = {}): Tensor {
  checkOptions('nllLoss', options, ['reduction', 'weight', 'ignoreIndex'])
  const { reduction = 'mean', weight = null, ignoreIndex = -100 } = options
  checkReduction('nllLoss', reduction)
  checkWhole('nllLoss', { ignoreIndex })
  const rows = rowsOf('nllLoss', logProbabilities, target, weight)
  const { losses, counted } = nllOp({ x: cast(rows.x, 'f32'), target: rows.target, weight }, { ignore: ignoreIndex })
  return reducedRows(losses, counted, reduction, target.shape)
}
