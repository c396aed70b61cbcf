// Layers without parameters: activations, what changes shapes, pooling, resizing, padding.
import * as F from '../ops/index.js'
import { resizing } from '../ops/interpolate.js'
import { windowOf } from '../ops/pool.js'
import { checkImage, pair } from '../ops/shape.js'
import type { Tensor } from '../tensor/tensor.js'
import { geluKind } from '../ops/unary.js'
import { check, shown } from '../util/check.js'
import { checkFlags, checkNumbers, checkOptions } from '../util/options.js'
import { Module } from './module.js'

/** Gives back its input (`torch.nn.Identity`). */
export class Identity extends Module {
  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return x
  }
}

/** max(x, 0) (`torch.nn.ReLU`). */
export class ReLU extends Module {
  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.relu(x)
  }
}

/**
 * x·Φ(x) (`torch.nn.GELU`): options as {@link F.gelu}.
 * @throws for another approximation.
 */
export class GELU extends Module {
  constructor(/** As for {@link F.gelu}. */ readonly options: F.GeluOptions = {}) {
    super()
    geluKind(options)
  }

  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.gelu(x, this.options)
  }
}

/** x · sigmoid(x) (`torch.nn.SiLU`). */
export class SiLU extends Module {
  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.silu(x)
  }
}

/** 1 / (1 + e⁻ˣ) (`torch.nn.Sigmoid`). */
export class Sigmoid extends Module {
  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.sigmoid(x)
  }
}

/** Hyperbolic tangent (`torch.nn.Tanh`). */
export class Tanh extends Module {
  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.tanh(x)
  }
}

/** x · min(max(x + 3, 0), 6) / 6 (`torch.nn.Hardswish`). */
export class Hardswish extends Module {
  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.hardswish(x)
  }
}

/** min(max(x + 3, 0), 6) / 6 (`torch.nn.Hardsigmoid`). */
export class Hardsigmoid extends Module {
  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.hardsigmoid(x)
  }
}

/**
 * x where it is above 0, else negativeSlope · x, by default 0.01 (`torch.nn.LeakyReLU`).
 * @throws when the slope is no number.
 */
export class LeakyReLU extends Module {
  constructor(/** Slope below 0. */ readonly negativeSlope = 0.01) {
    super()
    checkNumbers('LeakyReLU', { negativeSlope })
  }

  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.leakyRelu(x, { negativeSlope: this.negativeSlope })
  }
}

/**
 * x where it is above 0, else alpha · (eˣ - 1), alpha 1 by default (`torch.nn.ELU`).
 * @throws when alpha is no number.
 */
export class ELU extends Module {
  constructor(/** What it comes to far below 0, negated. */ readonly alpha = 1) {
    super()
    checkNumbers('ELU', { alpha })
  }

  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.elu(x, { alpha: this.alpha })
  }
}

/**
 * log(1 + exp(beta · x)) / beta, x where beta · x is above threshold (`torch.nn.Softplus`).
 * @throws when a setting is no number.
 */
export class Softplus extends Module {
  constructor(
    /** Steepness. */
    readonly beta = 1,
    /** Where beta · x is above it, the result is x. */
    readonly threshold = 20,
  ) {
    super()
    checkNumbers('Softplus', { beta, threshold })
  }

  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.softplus(x, { beta: this.beta, threshold: this.threshold })
  }
}

/**
 * exp(x) / Σ exp(x) over an axis (`torch.nn.Softmax`).
 * @throws when dim is no whole number.
 */
export class Softmax extends Module {
  constructor(/** The axis; from the end below 0. */ readonly dim: number) {
    super()
    check(Number.isInteger(dim), () => `Softmax: dim must be an axis, got ${shown(dim)}`)
  }

  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.softmax(x, this.dim)
  }
}

/**
 * The logarithm of {@link Softmax} (`torch.nn.LogSoftmax`).
 * @throws when dim is no whole number.
 */
export class LogSoftmax extends Module {
  constructor(/** The axis; from the end below 0. */ readonly dim: number) {
    super()
    check(Number.isInteger(dim), () => `LogSoftmax: dim must be an axis, got ${shown(dim)}`)
  }

  /** Any shape → the same. */
  forward(x: Tensor): Tensor {
    return F.logSoftmax(x, this.dim)
  }
}

/**
 * Axes startDim … endDim as one, an image in PyTorch's order (`torch.nn.Flatten`).
 * @throws when a dim is no whole number.
 */
export class Flatten extends Module {
  constructor(
    /** First axis of those that become one; images count as [N, C, H, W]. */
    readonly startDim = 1,
    /** Last of them. */
    readonly endDim = -1,
  ) {
    super()
    for (const dim of [startDim, endDim])
      check(Number.isInteger(dim), () => `Flatten: a dim must be an axis, got ${shown(dim)}`)
  }

