// Layers without parameters: pooling, resizing, padding, activations, what changes shapes.
import * as F from '../ops/index.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { Module } from './module.js'

/** Gives back its input (`torch.nn.Identity`). */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x
  }
}

/** max(x, 0) (`torch.nn.ReLU`). */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return F.relu(x)
  }
}

/** `torch.nn.GELU`. */
export class GELU extends Module {
  constructor(readonly options: F.GeluOptions = {}) {
    super()
  }

  forward(x: Tensor): Tensor {
    return F.gelu(x, this.options)
  }
}

/** x · sigmoid(x) (`torch.nn.SiLU`). */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return F.silu(x)
  }
}

/** `torch.nn.Sigmoid`. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x)
  }
}

/** `torch.nn.Tanh`. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return F.tanh(x)
  }
}

/** Axes startDim … endDim as one, an image in PyTorch's order (`torch.nn.Flatten`). */
export class Flatten extends Module {
  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
  ) {
    super()
  }

  forward(x: Tensor): Tensor {
    return F.flatten(x, this.startDim, this.endDim)
  }
}

/** Largest value of each window (`torch.nn.MaxPool2d`). */
export class MaxPool2d extends Module {
  private readonly options: F.PoolOptions

  constructor(kernelSize: number | readonly number[], options: Omit<F.PoolOptions, 'kernelSize'> = {}) {
    super()
    this.options = { ...options, kernelSize }
  }

  forward(x: Tensor): Tensor {
    return F.maxPool2d(x, this.options)
  }
}

/** Mean of each window (`torch.nn.AvgPool2d`). */
export class AvgPool2d extends Module {
  private readonly options: F.AvgPoolOptions

  constructor(kernelSize: number | readonly number[], options: Omit<F.AvgPoolOptions, 'kernelSize'> = {}) {
    super()
    this.options = { ...options, kernelSize }
  }

  forward(x: Tensor): Tensor {
    return F.avgPool2d(x, this.options)
  }
}

/** Mean over bins that divide the image evenly (`torch.nn.AdaptiveAvgPool2d`). */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly size: number | readonly number[]) {
    super()
  }

  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool2d(x, this.size)
  }
}

/** Resizes images (`torch.nn.Upsample`): options as {@link F.interpolate}. */
export class Upsample extends Module {
  constructor(readonly options: F.InterpolateOptions) {
    super()
  }

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
    this.padding = typeof padding === 'number' ? [padding, padding, padding, padding] : padding
    check(
      this.padding.length === 4,
      () => `${this.constructor.name}: padding must be a number or [left, right, top, bottom], got ${String(padding)}`,
    )
  }

  forward(x: Tensor): Tensor {
    check(
      x.shape.length === 4,
      () => `${this.constructor.name}: needs images [N, H, W, C], got ${formatShape(x.shape)}`,
    )
    return F.pad(x, this.padding, this.options)
  }
}

/** `torch.nn.ConstantPad2d`. */
export class ConstantPad2d extends Pad2d {
  constructor(padding: number | readonly number[], value: number) {
    super(padding, { value })
  }
}

/** `torch.nn.ZeroPad2d`. */
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
