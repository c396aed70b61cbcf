// MobileNetV3 (Howard et al. 2019), with torchvision's names, initial values and arithmetic. NHWC inside.
import * as F from '../ops/index.js'
import { Dropout, Linear } from '../nn/layers.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkOptions } from '../util/options.js'
import {
  channelMeans,
  checkImages,
  ConvNormActivation,
  inTurn,
  multipleOf8,
  type Stage,
  SqueezeExcitation,
  stage,
} from './blocks.js'

const NORM = { eps: 1e-3, momentum: 0.01 }

type BlockActivation = 'relu' | 'hardswish'

/** kernelSize, expanded channels, channels, squeeze-excitation, activation, stride. */
type Row = readonly [
  kernelSize: number,
  wide: number,
  channels: number,
  squeezes: boolean,
  activation: BlockActivation,
  stride: number,
]

class InvertedResidual extends Module {
  block: (ConvNormActivation | SqueezeExcitation)[]
  /** Not a field that a state dict would hold: whether the input is added. */
  readonly adds: boolean

  constructor(inChannels: number, [kernelSize, wide, channels, squeezes, activation, stride]: Row) {
    super()
    this.block = [
      ...(wide === inChannels ? [] : [new ConvNormActivation(inChannels, wide, activation, {}, NORM)]),
      new ConvNormActivation(wide, wide, activation, { kernelSize, stride, groups: wide }, NORM),
      ...(squeezes ? [new SqueezeExcitation(wide, multipleOf8(Math.floor(wide / 4)), { gate: 'hardsigmoid' })] : []),
      new ConvNormActivation(wide, channels, 'none', {}, NORM),
    ]
    this.adds = stride === 1 && inChannels === channels
  }

  forward(x: Tensor): Tensor {
    const y = this.block.reduce((y, layer) => layer.forward(y), x)
    return this.adds ? F.add(y, x) : y
  }
}

/** Options of {@link MobileNetV3}. */
export interface MobileNetOptions {
  /** Outputs of the head. Default 1000. */
  numClasses?: number
  /** Before the head. Default 0.2. */
  dropout?: number
}

/**
 * Images [N, H, W, 3], normalised → logits [N, numClasses]. Any H and W from 32 up.
 * @throws for an unknown option.
 */
export class MobileNetV3 extends Module {
  features: (ConvNormActivation | InvertedResidual)[]
  /** By the places in torchvision's list: at 1 stands hardswish. */
  classifier: { 0: Linear; 2: Dropout; 3: Linear }

  constructor(rows: readonly Row[], hidden: number, options: MobileNetOptions = {}) {
    super()
    checkOptions('mobilenet', options, ['numClasses', 'dropout'])
    const { numClasses = 1000, dropout = 0.2 } = options
    let width = 16
    const blocks = rows.map((row) => {
      const block = new InvertedResidual(width, row)
      width = row[2]
      return block
    })
    this.features = [
      new ConvNormActivation(3, 16, 'hardswish', { kernelSize: 3, stride: 2 }, NORM),
      ...blocks,
      new ConvNormActivation(width, 6 * width, 'hardswish', {}, NORM),
    ]
    const linear = (inFeatures: number, outFeatures: number) => new Linear(inFeatures, outFeatures, { std: 0.01 })
    this.classifier = { 0: linear(6 * width, hidden), 2: new Dropout(dropout), 3: linear(hidden, numClasses) }
  }

  /**
   * Images [N, H, W, 3], normalised → logits [N, numClasses].
   * @throws unless images have the shape that the model takes.
   */
  forward(x: Tensor): Tensor {
    checkImages('mobilenet', x)
    return inTurn(this.stages(), x)
  }

  /** What `forward` does, part by part. */
  stages(): Stage[] {
    const { 0: hidden, 2: dropout, 3: head } = this.classifier
    return [
      ...this.features.map((layer) => stage((x) => layer.forward(x))),
      stage(channelMeans),
      stage((x) => F.linear(x, hidden.weight, hidden.bias, { activation: 'hardswish' })),
      stage((x) => head.forward(dropout.forward(x))),
    ]
  }

  protected override headPrefixes(): readonly string[] {
    return ['classifier.3.']
  }
}

const SMALL: readonly Row[] = [
  [3, 16, 16, true, 'relu', 2],
  [3, 72, 24, false, 'relu', 2],
  [3, 88, 24, false, 'relu', 1],
  [5, 96, 40, true, 'hardswish', 2],
  [5, 240, 40, true, 'hardswish', 1],
  [5, 240, 40, true, 'hardswish', 1],
  [5, 120, 48, true, 'hardswish', 1],
  [5, 144, 48, true, 'hardswish', 1],
  [5, 288, 96, true, 'hardswish', 2],
  [5, 576, 96, true, 'hardswish', 1],
  [5, 576, 96, true, 'hardswish', 1],
]

const LARGE: readonly Row[] = [
  [3, 16, 16, false, 'relu', 1],
  [3, 64, 24, false, 'relu', 2],
  [3, 72, 24, false, 'relu', 1],
  [5, 72, 40, true, 'relu', 2],
  [5, 120, 40, true, 'relu', 1],
  [5, 120, 40, true, 'relu', 1],
  [3, 240, 80, false, 'hardswish', 2],
  [3, 200, 80, false, 'hardswish', 1],
  [3, 184, 80, false, 'hardswish', 1],
  [3, 184, 80, false, 'hardswish', 1],
  [3, 480, 112, true, 'hardswish', 1],
  [3, 672, 112, true, 'hardswish', 1],
  [5, 672, 160, true, 'hardswish', 2],
  [5, 960, 160, true, 'hardswish', 1],
  [5, 960, 160, true, 'hardswish', 1],
]

/** `torchvision.models.mobilenet_v3_small`: 2.5 M parameters with 1000 classes. */
export const mobilenetV3Small = (options?: MobileNetOptions): MobileNetV3 => new MobileNetV3(SMALL, 1024, options)

/** `torchvision.models.mobilenet_v3_large`: 5.5 M parameters with 1000 classes. */
export const mobilenetV3Large = (options?: MobileNetOptions): MobileNetV3 => new MobileNetV3(LARGE, 1280, options)
