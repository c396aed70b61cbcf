// ConvNeXt (Liu et al. 2022), with torchvision's names, initial values and arithmetic. NHWC inside.
import * as F from '../ops/index.js'
import * as init from '../nn/init.js'
import { Conv2d, DropPath, LayerNorm, Linear } from '../nn/layers.js'
import { Module } from '../nn/module.js'
import { WEIGHT_STD } from '../nn/transformer.js'
import { parameter } from '../tensor/arena.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { channelMeans, checkImages, inTurn, type Stage, stage } from './blocks.js'

const EPS = 1e-6

/** Weights normal, biases zero. torchvision's trunc_normal_ cuts at ±2, a hundred deviations: it cuts nothing. */
function conv(inChannels: number, outChannels: number, kernelSize: number, options: { [option: string]: number }) {
  const layer = new Conv2d(inChannels, outChannels, kernelSize, {
    ...options,
    weightInit: (weight) => init.normal(weight, 0, WEIGHT_STD),
  })
  init.zeros(layer.bias!)
  return layer
}

const linear = (inFeatures: number, outFeatures: number) => new Linear(inFeatures, outFeatures, { std: WEIGHT_STD })

/** x + layerScale · MLP(layerNorm(depthwise convolution of x)). */
class ConvNeXtBlock extends Module {
  /** [C, 1, 1], as torchvision's images are NCHW. */
  layerScale: Tensor
  /** By the places in torchvision's list: between them stand what has no parameters. */
  block: { 0: Conv2d; 2: LayerNorm; 3: Linear; 5: Linear }
  stochasticDepth: DropPath

  constructor(dim: number, dropPath: number) {
    super()
    this.layerScale = init.constant(parameter([dim, 1, 1], 'layer scale'), 1e-6)
    this.block = {
      0: conv(dim, dim, 7, { padding: 3, groups: dim }),
      2: new LayerNorm(dim, EPS),
      3: linear(dim, 4 * dim),
      5: linear(4 * dim, dim),
    }
    this.stochasticDepth = new DropPath(dropPath)
  }

  forward(x: Tensor): Tensor {
    const { 0: depthwise, 2: norm, 3: widen, 5: narrow } = this.block
    const y = narrow.forward(widen.forwardGelu(norm.forward(depthwise.forward(x))))
    const scale = F.reshape(this.layerScale, [this.layerScale.size])
    // In f32 also in mixed precision, as PyTorch promotes it: f16 hardly has 1e-6.
    return F.add(F.cast(x, 'f32'), this.stochasticDepth.forward(F.mul(F.cast(y, 'f32'), scale)))
  }
}

/** Options of {@link ConvNeXt}. */
export interface ConvNeXtOptions {
  /** Blocks of each stage. */
  depths: readonly number[]
  /** Channels of each stage. */
  widths: readonly number[]
  /** Outputs of the head. Default 1000. */
  numClasses?: number
  /** Stochastic depth of the last block; those before rise to it from 0 in even steps. Default 0. */
  dropPath?: number
}

/**
 * Images [N, H, W, 3], normalised → logits [N, numClasses]. Any H and W from 4 · 2^(stages - 1) up.
 * @throws for an unknown option, and unless each stage has a depth and a width.
 */
export class ConvNeXt extends Module {
  /** The stem, then stages with a layer between them that halves the image. */
  features: (Conv2d | LayerNorm | ConvNeXtBlock)[][]
  classifier: { 0: LayerNorm; 2: Linear }

  constructor(options: ConvNeXtOptions) {
    super()
    checkOptions('convnext', options, ['depths', 'widths', 'numClasses', 'dropPath'])
    const { depths, widths, numClasses = 1000, dropPath = 0 } = options
    check(
      depths.length > 0 && depths.length === widths.length,
      () => `convnext: needs a depth and a width for each stage, got ${depths.length} and ${widths.length}`,
    )
    const last = depths.reduce((sum, depth) => sum + depth) - 1
    let at = 0
    this.features = depths.flatMap((depth, i) => [
      i
        ? [new LayerNorm(widths[i - 1], EPS), conv(widths[i - 1], widths[i], 2, { stride: 2 })]
        : [conv(3, widths[0], 4, { stride: 4 }), new LayerNorm(widths[0], EPS)],
      Array.from({ length: depth }, () => new ConvNeXtBlock(widths[i], last ? (dropPath * at++) / last : dropPath)),
    ])
    const width = widths[widths.length - 1]
    this.classifier = { 0: new LayerNorm(width, EPS), 2: linear(width, numClasses) }
  }

  /**
   * Images [N, H, W, 3], normalised → logits [N, numClasses].
   * @throws unless images have the shape that the model takes.
   */
  forward(x: Tensor): Tensor {
    checkImages('convnext', x)
    return inTurn(this.stages(), x)
  }

  /** What `forward` does, part by part. */
  stages(): Stage[] {
    const { 0: norm, 2: head } = this.classifier
    return [
      ...this.features.flat().map((layer) => stage((x) => layer.forward(x))),
      stage(channelMeans),
      stage((x) => head.forward(norm.forward(x))),
    ]
  }

  protected override headPrefixes(): readonly string[] {
    return ['classifier.']
  }
}

/** A ConvNeXt of any depths and widths. */
export const convnext = (options: ConvNeXtOptions): ConvNeXt => new ConvNeXt(options)

/** `torchvision.models.convnext_tiny`: 28.6 M parameters with 1000 classes. `dropPath`: 0.1 by default. */
export function convnextTiny(options: Pick<ConvNeXtOptions, 'numClasses' | 'dropPath'> = {}): ConvNeXt {
  return new ConvNeXt({ depths: [3, 3, 9, 3], widths: [96, 192, 384, 768], dropPath: 0.1, ...options })
}

/** `torchvision.models.convnext_small`: 50.2 M parameters with 1000 classes. `dropPath`: 0.4 by default. */
export function convnextSmall(options: Pick<ConvNeXtOptions, 'numClasses' | 'dropPath'> = {}): ConvNeXt {
  return new ConvNeXt({ depths: [3, 3, 27, 3], widths: [96, 192, 384, 768], dropPath: 0.4, ...options })
}

/** `torchvision.models.convnext_base`: 88.6 M parameters with 1000 classes. `dropPath`: 0.5 by default. */
export function convnextBase(options: Pick<ConvNeXtOptions, 'numClasses' | 'dropPath'> = {}): ConvNeXt {
  return new ConvNeXt({ depths: [3, 3, 27, 3], widths: [128, 256, 512, 1024], dropPath: 0.5, ...options })
}
