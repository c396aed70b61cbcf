// DenseNet (Huang et al. 2017), with torchvision's names, initial values and arithmetic: CheXNet's network. NHWC
// inside.
import * as F from '../ops/index.js'
import * as init from '../nn/init.js'
import { BatchNorm2d, Conv2d, Linear } from '../nn/layers.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkOptions } from '../util/options.js'
import { channelMeans, checkImages, inTurn, type Stage, stage } from './blocks.js'

/** Without bias; the weight as torchvision draws it: kaiming_normal_. */
function conv(inChannels: number, outChannels: number, kernelSize: number, stride = 1): Conv2d {
  return new Conv2d(inChannels, outChannels, kernelSize, {
    stride,
    padding: kernelSize >> 1,
    bias: false,
    weightInit: (weight) => init.normal(weight, 0, Math.sqrt(2 / (inChannels * kernelSize ** 2))),
  })
}

/** `growth` new channels from all that there are. */
class DenseLayer extends Module {
  norm1: BatchNorm2d
  conv1: Conv2d
  norm2: BatchNorm2d
  conv2: Conv2d

  constructor(inChannels: number, growth: number) {
    super()
    this.norm1 = new BatchNorm2d(inChannels)
    this.conv1 = conv(inChannels, 4 * growth, 1)
    this.norm2 = new BatchNorm2d(4 * growth)
    this.conv2 = conv(4 * growth, growth, 3)
  }

  forward(x: Tensor): Tensor {
    const y = this.norm2.forwardConv(this.conv1, this.norm1.forwardRelu(x), { activation: 'relu' })
    return this.conv2.forward(y)
  }
}

/** Layers by `denselayer1` …, each of which sees the results of all before it. */
class DenseBlock extends Module {
  [name: `denselayer${number}`]: DenseLayer

  constructor(
    inChannels: number,
    readonly layers: number,
    growth: number,
  ) {
    super()
    for (let i = 0; i < layers; i++) this[`denselayer${i + 1}`] = new DenseLayer(inChannels + i * growth, growth)
  }

  forward(x: Tensor): Tensor {
    for (let i = 1; i <= this.layers; i++) x = F.cat([x, this[`denselayer${i}`].forward(x)], 3)
    return x
  }
}

/** Half the channels, half the height and width. */
class Transition extends Module {
  norm: BatchNorm2d
  conv: Conv2d

  constructor(inChannels: number, outChannels: number) {
    super()
    this.norm = new BatchNorm2d(inChannels)
    this.conv = conv(inChannels, outChannels, 1)
  }

  forward(x: Tensor): Tensor {
    return F.avgPool2d(this.conv.forward(this.norm.forwardRelu(x)), { kernelSize: 2, stride: 2 })
  }
}

/** Options of {@link DenseNet}. */
export interface DenseNetOptions {
  /** Layers of each block. */
  blocks: readonly number[]
  /** Channels that a layer adds. Default 32. */
  growth?: number
  /** Channels of the first convolution. Default 64. */
  stem?: number
  /** Channels of the images. Default 3. */
  inChannels?: number
  /** Outputs of the head. Default 1000. */
  numClasses?: number
}

interface Features {
  conv0: Conv2d
  norm0: BatchNorm2d
  [block: `denseblock${number}`]: DenseBlock
  [transition: `transition${number}`]: Transition
  norm5: BatchNorm2d
}

/**
 * Images [N, H, W, inChannels], normalised → logits [N, numClasses]. Any H and W from 32 up with four blocks.
 * @throws for an unknown option.
 */
export class DenseNet extends Module {
  features: Features
  classifier: Linear
  readonly blocks: number
  readonly inChannels: number

  constructor(options: DenseNetOptions) {
    super()
    checkOptions('densenet', options, ['blocks', 'growth', 'stem', 'inChannels', 'numClasses'])
    const { blocks, growth = 32, stem = 64, inChannels = 3, numClasses = 1000 } = options
    this.blocks = blocks.length
    this.inChannels = inChannels
    const features: Omit<Features, 'norm5'> = { conv0: conv(inChannels, stem, 7, 2), norm0: new BatchNorm2d(stem) }
    let width = stem
    blocks.forEach((layers, i) => {
      features[`denseblock${i + 1}`] = new DenseBlock(width, layers, growth)
      width += layers * growth
      if (i === blocks.length - 1) return
      features[`transition${i + 1}`] = new Transition(width, Math.floor(width / 2))
      width = Math.floor(width / 2)
    })
    this.features = { ...features, norm5: new BatchNorm2d(width) }
    this.classifier = new Linear(width, numClasses)
    init.zeros(this.classifier.bias!)
  }

  /**
   * Images [N, H, W, inChannels], normalised → logits [N, numClasses].
   * @throws unless images have the shape that the model takes.
   */
  forward(x: Tensor): Tensor {
    checkImages('densenet', x, this.inChannels)
    return inTurn(this.stages(), x)
  }

  /** What `forward` does, part by part. */
  stages(): Stage[] {
    const { features, blocks } = this
    const block = (i: number) =>
      stage((x) => {
        const y = features[`denseblock${i}`].forward(x)
        return i < blocks ? features[`transition${i}`].forward(y) : y
      })
    return [
      stage((x) => {
        const y = features.norm0.forwardConv(features.conv0, x, { activation: 'relu' })
        return F.maxPool2d(y, { kernelSize: 3, stride: 2, padding: 1 })
      }),
      ...Array.from({ length: blocks }, (_, i) => block(i + 1)),
      stage((x) => channelMeans(features.norm5.forwardRelu(x))),
      stage((x) => this.classifier.forward(x)),
    ]
  }

  protected override headPrefixes(): readonly string[] {
    return ['classifier.']
  }
}

/** `torchvision.models.densenet121`: 8.0 M parameters with 1000 classes. */
export function densenet121(options: Pick<DenseNetOptions, 'inChannels' | 'numClasses'> = {}): DenseNet {
  return new DenseNet({ blocks: [6, 12, 24, 16], ...options })
}
