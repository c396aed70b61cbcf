// Convolution kernels that multiply directly (implicit matrix products), each pass in two families: one subgroup a
// workgroup, and tiles in workgroup memory, which take any shape; tiles also by matrix units, where a GPU has them.
import { gpu } from '../gpu/gpu.js'
import { cpu } from '../shaders.cpu.js'
import * as shaders from '../shaders.gen.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { type Attributes, type Epilogue, NOTHING, bindings, constants, flags, geometry } from './convgeometry.js'
import { ceilDiv, matrixVariant, splitsFor, subgroupFamily } from './gemm.js'
import { copyStrided } from './layout.js'
import { sumMiddle } from './reduce.js'
import { stridesOf } from './shape.js'

/** Lanes of the one-subgroup kernels when they can run this convolution: one group, output channels in fours. */
export function lanes(w: readonly number[], { groups }: Attributes): 4 | 8 | null {
  return groups === 1 && w[3] % 4 === 0 && w[3] >= 8 ? subgroupFamily() : null
}

/** Pixels of a workgroup of one subgroup. */
export type Rows = 8 | 16 | 32

/** More are faster, but SwiftShader (4 lanes) takes ten seconds to compile 32. */
export const rowsPerTile = (pixels: number, lanes: 4 | 8): Rows =>
  pixels <= 8 ? 8 : pixels <= 16 || lanes === 4 ? 16 : 32

const padTo4 = (n: number) => Math.ceil(n / 4) * 4

/** x with axis `dim` widened to a multiple of 4 with zeros (an RGB image gets a fourth channel). */
function padChannels(x: Tensor, dim: number): Tensor {
  const { shape } = x
  if (shape[dim] % 4 === 0) return x
  const padded = empty(
    shape.map((s, i) => (i === dim ? padTo4(s) : s)),
    x.dtype,
    'padded channels',
  )
  gpu.zero(padded)
  copyStrided(
    x,
    padded,
    shape,
    { offset: 0, strides: stridesOf(shape) },
    { offset: 0, strides: stridesOf(padded.shape) },
  )
  return padded
}

/** The way back: copies what is inside `x`'s shape out of a wider `padded`. */
function cropChannels(padded: Tensor, x: Tensor): void {
  copyStrided(
    padded,
    x,
    x.shape,
    { offset: 0, strides: stridesOf(padded.shape) },
    { offset: 0, strides: stridesOf(x.shape) },
  )
}

/** Rows and columns of a workgroup of a tile kernel; as 'matrix' 64 of both by matrix units. */
export type Square = 64 | 128 | 32 | 'matrix'
/** G × G invocations of R × R blocks of 4×4. The first is the plain kernel. */
export const SQUARES = { 64: { G: 16, R: 1 }, 128: { G: 16, R: 2 }, 32: { G: 8, R: 1 } } as const
const sideOf = (square: Square) => (square === 'matrix' ? 64 : square)

/** What the general kernels take in all three passes: those with tiles, and the depthwise ones. */
export function generalParams(x: readonly number[], w: readonly number[], y: readonly number[], attrs: Attributes) {
  const { groups: G } = attrs
  return {
    ...geometry(x, w, y, attrs),
    N: x[0],
    CG: w[2],
    OG: w[3] / G,
    G,
    ...flags(NOTHING),
    splits: 1,
    k_per_split: 0,
  }
}

export function forwardSubgroup(
  x: Tensor,
  weight: Tensor,
  y: Tensor,
  attrs: Attributes,
  epilogue: Epilogue,
  SG: 4 | 8,
  TM: Rows,
): void {
  const [, , , c] = x.shape
  const co = weight.shape[3]
  const pixels = y.size / co
  gpu.run(
    cpu.conv2d_forward_cpu,
    { x: padChannels(x, 3), w: padChannels(weight, 2), y, ...bindings(epilogue) },
    { ...geometry(x.shape, weight.shape, y.shape, attrs), C4: padTo4(c) / 4, CO4: co / 4, pixels, ...flags(epilogue) },
    [ceilDiv(co, 4 * SG), ceilDiv(pixels, TM), 1],
    { SG, TM, T: x.element, ...constants(epilogue) },
  )
}

/**
 * Whether the kernel that runs along lines of an image can do it, and has anything to gain: channels that do not come
 * in fours.
 */
export const hasRuns = (w: readonly number[], { dilation }: Attributes): boolean => w[2] % 4 !== 0 && dilation[1] === 1

export function forwardRows(
  x: Tensor,
  weight: Tensor,
  y: Tensor,
  attrs: Attributes,
  epilogue: Epilogue,
  SG: 4 | 8,
): void {
  const [, H, W, C] = x.shape
  const [KH, KW, , co] = weight.shape
  const { OH, OW, SH, SW, PH, PW, DH } = geometry(x.shape, weight.shape, y.shape, attrs)
  const pixels = y.size / co
  const TM = SG === 8 ? 32 : 16
  gpu.run(
    cpu.conv2d_forward_rows_cpu,
    { x, w: weight, y, ...bindings(epilogue) },
    { H, WC: W * C, C, OH, OW, CO4: co / 4, pixels, KH, R: KW * C, SH, SW, PH, PW, DH, ...flags(epilogue) },
    [ceilDiv(co, 4 * SG), ceilDiv(pixels, TM), 1],
    { SG, TM, T: x.element, ...constants(epilogue) },
  )
}