  /** [..., d₀, …, d₁, ...] → [..., d₀·…·d₁, ...]. */
  forward(x: Tensor): Tensor {
    return F.flatten(x, this.startDim, this.endDim)
  }
}

/**
 * Largest value of each window (`torch.nn.MaxPool2d`).
 * @throws when a size is no whole number, or padding is above half of the window.
 */
export class MaxPool2d extends Module {
  private readonly options: F.PoolOptions

  constructor(kernelSize: number | readonly number[], options: Omit<F.PoolOptions, 'kernelSize'> = {}) {
    super()
    checkOptions('MaxPool2d', options, ['stride', 'padding'])
    this.options = { ...options, kernelSize }
    windowOf('MaxPool2d', this.options)
  }

  /** [N, H, W, C] → [N, H′, W′, C]. */
  forward(x: Tensor): Tensor {
    return F.maxPool2d(x, this.options)
  }
}

/**
 * Mean of each window (`torch.nn.AvgPool2d`).
 * @throws as {@link MaxPool2d}.
 */
export class AvgPool2d extends Module {
  private readonly options: F.AvgPoolOptions

  constructor(kernelSize: number | readonly number[], options: Omit<F.AvgPoolOptions, 'kernelSize'> = {}) {
    super()
    checkOptions('AvgPool2d', options, ['stride', 'padding', 'countIncludePad'])
    this.options = { ...options, kernelSize }
    windowOf('AvgPool2d', this.options)
    checkFlags('AvgPool2d', { countIncludePad: options.countIncludePad ?? true })
  }

  /** [N, H, W, C] → [N, H′, W′, C]. */
  forward(x: Tensor): Tensor {
    return F.avgPool2d(x, this.options)
  }
}

/**
 * Mean over bins that divide the image evenly (`torch.nn.AdaptiveAvgPool2d`).
 * @throws unless the size is positive.
 */
export class AdaptiveAvgPool2d extends Module {
  constructor(/** Of the result: a number or [height, width]. */ readonly size: number | readonly number[]) {
    super()
    pair('AdaptiveAvgPool2d', 'size', size, 1)
  }

  /** [N, H, W, C] → [N, H′, W′, C]. */
  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool2d(x, this.size)
  }
}

/**
 * Resizes images (`torch.nn.Upsample`): options as {@link F.interpolate}.
 * @throws unless one of size and scaleFactor is given.
 */
export class Upsample extends Module {
  constructor(/** As for {@link F.interpolate}. */ readonly options: F.InterpolateOptions) {
    super()
    resizing('Upsample', options)
  }

  /** [N, H, W, C] → [N, H′, W′, C]. */
  forward(x: Tensor): Tensor {
    return F.interpolate(x, this.options)
  }
}

/** Pads images by a number on all sides, or by [left, right, top, bottom]. */
abstract class Pad2d extends Module {
  private readonly padding: readonly number[]

  constructor(
    padding: number | readonly number[],
    private readonly options: F.PadOptions,
  ) {
    super()
    const { name } = this.constructor
    this.padding = typeof padding === 'number' ? [padding, padding, padding, padding] : padding
    check(
      this.padding?.length === 4 && Array.from(this.padding).every(Number.isInteger),
      () => `${name}: padding must be a whole number or [left, right, top, bottom], got ${shown(padding)}`,
    )
    const { value = 0 } = options
    check(typeof value === 'number', () => `${name}: value must be a number, got ${shown(value)}`)
  }

  /** [N, H, W, C] → [N, top + H + bottom, left + W + right, C]. */
  forward(x: Tensor): Tensor {
    checkImage(this.constructor.name, x)
    return F.pad(x, this.padding, this.options)
  }
}

/** One value on all sides, [left, right, top, bottom] (`torch.nn.ConstantPad2d`). */
export class ConstantPad2d extends Pad2d {
  constructor(padding: number | readonly number[], value: number) {
    super(padding, { value })
  }
}

/** Zeros on all sides, [left, right, top, bottom] (`torch.nn.ZeroPad2d`). */
export class ZeroPad2d extends Pad2d {
  constructor(padding: number | readonly number[]) {
    super(padding, {})
  }
}

/** The mirror image without the border (`torch.nn.ReflectionPad2d`). */
export class ReflectionPad2d extends Pad2d {
  constructor(padding: number | readonly number[]) {
    super(padding, { mode: 'reflect' })
  }
}

/** The border repeated (`torch.nn.ReplicationPad2d`). */
export class ReplicationPad2d extends Pad2d {
  constructor(padding: number | readonly number[]) {
    super(padding, { mode: 'replicate' })
  }
}
