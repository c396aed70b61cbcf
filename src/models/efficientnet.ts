// EfficientNet (Tan and Le 2019) and EfficientNetV2 (2021), with torchvision's names, initial values and arithmetic.
// NHWC inside.
import * as F from '../ops/index.js'
import * as init from '../nn/init.js'
import { DropPath, Dropout, Linear } from '../nn/layers.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkOptions } from '../util/options.js'
import {
  channelMeans,
  checkImages,
  ConvNormActivation,
  inTurn,
  multipleOf8,
  type NormOptions,
  SqueezeExcitation,
  type Stage,
  stage as part,
} from './blocks.js'

/** One stage: `layers` blocks, the first of which carries the stride. Fused: one convolution for the first two. */
export interface EfficientNetStage {
  expand: number
  kernelSize: number
  stride: number
  channels: number
  layers: number
  /** Default false. */
  fused?: boolean
}

/** A block of an inverted residual: wide inside, narrow where blocks meet. */
class InvertedResidual extends Module {
  block: (ConvNormActivation | SqueezeExcitation)[]
  stochasticDepth: DropPath | null

  constructor(
    inChannels: number,
    { expand, kernelSize, channels, fused = false }: EfficientNetStage,
    stride: number,
    dropPath: number,
    norm: NormOptions,
  ) {
    super()
    const wide = multipleOf8(inChannels * expand)
    const widens = wide !== inChannels
    const shape = { kernelSize, stride }
    if (fused) {
      this.block = widens
        ? [
            new ConvNormActivation(inChannels, wide, 'silu', shape, norm),
            new ConvNormActivation(wide, channels, 'none', {}, norm),
          ]
        : [new ConvNormActivation(inChannels, channels, 'silu', shape, norm)]
    } else {
      this.block = [
        ...(widens ? [new ConvNormActivation(inChannels, wide, 'silu', {}, norm)] : []),
        new ConvNormActivation(wide, wide, 'silu', { ...shape, groups: wide }, norm),
        new SqueezeExcitation(wide, Math.max(1, Math.floor(inChannels / 4)), { activation: 'silu' }),
        new ConvNormActivation(wide, channels, 'none', {}, norm),
      ]
    }
    this.stochasticDepth = stride === 1 && inChannels === channels ? new DropPath(dropPath) : null
  }

  forward(x: Tensor): Tensor {
    const y = this.block.reduce((y, layer) => layer.forward(y), x)
    return this.stochasticDepth ? F.add(this.stochasticDepth.forward(y), x) : y
  }
}

/** Options of {@link EfficientNet}. */
export interface EfficientNetOptions {
  /** Channels of the stem. */
  stem: number
  /** Stages, in order. */
  stages: readonly EfficientNetStage[]
  /** Channels of the last convolution. Default four times those of the last stage. */
  lastChannels?: number
  /** Outputs of the head. Default 1000. */
  numClasses?: number
  /** Dropout before the head. */
  dropout: number
  /** Stochastic depth of the last block; those before rise to it from 0 in even steps. Default 0.2. */
  dropPath?: number
  /** Of all BatchNorm layers. Default eps 1e-5, momentum 0.1. */
  norm?: NormOptions
}

const OPTIONS = ['stem', 'stages', 'lastChannels', 'numClasses', 'dropout', 'dropPath', 'norm']

/**
 * Images [N, H, W, 3], normalised → logits [N, numClasses]. Any H and W from 32 up.
 * @throws for an unknown option.
 */
export class EfficientNet extends Module {
  features: (ConvNormActivation | InvertedResidual[])[]
  classifier: [Dropout, Linear]

  constructor(options: EfficientNetOptions) {
    super()
    checkOptions('efficientnet', options, OPTIONS)
    const { stem, stages, numClasses = 1000, dropout, dropPath = 0.2, norm = {} } = options
    const { lastChannels = 4 * stages[stages.length - 1].channels } = options
    const blocks = stages.reduce((sum, { layers }) => sum + layers, 0)
    let [at, width] = [0, stem]
    this.features = [
      new ConvNormActivation(3, stem, 'silu', { kernelSize: 3, stride: 2 }, norm),
      ...stages.map((stage) =>
        Array.from({ length: stage.layers }, (_, i) => {
          const block = new InvertedResidual(width, stage, i ? 1 : stage.stride, (dropPath * at++) / blocks, norm)
          width = stage.channels
          return block
        }),
      ),
      new ConvNormActivation(width, lastChannels, 'silu', {}, norm),
    ]
    const head = new Linear(lastChannels, numClasses)
    const bound = 1 / Math.sqrt(numClasses)
    init.uniform(head.weight, -bound, bound)
    init.zeros(head.bias!)
    this.classifier = [new Dropout(dropout), head]
  }

