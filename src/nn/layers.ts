// Layers: parameters plus one call of an operator each. Initial values are PyTorch's defaults.
import * as F from '../ops/index.js'
import { gpu } from '../gpu/gpu.js'
import { attributesOf } from '../ops/conv2d.js'
import { checkGroups } from '../ops/groupnorm.js'
import { rowAt } from '../ops/indexing.js'
import { beforeBatchNorm } from '../ops/moments.js'
import { pair } from '../ops/shape.js'
import { buffer, parameter } from '../tensor/arena.js'
import { differentiable } from '../tensor/mode.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkFlags, checkNumbers, checkOptions, checkWhole, withDefaults } from '../util/options.js'
import { activate } from '../ops/unary.js'
import * as init from './init.js'
import { Module } from './module.js'

/** A number, or [height, width]. */
type Size2d = number | readonly number[]

export interface Conv2dOptions {
  /** Default 1. */
  stride?: Size2d
  /** Zeros on each side. Default 0. */
  padding?: Size2d
  /** Default 1. */
  dilation?: Size2d
  /** Channels are cut into so many groups, each with weights of its own. Default 1. */
  groups?: number
  /** Default true. */
  bias?: boolean
  /**
   * Draws the weight [KH, KW, in / groups, out] in place, such as `nn.init.kaimingNormal`; PyTorch's default otherwise.
   */
  weightInit?: (weight: Tensor) => Tensor
}

/**
 * Weight and bias of a convolution as PyTorch draws them, kaiming_uniform_(a = sqrt(5)): gain sqrt(1/3), so the bound
 * is 1 / sqrt(fanIn), for weight and bias alike. `fanIn` is weight [KH, KW, I, O] without its last axis.
 */
function convParameters(
  shape: readonly number[],
  biasSize: number | null,
  weightInit: ((weight: Tensor) => Tensor) | null = null,
): { weight: Tensor; bias: Tensor | null } {
  const [kh, kw, i] = shape
  const bound = 1 / Math.sqrt(kh * kw * i)
  const weight = parameter(shape, 'conv weight')
  return {
    weight: weightInit ? weightInit(weight) : init.uniform(weight, -bound, bound),
    bias: biasSize === null ? null : init.uniform(parameter([biasSize], 'conv bias'), -bound, bound),
  }
}

/** Throws unless a convolution's channels and options make sense. */
function checkConv(
  name: string,
  inChannels: number,
  outChannels: number,
  options: F.Conv2dOptions,
  bias: boolean,
): void {
  checkFlags(name, { bias })
  checkWhole(name, { inChannels, outChannels }, 1)
  const { groups } = attributesOf(name, options)
  check(
    inChannels % groups === 0 && outChannels % groups === 0,
    `${name}: groups must divide both channel counts, got ${inChannels}, ${outChannels} and groups ${groups}`,
  )
}

/** Throws unless a norm's sizes and what it adds to the variance make sense. */
function checkNorm(name: string, sizes: Readonly<Record<string, number>>, eps: number): void {
  checkWhole(name, sizes, 1)
  checkNumbers(name, { eps }, 0)
}

/**
 * 2-D convolution of an image [N, H, W, inChannels] (`torch.nn.Conv2d`); weight [KH, KW, inChannels / groups,
 * outChannels]. Sizes are numbers or [height, width].
 * @throws when `groups` does not divide the channels, a size is no whole number, or an option is unknown.
 */
export class Conv2d extends Module {
  weight: Tensor
  bias: Tensor | null
  /** What F.conv2d takes. */
  readonly options: F.Conv2dOptions
  protected override readonly layouts = { weight: 'conv' } as const

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: Conv2dOptions = {}) {
    super()
    checkOptions('Conv2d', options, ['stride', 'padding', 'dilation', 'groups', 'bias', 'weightInit'])
    const { bias = true, weightInit = null, ...rest } = options
    const { groups = 1 } = rest
    this.options = rest
    checkConv('Conv2d', inChannels, outChannels, rest, bias)
    const shape = [...pair('Conv2d', 'kernelSize', kernelSize, 1), inChannels / groups, outChannels]
    ;({ weight: this.weight, bias: this.bias } = convParameters(shape, bias ? outChannels : null, weightInit))
  }

  /** [N, H, W, inChannels] → [N, H′, W′, outChannels]. */
  forward(x: Tensor): Tensor {
    return F.conv2d(x, this.weight, this.bias, this.options)
  }
}

