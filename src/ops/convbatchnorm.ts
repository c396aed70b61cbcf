// Evaluation only: a convolution, batchNorm with running statistics, residual addition and activation in one kernel. It
// has no gradient.
import { gpu } from '../gpu/gpu.js'
import { conv } from '../shaders.late.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { differentiable } from '../tensor/mode.js'
import { type Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { checkNumbers, checkOptions } from '../util/options.js'
import { batchNorm } from './batchnorm.js'
import { add } from './binary.js'
import { operand, parameterAs } from './cast.js'
import { CONV2D_OPTIONS, type Conv2dOptions, attributesOf, conv2d, outputShape } from './conv2d.js'
import type { Attributes } from './convgeometry.js'
import { convForward } from './convkernels.js'
import type { Activation } from '../tensor/tape.js'
import { activate, checkActivation } from './unary.js'
import { checkVectors } from './shape.js'

/** What batchNorm in evaluation takes: vectors [CO], weight and bias null for no affine part. */
export interface RunningNorm {
  runningMean: Tensor
  runningVar: Tensor
  weight: Tensor | null
  bias: Tensor | null
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

/** Options of {@link conv2dBatchNorm}. */
export interface Conv2dBatchNormOptions extends Conv2dOptions {
  /** Added to the normalised result. Default: none. */
  residual?: Tensor | null
}

type Vectors = Record<'runningMean' | 'runningVar', Tensor> & Record<'bias' | 'normWeight' | 'normBias', Tensor | null>

const conv2dBatchNormOp = /* @__PURE__ */ defineOp({
  name: 'conv2dBatchNorm',
  dtypes: { x: FLOATS, residual: FLOATS },
  optional: ['bias', 'normWeight', 'normBias', 'residual'],
  shape(
    { x, weight, residual, ...vectors }: { x: Tensor; weight: Tensor; residual: Tensor | null } & Vectors,
    attrs: Attributes & { eps: number; activation: Activation },
  ) {
    const y = outputShape('conv2dBatchNorm', x, weight, vectors.bias, attrs)
    checkVectors('conv2dBatchNorm', vectors, y[3])
    check(
      !vectors.normWeight === !vectors.normBias,
      'conv2dBatchNorm: weight and bias of the norm come in pairs, got one',
    )
    check(
      !residual || sameShape(residual.shape, y),
      () =>
        `conv2dBatchNorm: residual must have the result's shape ${formatShape(y)}, got ${formatShape(residual!.shape)}`,
    )
    return { y }
  },
  forward(
    { x, weight, bias, runningMean, runningVar, normWeight, normBias, residual },
    { y },
    { eps, activation, ...attrs },
  ) {
    const channels = y.shape[3]
    const scale = empty([channels], 'f32', 'folded scale')
    const shift = empty([channels], 'f32', 'folded shift')
    gpu.run(
      conv.conv2d_batchnorm_fold,
      {
        conv_bias: bias,
        running_mean: runningMean,
        running_var: runningVar,
        weight: normWeight,
        bias: normBias,
        scale,
        shift,
      },
      { channels, eps },
      { invocations: channels },
    )
    const epilogue = { scale, bias: shift, residual, activation }
    convForward({ x, weight: parameterAs(x.dtype, weight), y, attrs, epilogue })
  },
})

/**
 * activation(batchNorm(conv2d(x, weight, bias), running statistics) + residual), residual and activation as wanted, in
 * one kernel.
 * For evaluation: it refuses inputs that a gradient would have to flow to.
 * @throws where a gradient is asked for, and when shapes or options do not fit.
 */
export function conv2dBatchNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  norm: RunningNorm,
  options: Conv2dBatchNormOptions = {},
): Tensor {
  checkOptions('conv2dBatchNorm', options, [...CONV2D_OPTIONS, 'residual'])
  const { residual = null, activation = 'none', ...conv } = options
  checkActivation('conv2dBatchNorm', activation)
  checkTensors('conv2dBatchNorm', { x })
  const { runningMean, runningVar, weight: normWeight, bias: normBias, eps = 1e-5 } = norm ?? {}
  const inputs = { x: operand(x), weight, bias, runningMean, runningVar, normWeight, normBias, residual }
  check(!differentiable(...Object.values(inputs)), 'conv2dBatchNorm: it has no gradient, use it inside noGrad(() => …)')
  checkNumbers('conv2dBatchNorm', { eps }, 0)
  return conv2dBatchNormOp(inputs, { ...attributesOf('conv2dBatchNorm', conv), eps, activation }).y
}

/** The same out of plain operators, with gradients: its twin in the tests. */
export function composedConv2dBatchNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  norm: RunningNorm,
  options: Conv2dBatchNormOptions = {},
): Tensor {
  const { residual, activation = 'none', ...conv } = options
  const y = batchNorm(conv2d(x, weight, bias, conv), norm.runningMean, norm.runningVar, norm.weight, norm.bias, {
    eps: norm.eps,
  })
  const sum = residual ? add(y, residual) : y
  return activate(sum, activation)
}