export function forwardTile(
  x: Tensor,
  weight: Tensor,
  y: Tensor,
  attrs: Attributes,
  epilogue: Epilogue,
  square: Square,
): void {
  const { groups: G } = attrs
  const co = weight.shape[3]
  const given = { x, w: weight, y, ...bindings(epilogue) }
  const params = { ...generalParams(x.shape, weight.shape, y.shape, attrs), ...flags(epilogue) }
  const groups = [ceilDiv(co / G, sideOf(square)), ceilDiv(y.size / co, sideOf(square)), G] as const
  if (square === 'matrix')
    gpu.run(shaders.conv2d_forward_matrix, given, params, groups, { ...matrixVariant(x), ...constants(epilogue) })
  else
    gpu.run(shaders.conv2d_forward_tile, given, params, groups, {
      ...SQUARES[square],
      T: x.element,
      ...constants(epilogue),
    })
}

/** Pixels of one phase of dx: those with the same remainder by the stride. */
export function phasePixels([n, h, w]: readonly number[], { stride }: Attributes) {
  const QH = ceilDiv(h, stride[0])
  const QW = ceilDiv(w, stride[1])
  return { QH, QW, pixels: n * QH * QW, phases: stride[0] * stride[1] }
}

export function backwardInputSubgroup(
  weight: Tensor,
  dy: Tensor,
  dx: Tensor,
  attrs: Attributes,
  SG: 4 | 8,
  TM: Rows,
): void {
  const g = geometry(dx.shape, weight.shape, dy.shape, attrs)
  const [n, , , c] = dx.shape
  const { QH, QW, pixels, phases } = phasePixels(dx.shape, attrs)
  const wide = padTo4(c)
  const padded = wide === c ? dx : empty([n, g.H, g.W, wide], dx.dtype, 'conv2d dx')
  gpu.run(
    cpu.conv2d_backward_input_cpu,
    { dy, w: padChannels(weight, 2), dx: padded },
    { ...g, C4: wide / 4, CO4: weight.shape[3] / 4, QH, QW, pixels },
    [ceilDiv(wide, 4 * SG), ceilDiv(pixels, TM), phases],
    { SG, TM, T: dy.element },
  )
  if (padded !== dx) cropChannels(padded, dx)
}

export function backwardInputTile(weight: Tensor, dy: Tensor, dx: Tensor, attrs: Attributes, square: Square): void {
  const { groups: G } = attrs
  const { pixels, phases } = phasePixels(dx.shape, attrs)
  const given = { dy, w: weight, dx }
  const params = generalParams(dx.shape, weight.shape, dy.shape, attrs)
  const groups = [ceilDiv(weight.shape[2], sideOf(square)), ceilDiv(pixels, sideOf(square)), G * phases] as const
  if (square === 'matrix') gpu.run(shaders.conv2d_backward_input_matrix, given, params, groups, matrixVariant(dy))
  else gpu.run(shaders.conv2d_backward_input_tile, given, params, groups, { ...SQUARES[square], T: dy.element })
}

export function backwardWeightSubgroup(x: Tensor, dy: Tensor, dWeight: Tensor, attrs: Attributes, SG: 4 | 8): void {
  const g = geometry(x.shape, dWeight.shape, dy.shape, attrs)
  const [n, , , c] = x.shape
  const co = dWeight.shape[3]
  const wide = padTo4(c)
  const rows = g.KH * g.KW * wide
  const groups = [ceilDiv(rows, 4 * SG), ceilDiv(co, 4 * SG)]
  const lines = n * g.OH
  const wanted = Math.min(lines, Math.ceil(gpu.caps.parallelism / (groups[0] * groups[1])))
  const lines_per_split = ceilDiv(lines, wanted)
  const splits = ceilDiv(lines, lines_per_split)
  const direct = splits === 1 && wide === c
  const parts = direct ? dWeight : empty([splits, rows, co], 'f32', 'conv2d dw parts')
  gpu.run(
    cpu.conv2d_backward_weight_cpu,
    { x: padChannels(x, 3), dy, dw: parts },
    { ...g, C4: wide / 4, CO4: co / 4, rows4: rows / 4, lines, lines_per_split },
    [groups[0], groups[1], splits],
    { SG, T: x.element },
  )
  if (direct) return
  const whole = wide === c ? dWeight : empty([g.KH, g.KW, wide, co], 'f32', 'conv2d dw')
  sumMiddle(parts, whole, 1, splits, rows * co, 1)
  if (whole !== dWeight) cropChannels(whole, dWeight)
}

export function backwardWeightTile(x: Tensor, dy: Tensor, dWeight: Tensor, attrs: Attributes, square: Square): void {
  const { groups: G } = attrs
  const [kh, kw, cg, co] = dWeight.shape
  const rows = kh * kw * cg
  const tiles = [ceilDiv(co / G, sideOf(square)), ceilDiv(rows, sideOf(square))]
  const { splits, k_per_split } = splitsFor(tiles[0] * tiles[1] * G, dy.size / co)
  const parts = splits > 1 ? empty([splits, rows, co], 'f32', 'conv2d dw parts') : dWeight
  const given = { x, dy, dw: parts }
  const params = { ...generalParams(x.shape, dWeight.shape, dy.shape, attrs), splits, k_per_split }
  const groups = [tiles[0], tiles[1], G * splits] as const
  if (square === 'matrix') gpu.run(shaders.conv2d_backward_weight_matrix, given, params, groups, matrixVariant(x))
  else gpu.run(shaders.conv2d_backward_weight_tile, given, params, groups, { ...SQUARES[square], T: x.element })
  if (splits > 1) sumMiddle(parts, dWeight, 1, splits, dWeight.size, 1)
}
