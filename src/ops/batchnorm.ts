// Batch normalisation over the last axis, alone and with relu and residual addition in the same kernel.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { add } from './binary.js'
import { partsOf } from './moments.js'
import { chunked, mergeGradients, runsFor } from './normalize.js'
import { relu, unaryBackward } from './unary.js'
import { checkNumbers, withDefaults } from '../util/options.js'
import { checkVectors } from './shape.js'

/** Options of {@link batchNorm} and those fused with it. */
export interface BatchNormOptions {
  /** Batch statistics (and running ones updated) instead of running statistics. Default false. */
  training?: boolean
  /** Share of the new batch in the running statistics; a function is asked at every execution. Default 0.1. */
  momentum?: number | (() => number)
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

interface Attributes extends Required<BatchNormOptions> {
  relu: boolean
}

const batchNormOp = defineOp({
  name: 'batchNorm',
  optional: ['residual', 'runningMean', 'runningVar', 'weight', 'bias'],
  dtypes: { x: FLOATS, residual: FLOATS },
  mutates: ['runningMean', 'runningVar'],
  auxiliary: ['stats'],
  saves: ['x', 'y', 'weight', 'stats'],
  shape(
    {
      x,
      residual,
      ...vectors
    }: { x: Tensor } & Record<'residual' | 'runningMean' | 'runningVar' | 'weight' | 'bias', Tensor | null>,
    { training }: Attributes,
    as,
  ) {
    const channels = x.shape[x.shape.length - 1]
    checkVectors(as, vectors, channels)
    check(
      training || (vectors.runningMean && vectors.runningVar),
      `${as}: evaluation needs running statistics, got none`,
    )
    check(
      !vectors.weight === !vectors.bias && !vectors.runningMean === !vectors.runningVar,
      `${as}: weight and bias, and the running statistics, come in pairs`,
    )
    check(
      !residual || sameShape(residual.shape, x.shape),
      () => `${as}: residual must have the shape of x ${formatShape(x.shape)}, got ${formatShape(residual!.shape)}`,
    )
    check(
      !training || x.size > channels,
      () => `${as}: training needs more than one value per channel, got x ${formatShape(x.shape)}`,
    )
    return { y: x.shape, stats: [3, channels] }
  },
  normed({ x, y, stats }, { training, relu: rectify }) {
    return training ? { x: x!, y: rectify ? y : null, stats: stats! } : null
  },
  forward(
    { x, residual, runningMean, runningVar, weight, bias },
    { y, stats },
    { training, momentum, eps, relu: rectify },
  ) {
    const { chunks, sizes, size } = chunked(x.shape, 1)
    const { channels } = sizes
    if (training) {
      const left = partsOf(x) // by a convolution
      const parts = left?.parts ?? empty([chunks, 2, channels], 'f32', 'batchNorm parts')
      if (!left) gpu.run(shaders.batchnorm_stats, { x, parts }, sizes, size)
      const cut = { ...sizes, ...left?.cut }
      const params = (share: number) => ({
        ...cut,
        eps,
        momentum: share,
        keep: 1 - share,
        from_zero: !!left,
      })
      gpu.run(
        shaders.batchnorm_merge,
        { x, parts, stats, running_mean: runningMean, running_var: runningVar },
        typeof momentum === 'function' ? () => params(momentum()) : params(momentum),
        { elements: channels },
        runsFor(cut.chunks),
      )
    } else {
      gpu.run(
        shaders.batchnorm_running,
        { running_mean: runningMean, running_var: runningVar, stats },
        { channels, eps },
        { invocations: channels },
      )
    }
    const bindings = { x, stats, weight, bias, residual, y }
    gpu.run(shaders.batchnorm_apply, bindings, { ...sizes, relu: rectify }, size)
  },
  backward(
    { x, y, weight, stats },
    { y: dy },
    { x: dx, weight: dWeight, bias: dBias, residual: dResidual },
    { training, relu: rectify },
  ) {
    const { chunks, sizes, size } = chunked(x.shape, 1)
    const { channels } = sizes
    const dweight = dWeight ?? empty([channels], 'f32', 'dweight')
    const dbias = dBias ?? empty([channels], 'f32', 'dbias')
    // dy where y > 0: the residual's gradient, and all that dx needs of dy. A convolution that left sums has made dy
    // so; of relu(… + residual) the sums' pass stores it.
    const left = partsOf(dy, stats)
    let masked = left && dy
    if (left || dWeight || dBias || (dx && training)) {
      const parts = left?.parts ?? empty([chunks, 2, channels], 'f32', 'batchNorm parts')
      if (!left) {
        masked = (rectify && dResidual) || null
        gpu.run(
          shaders.batchnorm_backward_sums,
          { x, y, dy, stats, parts, dresidual: masked },
          { ...sizes, relu: rectify },
          size,
        )
      }
      mergeGradients(parts, dweight, dbias, channels, left?.cut.chunks ?? chunks)
    }
    if (dx) {
      const sums = training ? { dweight, dbias } : { dweight: null, dbias: null }
      const upstream = masked ? { y: null, dy: masked, relu: false } : { y, dy, relu: rectify }
      gpu.run(
        shaders.batchnorm_backward_input,
        { x, y: upstream.y, dy: upstream.dy, stats, weight, ...sums, dx },
        { ...sizes, relu: upstream.relu, training },
        size,
      )
    }
    if (!dResidual || (masked && !left)) return
    if (left || !rectify) return { residual: dy }
    unaryBackward('relu', y, dy, dResidual)
  },
})

function run(
  name: string,
  x: Tensor,
  residual: Tensor | null,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  options: BatchNormOptions,
  rectify: boolean,
): Tensor {
  const share = typeof options?.momentum === 'function' ? options.momentum : 0.1
  const defaults = { training: false, momentum: share, eps: 1e-5 }
  const settings = withDefaults<Required<BatchNormOptions>>(name, options, defaults)
  checkNumbers(name, { eps: settings.eps }, 0)
  return batchNormOp({ x, residual, runningMean, runningVar, weight, bias }, { ...settings, relu: rectify }, name).y
}

/**
 * (x - mean)·rstd·weight + bias over the last axis: x [..., C], vectors [C] or null (no affine part, no running
 * statistics). While training with the statistics of the batch (running ones move by `momentum`, the variance
 * unbiased), otherwise with the running ones. `torch.nn.functional.batch_norm`.
 * @throws when vectors have not the length C, statistics are missing in evaluation, or a batch in training has one
 * value a channel.
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  options: BatchNormOptions = {},
): Tensor {
  return run('batchNorm', x, null, runningMean, runningVar, weight, bias, options, false)
}

/**
 * relu(batchNorm(x)), fused.
 * @throws as {@link batchNorm}.
 */
export function batchNormRelu(
  x: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  options: BatchNormOptions = {},
): Tensor {
  return run('batchNormRelu', x, null, runningMean, runningVar, weight, bias, options, true)
}

/**
 * relu(batchNorm(x) + residual), fused: the end of a ResNet block.
 * @throws as {@link batchNorm}, and when x and residual differ in shape.
 */
export function batchNormAddRelu(
  x: Tensor,
  residual: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  options: BatchNormOptions = {},
): Tensor {
  checkTensors('batchNormAddRelu', { x, residual })
  return run('batchNormAddRelu', x, residual, runningMean, runningVar, weight, bias, options, true)
}

/** What the fused operators compute, out of plain ones: their twin in the tests. */
export const composed = {
  batchNormRelu: (...args: Parameters<typeof batchNormRelu>) => relu(batchNorm(...args)),
  batchNormAddRelu: (
    x: Tensor,
    residual: Tensor,
    ...rest: Parameters<typeof batchNorm> extends [Tensor, ...infer R] ? R : never
  ) => relu(add(batchNorm(x, ...rest), residual)),
}