export interface ConvTranspose2dOptions extends Omit<Conv2dOptions, 'weightInit'> {
  /** Rows and columns more at the end of the result, below stride or dilation. Default 0. */
  outputPadding?: Size2d
}

/**
 * Transposed 2-D convolution of an image [N, H, W, inChannels] (`torch.nn.ConvTranspose2d`); weight [KH, KW,
 * outChannels / groups, inChannels], in checkpoints PyTorch's [inChannels, outChannels / groups, KH, KW].
 * @throws as {@link Conv2d}.
 */
export class ConvTranspose2d extends Module {
  weight: Tensor
  bias: Tensor | null
  private readonly options: F.ConvTranspose2dOptions
  protected override readonly layouts = { weight: 'conv' } as const

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: ConvTranspose2dOptions = {}) {
    super()
    const known = ['stride', 'padding', 'outputPadding', 'dilation', 'groups', 'bias']
    checkOptions('ConvTranspose2d', options, known)
    const { bias = true, ...rest } = options
    const { groups = 1 } = rest
    this.options = rest
    const { outputPadding = 0, ...others } = rest
    pair('ConvTranspose2d', 'outputPadding', outputPadding, 0)
    checkConv('ConvTranspose2d', inChannels, outChannels, others, bias)
    const shape = [...pair('ConvTranspose2d', 'kernelSize', kernelSize, 1), outChannels / groups, inChannels]
    ;({ weight: this.weight, bias: this.bias } = convParameters(shape, bias ? outChannels : null))
  }

  /** [N, H, W, inChannels] → [N, H′, W′, outChannels]. */
  forward(x: Tensor): Tensor {
    return F.convTranspose2d(x, this.weight, this.bias, this.options)
  }
}

export interface EmbeddingOptions {
  /** A row that starts as zeros and gets no gradient. Default: none. */
  paddingIdx?: number
}

/**
 * A vector for each number: indices [...] as i32 → [..., embeddingDim] (`torch.nn.Embedding`).
 * @throws when `paddingIdx` is no row, or an option is unknown.
 */
export class Embedding extends Module {
  weight: Tensor
  private readonly options: EmbeddingOptions

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super()
    checkWhole('Embedding', { numEmbeddings, embeddingDim }, 1)
    checkOptions('Embedding', options, ['paddingIdx'])
    this.options = options
    const weight = init.normal(parameter([numEmbeddings, embeddingDim], 'embedding weight'))
    const { paddingIdx } = options
    if (paddingIdx !== undefined) {
      const row = rowAt('Embedding', paddingIdx, numEmbeddings)
      gpu.write(weight.storage, new Float32Array(embeddingDim), 4 * row * embeddingDim)
    }
    this.weight = weight
  }

  /** Whole numbers [...] (i32) → their rows [..., embeddingDim]. */
  forward(indices: Tensor): Tensor {
    return F.embedding(indices, this.weight, this.options)
  }
}

/**
 * Batch normalisation over the last axis (`torch.nn.BatchNorm2d` for NHWC). With `momentum` null the running statistics
 * are the means over all batches so far.
 * @throws in `forward`, when x does not end in so many channels.
 */
export class BatchNorm2d extends Module {
  weight: Tensor
  bias: Tensor
  runningMean: Tensor
  runningVar: Tensor
  numBatchesTracked = 0
  /** In its place in training mode, where statistics are not those of this process's batch alone. */
  synchronised: ((x: Tensor, options: ReturnType<BatchNorm2d['count']>) => Tensor) | null = null

  override get savedCounters() {
    return ['numBatchesTracked']
  }

