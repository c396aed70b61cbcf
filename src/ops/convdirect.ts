// Convolution kernels that multiply directly (implicit matrix products). Each pass has one for software adapters, one
// subgroup a workgroup, and one with tiles in workgroup memory, which takes any shape; tiles also by matrix units,
// where a GPU has them.
import { gpu } from '../gpu/gpu.js'
import { cpu, matrix } from '../shaders.late.js'
import * as shaders from '../shaders.gen.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { type Convolution, bindings, generalParams, geometry } from './convgeometry.js'
import { cutSum } from './gemm.js'
import { copyStrided } from './layout.js'
import { LONGEST_PRODUCT, ceilDiv, cutReduction, matricesFor, subgroupSizeForCpuKernels } from './occupancy.js'
import { isBeforeBatchNorm, partsFor } from './moments.js'
import { inParts, sumMiddle } from './reduce.js'
import { stridesOf } from './shape.js'
import { TILES, type Tile } from './tiles.js'

/** Lanes of the kernels for software adapters if they can run a convolution: one group, output channels in fours. */
export function lanes({ weight, attrs }: Convolution): 4 | 8 | null {
  const co = weight.shape[3]
  return attrs.groups === 1 && co % 4 === 0 && co >= 8 ? subgroupSizeForCpuKernels() : null
}

/** Pixels of a workgroup of one subgroup. */
export type Pixels = 8 | 16 | 32

/** The largest that `pixels` fill; but SwiftShader (4 lanes) takes ten seconds to compile 32. */
export const pixelsPerWorkgroup = (pixels: number, lanes: 4 | 8): Pixels =>
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

/** The inverse: copies what is inside `x`'s shape out of a wider `padded`. */
function cropChannels(padded: Tensor, x: Tensor): void {
  copyStrided(
    padded,
    x,
    x.shape,
    { offset: 0, strides: stridesOf(padded.shape) },
    { offset: 0, strides: stridesOf(x.shape) },
  )
}

export function forwardCpu(p: Convolution, TM: Pixels): void {
  const { x, weight, y, epilogue } = p
  const SG = lanes(p)!
  const co = weight.shape[3]
  const pixels = y.size / co
  gpu.run(
    cpu.conv2d_forward_cpu,
    { x: padChannels(x, 3), w: padChannels(weight, 2), y, ...bindings(epilogue) },
    { ...geometry(p), C4: padTo4(x.shape[3]) / 4, CO4: co / 4, pixels },
    { elements: [co, pixels] },
    { SG, TM, ACTIVATION: epilogue.activation },
  )
}

/**
 * Whether the kernel that runs along rows of an image can run a convolution, and has anything to gain: channels that
 * do not come in fours.
 */
export const hasRows = (p: Convolution): boolean =>
  lanes(p) !== null && p.weight.shape[2] % 4 !== 0 && p.attrs.dilation[1] === 1

export function forwardRows(p: Convolution): void {
  const { x, weight, y, epilogue } = p
  const SG = lanes(p)!
  const [, H, W, C] = x.shape
  const [KH, KW, , co] = weight.shape
  const { OH, OW, SH, SW, PH, PW, DH } = geometry(p)
  const pixels = y.size / co
  const TM = SG === 8 ? 32 : 16
  gpu.run(
    cpu.conv2d_forward_rows_cpu,
    { x, w: weight, y, ...bindings(epilogue) },
    { H, WC: W * C, C, OH, OW, CO4: co / 4, pixels, KH, R: KW * C, SH, SW, PH, PW, DH },
    { elements: [co, pixels] },
    { SG, TM, ACTIVATION: epilogue.activation },
  )
}

/** Columns, rows and planes of what tiles make. */
export type Planes = readonly [columns: number, rows: number, planes: number]

export const forwardSize = ({ y, weight, attrs: { groups } }: Convolution): Planes => {
  const co = weight.shape[3]
  return [co / groups, y.size / co, groups]
}

/** Rows of the result that a workgroup makes. */
const rowsOf = (y: Tensor, tile: Tile | 'matrix') =>
  tile === 'matrix'
    ? matrix.conv2d_forward_matrix.constant('TILE', matricesFor(y)!)
    : shaders.conv2d_forward_tile.constant('TILE', TILES[tile])

export function forwardTile(p: Convolution, tile: Tile | 'matrix'): void {
  const { x, weight, y, epilogue } = p
  const isPlain = !epilogue.bias && !epilogue.scale && !epilogue.residual && epilogue.activation === 'none'
  const rows = rowsOf(y, tile)
  const chunks = ceilDiv(y.size / weight.shape[3], rows)
  const moments = isPlain && isBeforeBatchNorm() ? partsFor(y, chunks, rows) : null
  const given = { x, w: weight, y, ...bindings(epilogue), moments }
  const params = generalParams(p)
  const size = { elements: forwardSize(p) }
  const { activation: ACTIVATION } = epilogue
  if (tile === 'matrix') gpu.run(matrix.conv2d_forward_matrix, given, params, size, { ...matricesFor(y)!, ACTIVATION })
  else gpu.run(shaders.conv2d_forward_tile, given, params, size, { ...TILES[tile], ACTIVATION })
}

