// 2-D convolution of NHWC images: forward, and the gradients for input, weight and bias, each its own kernel in two families.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { operand, parameterAs } from './cast.js'
import { ceilDiv, splitsFor, subgroupFamily } from './gemm.js'
import { copyStrided } from './layout.js'
import { sumMiddle } from './reduce.js'
import { pair, stridesOf } from './shape.js'

export interface Conv2dOptions {
  /** A number, or [height, width]; so are padding and dilation. */
  stride?: number | readonly number[]
  padding?: number | readonly number[]
  dilation?: number | readonly number[]
  groups?: number
}

interface Attributes {
  stride: [number, number]
  padding: [number, number]
  dilation: [number, number]
  groups: number
}

/** The geometry as the kernels name it. `C`, `CO`: all channels. */
function geometry(x: readonly number[], w: readonly number[], y: readonly number[], { stride, padding, dilation }: Attributes) {
  return {
    H: x[1], W: x[2], OH: y[1], OW: y[2], KH: w[0], KW: w[1],
    SH: stride[0], SW: stride[1], PH: padding[0], PW: padding[1], DH: dilation[0], DW: dilation[1],
  }
}

/** Lanes of the one-subgroup kernels when they can run this convolution: one group, output channels in fours. */
function lanes(w: readonly number[], { groups }: Attributes): 4 | 8 | null {
  return groups === 1 && w[3] % 4 === 0 && w[3] >= 8 ? subgroupFamily() : null
}

/** Pixels of a workgroup: more are faster, but SwiftShader (4 lanes) takes ten seconds to compile 32. */
const rowsPerTile = (pixels: number, lanes: 4 | 8) => (pixels <= 8 ? 8 : pixels <= 16 || lanes === 4 ? 16 : 32)
const padTo4 = (n: number) => Math.ceil(n / 4) * 4

/** x with axis `dim` widened to a multiple of 4 with zeros (an RGB image gets a fourth channel). */
function padChannels(x: Tensor, dim: number): Tensor {
  const { shape } = x
  if (shape[dim] % 4 === 0) return x
  const padded = empty(shape.map((s, i) => (i === dim ? padTo4(s) : s)), x.dtype, 'padded channels')
  gpu.zero(padded)
  copyStrided(x, padded, shape, { offset: 0, strides: stridesOf(shape) }, { offset: 0, strides: stridesOf(padded.shape) })
  return padded
}

/** The way back: copies what is inside `x`'s shape out of a wider `padded`. */
function cropChannels(padded: Tensor, x: Tensor): void {
  copyStrided(padded, x, x.shape, { offset: 0, strides: stridesOf(padded.shape) }, { offset: 0, strides: stridesOf(x.shape) })
}

function forward(x: Tensor, weight: Tensor, bias: Tensor | null, y: Tensor, attrs: Attributes): void {
  const g = geometry(x.shape, weight.shape, y.shape, attrs)
  const [n, , , c] = x.shape
  const co = weight.shape[3]
  const pixels = n * g.OH * g.OW
  const SG = lanes(weight.shape, attrs)
  if (SG) {
    const TM = rowsPerTile(pixels, SG)
    gpu.run(shaders.conv2d_forward_sg, { x: padChannels(x, 3), w: padChannels(weight, 2), bias, y },
      { ...g, C4: padTo4(c) / 4, CO4: co / 4, pixels, has_bias: bias !== null }, [ceilDiv(co, 4 * SG), ceilDiv(pixels, TM), 1], { SG, TM, T: x.element })
    return
  }
  const { groups: G } = attrs
  gpu.run(shaders.conv2d_forward_tile, { x, w: weight, bias, y },
    { ...g, N: n, CG: c / G, OG: co / G, G, has_bias: bias !== null, splits: 1, k_per_split: 0 }, [ceilDiv(co / G, 64), ceilDiv(pixels, 64), G], { T: x.element })
}

function backwardInput(weight: Tensor, dy: Tensor, dx: Tensor, attrs: Attributes): void {
  const g = geometry(dx.shape, weight.shape, dy.shape, attrs)
  const [n, , , c] = dx.shape
  const co = weight.shape[3]
  const QH = ceilDiv(g.H, g.SH)
  const QW = ceilDiv(g.W, g.SW)
  const pixels = n * QH * QW
  const phases = g.SH * g.SW
  const SG = lanes(weight.shape, attrs)
  if (SG) {
    const TM = rowsPerTile(pixels, SG)
    const wide = padTo4(c)
    const padded = wide === c ? dx : empty([n, g.H, g.W, wide], dx.dtype, 'conv2d dx')
    gpu.run(shaders.conv2d_backward_input_sg, { dy, w: padChannels(weight, 2), dx: padded }, { ...g, C4: wide / 4, CO4: co / 4, QH, QW, pixels },
      [ceilDiv(wide, 4 * SG), ceilDiv(pixels, TM), phases], { SG, TM, T: dy.element })
    if (padded !== dx) cropChannels(padded, dx)
    return
  }
  const { groups: G } = attrs
  gpu.run(shaders.conv2d_backward_input_tile, { dy, w: weight, dx },
    { ...g, N: n, CG: c / G, OG: co / G, G, has_bias: false, splits: 1, k_per_split: 0 }, [ceilDiv(c / G, 64), ceilDiv(pixels, 64), G * phases], { T: dy.element })
}

