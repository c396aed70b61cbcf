// ResNet for images (He et al. 2015), with torchvision's names, initial values and arithmetic. NHWC inside.
import * as F from '../ops/index.js'
import { BatchNorm2d, type Conv2d, Linear } from '../nn/layers.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkOptions } from '../util/options.js'
import { channelMeans, checkImages, conv, inTurn, type Stage, stage } from './blocks.js'

/** The shortcut of a block that changes size: `downsample.0` a 1×1 convolution, `downsample.1` its batchNorm. */
type Downsample = [Conv2d, BatchNorm2d] | []

const downsample = (inChannels: number, outChannels: number, stride: number): Downsample =>
  stride === 1 && inChannels === outChannels
    ? []
    : [conv(inChannels, outChannels, 1, { stride }), new BatchNorm2d(outChannels)]

const shortcut = ([shrink, norm]: Downsample, x: Tensor): Tensor => (shrink && norm ? norm.forwardConv(shrink, x) : x)

/** Two 3×3 convolutions and a shortcut. */
class BasicBlock extends Module {
  static readonly expansion = 1
  conv1: Conv2d
  bn1: BatchNorm2d
  conv2: Conv2d
  bn2: BatchNorm2d
  downsample: Downsample

  constructor(inChannels: number, channels: number, stride: number) {
    super()
    this.conv1 = conv(inChannels, channels, 3, { stride })
    this.bn1 = new BatchNorm2d(channels)
    this.conv2 = conv(channels, channels, 3)
    this.bn2 = new BatchNorm2d(channels)
    this.downsample = downsample(inChannels, channels, stride)
  }

  forward(x: Tensor): Tensor {
    const y = this.bn1.forwardConv(this.conv1, x, { activation: 'relu' })
    return this.bn2.forwardConv(this.conv2, y, { residual: shortcut(this.downsample, x), activation: 'relu' })
  }
}

/** A 1×1 convolution, a 3×3 that carries the stride, a 1×1 to four times the channels, and a shortcut. */
export class Bottleneck extends Module {
  static readonly expansion = 4
  conv1: Conv2d
  bn1: BatchNorm2d
  conv2: Conv2d
  bn2: BatchNorm2d
  conv3: Conv2d
  bn3: BatchNorm2d
  downsample: Downsample

  constructor(inChannels: number, channels: number, stride: number) {
    super()
    const outChannels = channels * Bottleneck.expansion
    this.conv1 = conv(inChannels, channels, 1)
    this.bn1 = new BatchNorm2d(channels)
    this.conv2 = conv(channels, channels, 3, { stride })
    this.bn2 = new BatchNorm2d(channels)
    this.conv3 = conv(channels, outChannels, 1)
    this.bn3 = new BatchNorm2d(outChannels)
    this.downsample = downsample(inChannels, outChannels, stride)
  }

  forward(x: Tensor): Tensor {
    let y = this.bn1.forwardConv(this.conv1, x, { activation: 'relu' })
    y = this.bn2.forwardConv(this.conv2, y, { activation: 'relu' })
    return this.bn3.forwardConv(this.conv3, y, { residual: shortcut(this.downsample, x), activation: 'relu' })
  }
}

/** Options of the ResNets. */
export interface ResNetOptions {
  /** Outputs of the head. Default 1000. */
  numClasses?: number
}

type Block = BasicBlock | Bottleneck

/**
 * Images [N, H, W, 3], normalised → logits [N, numClasses]. Any H and W from 32 up.
 * @throws for an unknown option.
 */
export class ResNet extends Module {
  conv1: Conv2d
  bn1: BatchNorm2d
  layer1: Block[]
  layer2: Block[]
  layer3: Block[]
  layer4: Block[]
  fc: Linear

  constructor(
    Block: typeof BasicBlock | typeof Bottleneck,
    blocks: readonly [number, number, number, number],
    options: ResNetOptions = {},
  ) {
    super()
    checkOptions('resnet', options, ['numClasses'])
    const { numClasses = 1000 } = options
    let width = 64
    const stage = (channels: number, count: number, stride: number): Block[] =>
      Array.from({ length: count }, (_, i) => {
        const block = new Block(width, channels, i ? 1 : stride)
        width = channels * Block.expansion
        return block
      })
    this.conv1 = conv(3, 64, 7, { stride: 2 })
    this.bn1 = new BatchNorm2d(64)
    this.layer1 = stage(64, blocks[0], 1)
    this.layer2 = stage(128, blocks[1], 2)
    this.layer3 = stage(256, blocks[2], 2)
    this.layer4 = stage(512, blocks[3], 2)
    this.fc = new Linear(width, numClasses)
  }

  /**
   * Images [N, H, W, 3], normalised → logits [N, numClasses].
   * @throws unless images have the shape that the model takes.
   */
  forward(x: Tensor): Tensor {
    checkImages('resnet', x)
    return inTurn(this.stages(), x)
  }

  /** What `forward` does, part by part. */
  stages(): Stage[] {
    const blocks = [...this.layer1, ...this.layer2, ...this.layer3, ...this.layer4]
    return [
      stage((x) => {
        const y = this.bn1.forwardConv(this.conv1, x, { activation: 'relu' })
        return F.maxPool2d(y, { kernelSize: 3, stride: 2, padding: 1 })
      }),
      ...blocks.map((block) => stage((x) => block.forward(x))),
      stage(channelMeans),
      stage((x) => this.fc.forward(x)),
    ]
  }

  protected override headPrefixes(): readonly string[] {
    return ['fc.']
  }
}

/** `torchvision.models.resnet18`: 11.7 M parameters with 1000 classes. */
export function resnet18(options?: ResNetOptions): ResNet {
  return new ResNet(BasicBlock, [2, 2, 2, 2], options)
}

/** `torchvision.models.resnet34`: 21.8 M parameters with 1000 classes. */
export function resnet34(options?: ResNetOptions): ResNet {
  return new ResNet(BasicBlock, [3, 4, 6, 3], options)
}

/** `torchvision.models.resnet50`: 25.6 M parameters with 1000 classes. */
export function resnet50(options?: ResNetOptions): ResNet {
  return new ResNet(Bottleneck, [3, 4, 6, 3], options)
}

/** `torchvision.models.resnet101`: 44.5 M parameters with 1000 classes. */
export function resnet101(options?: ResNetOptions): ResNet {
  return new ResNet(Bottleneck, [3, 4, 23, 3], options)
}