  constructor(
    channels: number,
    /** Added to the variance. */
    readonly eps = 1e-5,
    /** Share of a new batch in the running statistics; null: all batches count alike. */
    readonly momentum: number | null = 0.1,
  ) {
    super()
    checkNorm('BatchNorm2d', { channels }, eps)
    if (momentum !== null) checkNumbers('BatchNorm2d', { momentum })
    this.weight = init.ones(parameter([channels], 'batchNorm weight'))
    this.bias = init.zeros(parameter([channels], 'batchNorm bias'))
    this.runningMean = init.zeros(buffer([channels], 'running mean'))
    this.runningVar = init.ones(buffer([channels], 'running variance'))
  }

  /** [..., channels] → the same shape; while training it moves the running statistics. */
  forward(x: Tensor): Tensor {
    if (this.training && this.synchronised) return this.synchronised(x, this.count())
    return F.batchNorm(x, this.runningMean, this.runningVar, this.weight, this.bias, this.count())
  }

  /** relu(batchNorm(x)) in one kernel. */
  forwardRelu(x: Tensor): Tensor {
    if (this.training && this.synchronised) return F.relu(this.forward(x))
    return F.batchNormRelu(x, this.runningMean, this.runningVar, this.weight, this.bias, this.count())
  }

  /** relu(batchNorm(x) + residual) in one kernel. */
  forwardAddRelu(x: Tensor, residual: Tensor): Tensor {
    if (this.training && this.synchronised) return F.relu(F.add(this.forward(x), residual))
    return F.batchNormAddRelu(x, residual, this.runningMean, this.runningVar, this.weight, this.bias, this.count())
  }

  /**
   * This norm of a convolution's result, then + residual and an activation as wanted: one kernel in evaluation where no
   * gradient is asked for.
   * @throws for an unknown option, and when shapes do not fit.
   */
  forwardConv(conv: Conv2d, x: Tensor, options: { residual?: Tensor | null; activation?: F.Activation } = {}): Tensor {
    checkOptions('forwardConv', options, ['residual', 'activation'])
    const { residual = null, activation = 'none' } = options
    const learning = differentiable(x, residual, conv.weight, conv.bias, this.weight, this.bias)
    if (!this.training && !learning)
      return F.conv2dBatchNorm(x, conv.weight, conv.bias, this, { ...conv.options, residual, activation })
    const y = this.training && !this.synchronised ? beforeBatchNorm(() => conv.forward(x)) : conv.forward(x)
    if (activation === 'relu') return residual ? this.forwardAddRelu(y, residual) : this.forwardRelu(y)
    return activate(residual ? F.add(this.forward(y), residual) : this.forward(y), activation)
  }

  private count() {
    let share = 0
    if (this.training)
      gpu.host(() => {
        share = 1 / ++this.numBatchesTracked
      })
    return { training: this.training, momentum: this.momentum ?? (() => share), eps: this.eps }
  }
}

/**
 * Layer normalisation over the last axis (`torch.nn.LayerNorm`).
 * @throws in `forward`, when x does not end in so many features.
 */
export class LayerNorm extends Module {
  weight: Tensor
  bias: Tensor

  constructor(
    features: number,
    /** Added to the variance. */
    public eps = 1e-5,
  ) {
    super()
    checkNorm('LayerNorm', { features }, eps)
    this.weight = init.ones(parameter([features], 'layerNorm weight'))
    this.bias = init.zeros(parameter([features], 'layerNorm bias'))
  }

  /** [..., features] → the same shape. */
  forward(x: Tensor): Tensor {
    return F.layerNorm(x, this.weight.shape, this.weight, this.bias, { eps: this.eps })
  }

  /** sum = x + residual and y = layerNorm(sum) in one kernel. */
  forwardAdd(x: Tensor, residual: Tensor): { sum: Tensor; y: Tensor } {
    return F.addLayerNorm(x, residual, this.weight.shape, this.weight, this.bias, { eps: this.eps })
  }
}

/**
 * Group normalisation of [N, ..., channels], `numGroups` runs of channels an image (`torch.nn.GroupNorm`).
 * @throws when `numGroups` does not divide the channels.
 */
export class GroupNorm extends Module {
  weight: Tensor
  bias: Tensor

