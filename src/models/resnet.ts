// ResNet for images (He et al. 2015), with torchvision's names, initial values and arithmetic. NHWC inside.
import * as F from '../ops/index.js'
import * as init from '../nn/init.js'
import { BatchNorm2d, Conv2d, Linear } from '../nn/layers.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { checkOptions } from '../util/options.js'

/** Without bias; the weight as torchvision draws it: kaiming_normal_(mode='fan_out', nonlinearity='relu'). */
function conv(inChannels: number, outChannels: number, kernelSize: number, stride = 1): Conv2d {
  return new Conv2d(inChannels, outChannels, kernelSize, {
    stride,
    padding: kernelSize >> 1,
    bias: false,
    weightInit: (weight) => init.normal(weight, 0, Math.sqrt(2 / (outChannels * kernelSize ** 2))),
  })
}

/** The shortcut of a block that changes size: `downsample.0` a 1×1 convolution, `downsample.1` its batchNorm. */
type Downsample = [Conv2d, BatchNorm2d] | []

/** Two 3×3 convolutions and a shortcut. */
class BasicBlock extends Module {
  conv1: Conv2d
  bn1: BatchNorm2d
  conv2: Conv2d
  bn2: BatchNorm2d
  downsample: Downsample

  constructor(inChannels: number, channels: number, stride: number) {
    super()
    this.conv1 = conv(inChannels, channels, 3, stride)
    this.bn1 = new BatchNorm2d(channels)
    this.conv2 = conv(channels, channels, 3)
    this.bn2 = new BatchNorm2d(channels)
    this.downsample =
      stride === 1 && inChannels === channels ? [] : [conv(inChannels, channels, 1, stride), new BatchNorm2d(channels)]
  }

  forward(x: Tensor): Tensor {
    const y = this.bn1.forwardConv(this.conv1, x, { relu: true })
    const [shrink, norm] = this.downsample
    const shortcut = shrink && norm ? norm.forwardConv(shrink, x) : x
    return this.bn2.forwardConv(this.conv2, y, { residual: shortcut, relu: true })
  }
}

export interface ResNetOptions {
  /** Outputs of the head. Default 1000. */
  numClasses?: number
}

/** Images [N, H, W, 3], normalised → logits [N, numClasses]. Any H and W from 32 up. */
export class ResNet extends Module {
  conv1: Conv2d
  bn1: BatchNorm2d
  layer1: BasicBlock[]
  layer2: BasicBlock[]
  layer3: BasicBlock[]
  layer4: BasicBlock[]
  fc: Linear

  constructor(blocks: readonly [number, number, number, number], options: ResNetOptions = {}) {
    super()
    checkOptions('resnet', options, ['numClasses'])
    const { numClasses = 1000 } = options
    const stage = (inChannels: number, channels: number, count: number, stride: number) =>
      Array.from({ length: count }, (_, i) => new BasicBlock(i ? channels : inChannels, channels, i ? 1 : stride))
    this.conv1 = conv(3, 64, 7, 2)
    this.bn1 = new BatchNorm2d(64)
    this.layer1 = stage(64, 64, blocks[0], 1)
    this.layer2 = stage(64, 128, blocks[1], 2)
    this.layer3 = stage(128, 256, blocks[2], 2)
    this.layer4 = stage(256, 512, blocks[3], 2)
    this.fc = new Linear(512, numClasses)
  }

  /** Images [N, H, W, 3], normalised → logits [N, numClasses]. */
  forward(x: Tensor): Tensor {
    check(
      x.shape.length === 4 && x.shape[3] === 3,
      () => `resnet: needs images [N, H, W, 3], got ${formatShape(x.shape)}`,
    )
    let y = this.bn1.forwardConv(this.conv1, x, { relu: true })
    y = F.maxPool2d(y, { kernelSize: 3, stride: 2, padding: 1 })
    for (const block of [...this.layer1, ...this.layer2, ...this.layer3, ...this.layer4]) y = block.forward(y)
    y = F.adaptiveAvgPool2d(y, [1, 1])
    return this.fc.forward(F.reshape(y, [y.shape[0], 512]))
  }

  protected override headPrefixes(): readonly string[] {
    return ['fc.']
  }
}

/** `torchvision.models.resnet18`: 11.7 M parameters with 1000 classes. */
export function resnet18(options?: ResNetOptions): ResNet {
  return new ResNet([2, 2, 2, 2], options)
}

/** `torchvision.models.resnet34`: 21.8 M parameters with 1000 classes. */
export function resnet34(options?: ResNetOptions): ResNet {
  return new ResNet([3, 4, 6, 3], options)
}
