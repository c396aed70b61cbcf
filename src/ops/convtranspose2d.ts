// Transposed 2-D convolution of NHWC images: conv2d's passes with input and result in each other's place. Its forward
// pass is the input's gradient of conv2d, so the kernels, and the choice among them, are those of convkernels.ts.
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { add } from './binary.js'
import { cast, operand, parameterAs } from './cast.js'
import { attributesOf } from './conv2d.js'
import { type Attributes, NOTHING } from './convgeometry.js'
import { convBackwardInput, convBackwardWeight, convForward } from './convkernels.js'
import { checkVectors, pair } from './shape.js'

/** Options of {@link convTranspose2d}. */
export interface ConvTranspose2dOptions {
  /** A number, or [height, width]; so are padding, outputPadding and dilation. Default 1. */
  stride?: number | readonly number[]
  /** Rows and columns less on each side of the result. Default 0. */
  padding?: number | readonly number[]
  /** Rows and columns more at the end, below stride or dilation: sizes that a convolution makes alike. Default 0. */
  outputPadding?: number | readonly number[]
  /** Distance between the elements of the kernel. Default 1. */
  dilation?: number | readonly number[]
  /** Runs of channels that are convolved apart. Default 1. */
  groups?: number
}

const convTranspose2dOp = /* @__PURE__ */ defineOp({
  name: 'convTranspose2d',
  dtypes: { x: FLOATS },
  saves: ['x', 'weight'],
  shape({ x, weight }: { x: Tensor; weight: Tensor }, attrs: Attributes & { outputPadding: [number, number] }) {
    const { stride, padding, dilation, groups, outputPadding } = attrs
    check(
      x.shape.length === 4 && weight.shape.length === 4 && x.shape[3] === weight.shape[3],
      () =>
        `convTranspose2d: needs x [N, H, W, C] and weight [KH, KW, CO / groups, C], ` +
        `got ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
    )
    const [n, h, w, c] = x.shape
    const [kh, kw, cog] = weight.shape
    check(
      Number.isInteger(groups) && groups >= 1 && c % groups === 0,
      () => `convTranspose2d: groups must divide the ${c} input channels, got ${groups}`,
    )
    check(
      outputPadding.every((p, i) => p < Math.max(stride[i], dilation[i])),
      () => `convTranspose2d: outputPadding must be below stride or dilation, got ${outputPadding}`,
    )
    const size = (length: number, kernel: number, i: number) =>
      (length - 1) * stride[i] - 2 * padding[i] + dilation[i] * (kernel - 1) + outputPadding[i] + 1
    const y = [n, size(h, kh, 0), size(w, kw, 1), cog * groups]
    check(y[1] > 0 && y[2] > 0, () => `convTranspose2d: padding ${padding} leaves nothing of x ${formatShape(x.shape)}`)
    return { y }
  },
  forward({ x, weight }, { y }, { outputPadding: _, ...attrs }) {
    convBackwardInput({ x: y, weight: parameterAs(x.dtype, weight), y: x, attrs, epilogue: NOTHING })
  },
  backward({ x, weight }, { y: dy }, { x: dx, weight: dWeight }, { outputPadding: _, ...attrs }) {
    const epilogue = NOTHING
    if (dx) convForward({ x: dy, weight: parameterAs(dy.dtype, weight), y: dx, attrs, epilogue })
    if (dWeight) convBackwardWeight({ x: dy, weight: dWeight, y: x, attrs, epilogue })
  },
})

/**
 * Transposed convolution: x [N, H, W, C], weight [KH, KW, CO / groups, C], bias [CO] or null → [N, OH, OW, CO] with OH
 * = (H - 1)·stride - 2·padding + dilation·(KH - 1) + outputPadding + 1. The bias is an addition of its own.
 * `torch.nn.functional.conv_transpose2d`.
 * @throws when shapes or options do not fit.
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvTranspose2dOptions = {},
): Tensor {
  const name = 'convTranspose2d'
  checkOptions(name, options, ['stride', 'padding', 'outputPadding', 'dilation', 'groups'])
  checkTensors(name, { x, weight }, { bias })
  const { outputPadding = 0, ...rest } = options
  const attrs = { ...attributesOf(name, rest), outputPadding: pair(name, 'outputPadding', outputPadding, 0) }
  const { y } = convTranspose2dOp({ x: operand(x), weight }, attrs)
  if (!bias) return y
  const channels = y.shape[3]
  checkVectors(name, { bias }, channels)
  return add(y, cast(bias, y.dtype))
}