  constructor(
    /** Runs of channels that are normalised together. */
    public numGroups: number,
    channels: number,
    /** Added to the variance. */
    public eps = 1e-5,
  ) {
    super()
    checkNorm('GroupNorm', { numGroups, channels }, eps)
    checkGroups('GroupNorm', numGroups, channels)
    this.weight = init.ones(parameter([channels], 'groupNorm weight'))
    this.bias = init.zeros(parameter([channels], 'groupNorm bias'))
  }

  /** [N, ..., channels] → the same shape. */
  forward(x: Tensor): Tensor {
    return F.groupNorm(x, this.numGroups, this.weight, this.bias, { eps: this.eps })
  }
}

export interface InstanceNorm2dOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
  /** Whether it has weight and bias. Default false. */
  affine?: boolean
}

/**
 * Normalisation of each channel of each image [N, H, W, channels] (`torch.nn.InstanceNorm2d` without running
 * statistics).
 * @throws when an option is unknown; in `forward` for images of one position.
 */
export class InstanceNorm2d extends Module {
  weight: Tensor | null
  bias: Tensor | null
  readonly eps: number

  constructor(channels: number, options: InstanceNorm2dOptions = {}) {
    super()
    const { eps, affine } = withDefaults('InstanceNorm2d', options, { eps: 1e-5, affine: false })
    checkNorm('InstanceNorm2d', { channels }, eps)
    this.eps = eps
    this.weight = affine ? init.ones(parameter([channels], 'instanceNorm weight')) : null
    this.bias = affine ? init.zeros(parameter([channels], 'instanceNorm bias')) : null
  }

  /** [N, H, W, channels] → the same shape. */
  forward(x: Tensor): Tensor {
    return F.instanceNorm(x, this.weight, this.bias, { eps: this.eps })
  }
}

export interface LinearOptions {
  /** Whether it has one. Default true. */
  bias?: boolean
  /**
   * Weight normal with this standard deviation and bias zero, as transformers start; PyTorch's uniform default
   * otherwise.
   */
  std?: number
}

/**
 * y = x·weightᵀ + bias over the last axis (`torch.nn.Linear`); weight [outFeatures, inFeatures].
 * @throws when a size is not positive, or an option is unknown.
 */
export class Linear extends Module {
  weight: Tensor
  bias: Tensor | null

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super()
    checkOptions('Linear', options, ['bias', 'std'])
    const { bias = true, std } = options
    checkWhole('Linear', { inFeatures, outFeatures }, 1)
    checkFlags('Linear', { bias })
    if (std !== undefined) checkNumbers('Linear', { std })
    const bound = 1 / Math.sqrt(inFeatures)
    const weight = parameter([outFeatures, inFeatures], 'linear weight')
    this.weight = std === undefined ? init.uniform(weight, -bound, bound) : init.normal(weight, 0, std)
    this.bias = bias ? parameter([outFeatures], 'linear bias') : null
    if (!this.bias) return
    if (std === undefined) init.uniform(this.bias, -bound, bound)
    else init.zeros(this.bias)
  }

  /** [..., inFeatures] → [..., outFeatures]. */
  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias)
  }

  /** gelu(forward(x)) in one kernel. */
  forwardGelu(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias, { activation: 'gelu' })
  }
}

/**
 * Zeroes elements with probability p while training (`torch.nn.Dropout`).
 * @throws unless `p` is within 0 … 1.
 */
export class Dropout extends Module {
  constructor(/** Probability. */ readonly p = 0.5) {
    super()
    checkNumbers('Dropout', { p }, 0, 1)
  }

  /** Any shape → the same; x itself in evaluation. */
  forward(x: Tensor): Tensor {
    return F.dropout(x, this.p, this.training)
  }
}

/**
 * Zeroes whole samples with probability p while training: stochastic depth (timm's `DropPath`).
 * @throws unless `p` is within 0 … 1.
 */
export class DropPath extends Module {
  constructor(/** Probability. */ readonly p = 0) {
    super()
    checkNumbers('DropPath', { p }, 0, 1)
    check(p < 1, 'DropPath: p must be below 1, got 1')
  }

  /** [N, ...] → the same shape; x itself in evaluation. */
  forward(x: Tensor): Tensor {
    return F.dropPath(x, this.p, this.training)
  }
}