function backwardWeight(x: Tensor, dy: Tensor, dWeight: Tensor, attrs: Attributes): void {
  const g = geometry(x.shape, dWeight.shape, dy.shape, attrs)
  const [n, , , c] = x.shape
  const co = dWeight.shape[3]
  const taps = g.KH * g.KW
  const SG = lanes(dWeight.shape, attrs)
  if (SG) {
    const wide = padTo4(c)
    const rows = taps * wide
    const groups = [ceilDiv(rows, 4 * SG), ceilDiv(co, 4 * SG)]
    const lines = n * g.OH
    const wanted = Math.min(lines, Math.ceil(gpu.caps.parallelism / (groups[0] * groups[1])))
    const lines_per_split = ceilDiv(lines, wanted)
    const splits = ceilDiv(lines, lines_per_split)
    const direct = splits === 1 && wide === c
    const parts = direct ? dWeight : empty([splits, rows, co], 'f32', 'conv2d dw parts')
    gpu.run(shaders.conv2d_backward_weight_sg, { x: padChannels(x, 3), dy, dw: parts },
      { ...g, C4: wide / 4, CO4: co / 4, rows4: rows / 4, lines, lines_per_split }, [groups[0], groups[1], splits], { SG, T: x.element })
    if (direct) return
    const whole = wide === c ? dWeight : empty([g.KH, g.KW, wide, co], 'f32', 'conv2d dw')
    sumMiddle(parts, whole, 1, splits, rows * co, 1)
    if (whole !== dWeight) cropChannels(whole, dWeight)
    return
  }
  const { groups: G } = attrs
  const tiles = [ceilDiv(co / G, 64), ceilDiv((taps * c) / G, 64)]
  const { splits, k_per_split } = splitsFor(tiles[0] * tiles[1] * G, n * g.OH * g.OW)
  const parts = splits > 1 ? empty([splits, (taps * c) / G, co], 'f32', 'conv2d dw parts') : dWeight
  gpu.run(shaders.conv2d_backward_weight_tile, { x, dy, dw: parts },
    { ...g, N: n, CG: c / G, OG: co / G, G, has_bias: false, splits, k_per_split }, [tiles[0], tiles[1], G * splits], { T: x.element })
  if (splits > 1) sumMiddle(parts, dWeight, 1, splits, dWeight.size, 1)
}

const conv2dOp = defineOp({
  name: 'conv2d',
  dtypes: { x: FLOATS },
  optional: ['bias'],
  saves: ['x', 'weight'],
  shape({ x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor | null }, { stride, padding, dilation, groups }: Attributes) {
    check(x.shape.length === 4, () => `conv2d: needs x [N, H, W, C], got ${formatShape(x.shape)}`)
    check(weight.shape.length === 4, () => `conv2d: needs weight [KH, KW, C / groups, CO], got ${formatShape(weight.shape)}`)
    const [n, h, w, c] = x.shape
    const [kh, kw, cg, co] = weight.shape
    check(Number.isInteger(groups) && groups >= 1 && co % groups === 0 && cg * groups === c,
      () => `conv2d: weight ${formatShape(weight.shape)} with groups ${groups} needs ${cg * groups} input channels and CO a multiple of groups, got x ${formatShape(x.shape)}`)
    check(!bias || (bias.shape.length === 1 && bias.shape[0] === co), () => `conv2d: bias must be [${co}], got ${formatShape(bias!.shape)}`)
    const size = (length: number, kernel: number, i: number) => Math.floor((length + 2 * padding[i] - dilation[i] * (kernel - 1) - 1) / stride[i]) + 1
    const y = [n, size(h, kh, 0), size(w, kw, 1), co]
    check(y[1] > 0 && y[2] > 0, () => `conv2d: the kernel ${kh}×${kw} is larger than the padded image of x ${formatShape(x.shape)}`)
    return { y }
  },
  forward({ x, weight, bias }, { y }, attrs) {
    forward(x, parameterAs(x.dtype, weight), bias, y, attrs)
  },
  backward({ x, weight }, { y: dy }, { x: dx, weight: dWeight, bias: dBias }, attrs) {
    if (dx) backwardInput(parameterAs(dy.dtype, weight), dy, dx, attrs)
    if (dWeight) backwardWeight(x, dy, dWeight, attrs)
    if (dBias) sumMiddle(dy, dBias, 1, dy.size / dBias.size, dBias.size, 1)
  },
})

/**
 * Convolution: x [N, H, W, C], weight [KH, KW, C / groups, CO], bias [CO] or null → [N, OH, OW, CO]. `torch.nn.functional.conv2d`.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options
  return conv2dOp({ x: operand(x), weight, bias }, {
    stride: pair('conv2d', 'stride', stride, 1), padding: pair('conv2d', 'padding', padding, 0),
    dilation: pair('conv2d', 'dilation', dilation, 1), groups,
  }).y
}
