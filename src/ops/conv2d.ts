// 2-D convolution of NHWC images: forward, and the gradients for input, weight and bias. The kernels that can run each
// pass, and which of them does, are in convkernels.ts.
import { FLOATS, defineOp } from '../tensor/op.js'
import { differentiable } from '../tensor/mode.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { checkOptions, checkWhole } from '../util/options.js'
import { operand, parameterAs } from './cast.js'
import { type Attributes, NOTHING } from './convgeometry.js'
import { convBackwardInput, convBackwardWeight, convForward } from './convkernels.js'
import { sumMiddle } from './reduce.js'
import { checkImage, checkVectors, pair } from './shape.js'
import type { Activation } from '../tensor/tape.js'
import { activate, checkActivation } from './unary.js'

/** Options of {@link conv2d}. */
export interface Conv2dOptions {
  /** A number, or [height, width]; so are padding and dilation. Default 1. */
  stride?: number | readonly number[]
  /** Zeros on each side. Default 0. */
  padding?: number | readonly number[]
  /** Distance between the elements of the kernel. Default 1. */
  dilation?: number | readonly number[]
  /** Runs of channels that are convolved apart. Default 1. */
  groups?: number
  /** Applied to the result: in the same kernel where no gradient is wanted. Default 'none'. */
  activation?: Activation
}

export const CONV2D_OPTIONS = ['stride', 'padding', 'dilation', 'groups', 'activation'] as const

/** Checks a convolution's tensors: the shape of its result. */
export function outputShape(
  name: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { stride, padding, dilation, groups }: Attributes,
): number[] {
  checkImage(name, x)
  check(
    weight.shape.length === 4,
    () => `${name}: needs weight [KH, KW, C / groups, CO], got ${formatShape(weight.shape)}`,
  )
  const [n, h, w, c] = x.shape
  const [kh, kw, cg, co] = weight.shape
  check(
    Number.isInteger(groups) && groups >= 1 && co % groups === 0 && cg * groups === c,
    () =>
      `${name}: weight ${formatShape(weight.shape)} with groups ${groups} needs ${cg * groups} input channels and CO ` +
      `a multiple of groups, got x ${formatShape(x.shape)}`,
  )
  checkVectors(name, { bias }, co)
  const size = (length: number, kernel: number, i: number) =>
    Math.floor((length + 2 * padding[i] - dilation[i] * (kernel - 1) - 1) / stride[i]) + 1
  const y = [n, size(h, kh, 0), size(w, kw, 1), co]
  check(
    y[1] > 0 && y[2] > 0,
    () => `${name}: the kernel ${kh}×${kw} is larger than the padded image of x ${formatShape(x.shape)}`,
  )
  return y
}

export function attributesOf(
  name: string,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv2dOptions,
): Attributes {
  checkWhole(name, { groups }, 1)
  return {
    stride: pair(name, 'stride', stride, 1),
    padding: pair(name, 'padding', padding, 0),
    dilation: pair(name, 'dilation', dilation, 1),
    groups,
  }
}

const conv2dOp = defineOp({
  name: 'conv2d',
  dtypes: { x: FLOATS },
  optional: ['bias'],
  saves: ['x', 'weight'],
  fuses: 'sum',
  shape: (
    { x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor | null },
    attrs: Attributes & { activation: Activation },
  ) => ({ y: outputShape('conv2d', x, weight, bias, attrs) }),
  forward({ x, weight, bias }, { y }, { activation, ...attrs }) {
    convForward({ x, weight: parameterAs(x.dtype, weight), y, attrs, epilogue: { ...NOTHING, bias, activation } })
  },
  backward(
    { x, weight },
    { y: dy },
    { x: dx, weight: dWeight, bias: dBias },
    { activation: _, ...attrs },
    { there, normed },
  ) {
    const epilogue = NOTHING
    if (dx) {
      const after = { ...NOTHING, residual: there }
      convBackwardInput({
        x: dx,
        weight: parameterAs(dy.dtype, weight),
        y: dy,
        attrs,
        epilogue: after,
        madeBy: normed,
      })
    }
    if (dWeight) convBackwardWeight({ x, weight: dWeight, y: dy, attrs, epilogue })
    if (dBias) sumMiddle(dy, dBias, 1, dy.size / dBias.size, dBias.size, 1)
  },
})

/**
 * activation(convolution): x [N, H, W, C], weight [KH, KW, C / groups, CO], bias [CO] or null → [N, OH, OW, CO].
 * `torch.nn.functional.conv2d`.
 * @throws when shapes or options do not fit.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: Conv2dOptions = {}): Tensor {
  checkOptions('conv2d', options, CONV2D_OPTIONS)
  const { activation = 'none' } = options
  checkActivation('conv2d', activation)
  // A backward pass needs what goes into the activation.
  const fused = !differentiable(x, weight, bias)
  const attrs = { ...attributesOf('conv2d', options), activation: fused ? activation : 'none' }
  const { y } = conv2dOp({ x: operand(x), weight, bias }, attrs)
  return fused ? y : activate(y, activation)
}