  /**
   * Images [N, H, W, 3], normalised → logits [N, numClasses].
   * @throws unless images have the shape that the model takes.
   */
  forward(x: Tensor): Tensor {
    checkImages('efficientnet', x)
    return inTurn(this.stages(), x)
  }

  /** What `forward` does, part by part. */
  stages(): Stage[] {
    const [dropout, head] = this.classifier
    return [
      ...this.features.flat().map((layer) => part((x) => layer.forward(x))),
      part(channelMeans),
      part((x) => head.forward(dropout.forward(x))),
    ]
  }

  protected override headPrefixes(): readonly string[] {
    return ['classifier.']
  }
}

/** What may be said of a model with a name, such as `efficientnetB0`. */
export type EfficientNetPresetOptions = Pick<EfficientNetOptions, 'numClasses' | 'dropPath'> & { dropout?: number }

const stage = (
  expand: number,
  kernelSize: number,
  stride: number,
  channels: number,
  layers: number,
  fused = false,
): EfficientNetStage => ({ expand, kernelSize, stride, channels, layers, fused })

const B0 = [
  stage(1, 3, 1, 16, 1),
  stage(6, 3, 2, 24, 2),
  stage(6, 5, 2, 40, 2),
  stage(6, 3, 2, 80, 3),
  stage(6, 5, 1, 112, 3),
  stage(6, 5, 2, 192, 4),
  stage(6, 3, 1, 320, 1),
]

/** B0 with its widths and depths scaled. */
const scaled =
  (width: number, depth: number, dropout: number) =>
  (options: EfficientNetPresetOptions = {}) =>
    new EfficientNet({
      stem: multipleOf8(32 * width),
      stages: B0.map((s) => ({
        ...s,
        channels: multipleOf8(s.channels * width),
        layers: Math.ceil(s.layers * depth),
      })),
      dropout,
      ...options,
    })

/** `torchvision.models.efficientnet_b0`: 5.3 M parameters with 1000 classes, for images of 224 pixels. */
export const efficientnetB0 = /* @__PURE__ */ scaled(1, 1, 0.2)
/** `torchvision.models.efficientnet_b1`: 7.8 M parameters with 1000 classes, for images of 240 pixels. */
export const efficientnetB1 = /* @__PURE__ */ scaled(1, 1.1, 0.2)
/** `torchvision.models.efficientnet_b2`: 9.1 M parameters with 1000 classes, for images of 288 pixels. */
export const efficientnetB2 = /* @__PURE__ */ scaled(1.1, 1.2, 0.3)
/** `torchvision.models.efficientnet_b3`: 12.2 M parameters with 1000 classes, for images of 300 pixels. */
export const efficientnetB3 = /* @__PURE__ */ scaled(1.2, 1.4, 0.3)
/** `torchvision.models.efficientnet_b4`: 19.3 M parameters with 1000 classes, for images of 380 pixels. */
export const efficientnetB4 = /* @__PURE__ */ scaled(1.4, 1.8, 0.4)

/** `torchvision.models.efficientnet_v2_s`: 21.5 M parameters with 1000 classes, for images of 384 pixels. */
export function efficientnetV2S(options: EfficientNetPresetOptions = {}): EfficientNet {
  return new EfficientNet({
    stem: 24,
    stages: [
      stage(1, 3, 1, 24, 2, true),
      stage(4, 3, 2, 48, 4, true),
      stage(4, 3, 2, 64, 4, true),
      stage(4, 3, 2, 128, 6),
      stage(6, 3, 1, 160, 9),
      stage(6, 3, 2, 256, 15),
    ],
    lastChannels: 1280,
    dropout: 0.2,
    norm: { eps: 1e-3 },
    ...options,
  })
}
