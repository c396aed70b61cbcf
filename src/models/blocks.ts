// What the convolutional networks share, with torchvision's names. NHWC inside.
import * as F from '../ops/index.js'
import * as init from '../nn/init.js'
import { BatchNorm2d, Conv2d } from '../nn/layers.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'

/** A part of a network: from what the part before gives to what the next one takes; the last gives logits. */
export type Stage = (inputs: readonly Tensor[]) => readonly Tensor[]

/** A part that takes and gives one tensor. */
export const stage =
  (forward: (x: Tensor) => Tensor): Stage =>
  ([x]) => [forward(x)]

/** Images → logits, one part after another. */
export const inTurn = (stages: readonly Stage[], x: Tensor): Tensor =>
  stages.reduce((inputs: readonly Tensor[], next) => next(inputs), [x])[0]

/** Refuses what is not images [N, H, W, channels]. */
export function checkImages(model: string, x: Tensor, channels = 3): void {
  check(
    x.shape.length === 4 && x.shape[3] === channels,
    () => `${model}: needs images [N, H, W, ${channels}], got ${formatShape(x.shape)}`,
  )
}

/** Each channel's mean over an image: [N, H, W, C] → [N, C]. */
export function channelMeans(x: Tensor): Tensor {
  const y = F.adaptiveAvgPool2d(x, [1, 1])
  return F.reshape(y, [y.shape[0], y.shape[3]])
}

export interface NormOptions {
  eps?: number
  momentum?: number
}

/** With as much padding as keeps the size at stride 1; weight kaiming_normal_(mode='fan_out'), a bias zero. */
export function conv(
  inChannels: number,
  outChannels: number,
  kernelSize: number,
  options: { stride?: number; groups?: number; bias?: boolean } = {},
): Conv2d {
  const layer = new Conv2d(inChannels, outChannels, kernelSize, {
    bias: false,
    ...options,
    padding: kernelSize >> 1,
    // PyTorch counts the fan out of a grouped convolution by its weight alone: all output channels.
    weightInit: (weight) => init.normal(weight, 0, Math.sqrt(2 / (outChannels * kernelSize ** 2))),
  })
  if (layer.bias) init.zeros(layer.bias)
  return layer
}

/** torchvision's Conv2dNormActivation: a convolution without bias, batchNorm, an activation. */
export class ConvNormActivation extends Module {
  0: Conv2d
  1: BatchNorm2d

  constructor(
    inChannels: number,
    outChannels: number,
    readonly activation: F.Activation,
    { kernelSize = 1, stride = 1, groups = 1 }: { kernelSize?: number; stride?: number; groups?: number } = {},
    { eps = 1e-5, momentum = 0.1 }: NormOptions = {},
  ) {
    super()
    this[0] = conv(inChannels, outChannels, kernelSize, { stride, groups })
    this[1] = new BatchNorm2d(outChannels, eps, momentum)
  }

  forward(x: Tensor): Tensor {
    return this[1].forwardConv(this[0], x, { activation: this.activation })
  }
}

/** x scaled, channel by channel, by a small network that sees each channel's mean (Hu et al. 2018). */
export class SqueezeExcitation extends Module {
  fc1: Conv2d
  fc2: Conv2d

  constructor(
    channels: number,
    squeezed: number,
    readonly functions: F.SqueezeExciteOptions,
  ) {
    super()
    this.fc1 = conv(channels, squeezed, 1, { bias: true })
    this.fc2 = conv(squeezed, channels, 1, { bias: true })
  }

  forward(x: Tensor): Tensor {
    const { fc1, fc2 } = this
    return F.squeezeExcite(x, fc1.weight, fc1.bias!, fc2.weight, fc2.bias!, this.functions)
  }
}

/** The multiple of 8 near `channels` that is not more than a tenth below it. */
export function multipleOf8(channels: number): number {
  const near = Math.max(8, Math.floor((channels + 4) / 8) * 8)
  return near < 0.9 * channels ? near + 8 : near
}