/** Pixels of one phase of dx: those with the same remainder by the stride. */
export function phasePixels({ x, attrs: { stride } }: Convolution) {
  const [n, h, w] = x.shape
  const QH = ceilDiv(h, stride[0])
  const QW = ceilDiv(w, stride[1])
  return { QH, QW, pixels: n * QH * QW, phases: stride[0] * stride[1] }
}

export function backwardInputCpu(p: Convolution, TM: Pixels): void {
  const { x: dx, weight, y: dy } = p
  const SG = lanes(p)!
  const g = geometry(p)
  const [n, , , c] = dx.shape
  const { QH, QW, pixels, phases } = phasePixels(p)
  const wide = padTo4(c)
  const padded = wide === c ? dx : empty([n, g.H, g.W, wide], dx.dtype, 'conv2d dx')
  gpu.run(
    cpu.conv2d_backward_input_cpu,
    { dy, w: padChannels(weight, 2), dx: padded },
    { ...g, C4: wide / 4, CO4: weight.shape[3] / 4, QH, QW, pixels },
    { elements: [wide, pixels, phases] },
    { SG, TM },
  )
  if (padded !== dx) cropChannels(padded, dx)
}

export const backwardInputSize = (p: Convolution): Planes => {
  const { pixels, phases } = phasePixels(p)
  return [p.weight.shape[2], pixels, p.attrs.groups * phases]
}

export function backwardInputTile(p: Convolution, tile: Tile | 'matrix'): void {
  const { x: dx, weight, y: dy, epilogue, madeBy } = p
  const { pixels, phases } = phasePixels(p)
  const rows = rowsOf(dy, tile)
  const parts = madeBy ? partsFor(dx, phases * ceilDiv(pixels, rows), rows, madeBy.stats) : null
  const norm = parts
    ? { norm_x: madeBy!.x, norm_y: madeBy!.y, stats: madeBy!.stats }
    : { norm_x: null, norm_y: null, stats: null }
  const given = { dy, w: weight, residual: epilogue.residual, dx, ...norm, parts }
  const params = generalParams(p)
  const size = { elements: backwardInputSize(p) }
  if (tile === 'matrix') gpu.run(matrix.conv2d_backward_input_matrix, given, params, size, matricesFor(dy)!)
  else gpu.run(shaders.conv2d_backward_input_tile, given, params, size, TILES[tile])
}

export function backwardWeightCpu(p: Convolution): void {
  const { x, weight: dWeight, y: dy } = p
  const SG = lanes(p)!
  const g = geometry(p)
  const [n, , , c] = x.shape
  const co = dWeight.shape[3]
  const wide = padTo4(c)
  const rows = g.KH * g.KW * wide
  const lines = n * g.OH
  const { parts, perPart } = cutReduction(lines, {
    workgroups: cpu.conv2d_backward_weight_cpu.workgroups({ elements: [rows, co] }, { SG }),
    atMost: ceilDiv(LONGEST_PRODUCT, g.OW),
  })
  const direct = parts === 1 && wide === c
  const target = direct ? dWeight : empty([parts, rows, co], 'f32', 'conv2d dw parts')
  gpu.run(
    cpu.conv2d_backward_weight_cpu,
    { x: padChannels(x, 3), dy, dw: target },
    { ...g, C4: wide / 4, CO4: co / 4, rows4: rows / 4, lines, lines_per_split: perPart },
    { elements: [rows, co, parts] },
    { SG },
  )
  if (direct) return
  const whole = wide === c ? dWeight : empty([g.KH, g.KW, wide, co], 'f32', 'conv2d dw')
  sumMiddle(target, whole, 1, parts, rows * co, 1)
  if (whole !== dWeight) cropChannels(whole, dWeight)
}

export const backwardWeightSize = ({ weight, attrs: { groups } }: Convolution): Planes => {
  const [kh, kw, cg, co] = weight.shape
  return [co / groups, kh * kw * cg, groups]
}

export function backwardWeightTile(p: Convolution, tile: Tile | 'matrix'): void {
  const { x, weight: dWeight, y: dy, attrs } = p
  const { groups: G } = attrs
  const co = dWeight.shape[3]
  const [columns, rows] = backwardWeightSize(p)
  const size = (parts: number) => ({ elements: [columns, rows, G * parts] }) as const
  const pixels = dy.size / co
  const isMatrix = tile === 'matrix'
  const workgroups = isMatrix
    ? matrix.conv2d_backward_weight_matrix.workgroups(size(1), matricesFor(dy)!)
    : shaders.conv2d_backward_weight_tile.workgroups(size(1), TILES[tile])
  const unit = isMatrix ? matrix.conv2d_backward_weight_matrix.constant('STEP', matricesFor(dy)!) : 1 // of a part
  const perPart = unit * ceilDiv(cutSum(pixels, workgroups, G).perPart, unit)
  const parts = ceilDiv(pixels, perPart)
  const params = { ...generalParams(p), splits: parts, k_per_split: perPart }
  inParts(dWeight, parts, (dw) => {
    const given = { x, dy, dw }
    if (isMatrix) {
      const constants = { ...matricesFor(dy)!, whole: pixels % unit === 0 }
      gpu.run(matrix.conv2d_backward_weight_matrix, given, params, size(parts), constants)
    } else gpu.run(shaders.conv2d_backward_weight_tile, given, params, size(parts), TILES[tile])
  })
}
