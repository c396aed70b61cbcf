// 2-D convolution of NHWC images: forward, and the gradients for input, weight and bias. Each pass has several kernels
// that can do it: direct ones (convdirect.ts), Winograd's (convwinograd.ts), those for depthwise ones
// (convdepthwise.ts) and products of patches (convpatches.ts); which one runs is the tuner's choice, or the usual one.
import type { Candidate } from '../gpu/choices.js'
import { gpu } from '../gpu/gpu.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { operand, parameterAs } from './cast.js'
import { depthwiseBackwardInput, depthwiseBackwardWeight, depthwiseForward, isDepthwise } from './convdepthwise.js'
import * as direct from './convdirect.js'
import { type Attributes, type Epilogue, NOTHING } from './convgeometry.js'
import { isPatches, onlyBias, patchesBackwardInput, patchesBackwardWeight, patchesForward } from './convpatches.js'
import {
  type TileSize,
  tiling,
  winogradBackwardInput,
  winogradBackwardWeight,
  winogradFits,
  winogradForward,
} from './convwinograd.js'
import { familyOf, hasMatrices, subgroupFamily } from './gemm.js'
import { sumMiddle } from './reduce.js'
import { pair } from './shape.js'

export interface Conv2dOptions {
  /** A number, or [height, width]; so are padding and dilation. */
  stride?: number | readonly number[]
  padding?: number | readonly number[]
  dilation?: number | readonly number[]
  groups?: number
}

type Shape = readonly number[]

/** One way to run a pass. */
interface Way extends Candidate {
  run(): void
}

/**
 * The kernels with tiles in workgroup memory, the plain one first; other sizes only where no kernel for a software
 * adapter can run. By matrix units too, where they can multiply what x holds and would not run nearly empty.
 */
const tile = (x: Tensor, w: Shape, attrs: Attributes, run: (square: direct.Square) => void): Way[] => [
  ...(direct.lanes(w, attrs) ? ([64] as const) : ([64, 128, 32] as const)).map((side) => ({
    name: `tile ${side}`,
    run: () => run(side),
  })),
  ...(hasMatrices(x) && w[3] / attrs.groups >= 16 ? [{ name: 'matrix 64', run: () => run('matrix') }] : []),
]

/**
 * Runs a pass of a convolution x · w → y by the way chosen for its shape; usual is Winograd's where it pays, else the
 * first.
 */
function pass(family: string, x: Shape, w: Shape, y: Shape, attrs: Attributes, ways: Way[]): void {
  const usual = ways.find(({ name }) => name === usualWinograd(x, w, y)) ?? ways[0]
  const { stride, padding, dilation, groups } = attrs
  // Batches of similar size share a choice.
  const n = 2 ** Math.ceil(Math.log2(x[0]))
  const shape = `${n}×${x.slice(1).join('×')} by ${w.join('×')}, stride ${stride}, padding ${padding}, dilation ${dilation}, groups ${groups}`
  gpu.tuned({
    family,
    shape,
    work: y.reduce((a, b) => a * b, 1) * w[0] * w[1] * w[2],
    candidates: ways,
    usual,
    run: (way) => way.run(),
    plain: () => ways.find(({ name }) => name === 'tile 64')!.run(),
  })
}

/**
 * Multiplications of a point of Winograd's from which on it is usual, by tile size. Less is not worth compiling five
 * more kernels.
 */
const WORTH = { 4: 2 ** 19, 2: 2 ** 21 }

/**
 * Winograd's way that is usual for a convolution, if any: tiles of 4×4 pixels where there are at least 32 of them, else
 * of 2×2 likewise (fewer are not worth transforming all kernels). Measured on software adapters; a GPU keeps to direct
 * kernels until they are measured there.
 */
function usualWinograd(x: Shape, w: Shape, y: Shape): string | null {
  if (!subgroupFamily() || Math.min(w[2], w[3]) < 32) return null
  const tile = ([4, 2] as const).find((size) => {
    const tiles = Math.min(tiling(x, size).tiles, tiling(y, size).tiles)
    return tiles >= 32 && tiles * w[2] * w[3] >= WORTH[size]
  })
  return tile ? `winograd ${tile}` : null
}

/** Winograd's ways, where they apply. */
const winograd = (x: Shape, w: Shape, y: Shape, attrs: Attributes, run: (tile: TileSize) => void): Way[] =>
  ([4, 2] as const)
    .filter((tile) => winogradFits(x, w, y, attrs, tile))
    .map((tile) => ({ name: `winograd ${tile}`, run: () => run(tile) }))

/** The depthwise kernel, where it applies. */
const depthwise = (w: Shape, attrs: Attributes, run: () => void): Way[] =>
  isDepthwise(w, attrs) ? [{ name: 'depthwise', run }] : []

/** Patches cut out and multiplied, where windows do not overlap. */
const patches = (x: Shape, w: Shape, attrs: Attributes, run: () => void): Way[] =>
  isPatches(x, w, attrs) ? [{ name: 'patches', run }] : []

/** The one-subgroup kernels by pixels of a workgroup, the usual number first. */
function subgroup(w: Shape, pixels: number, attrs: Attributes, run: (SG: 4 | 8, TM: direct.Rows) => void): Way[] {
  const SG = direct.lanes(w, attrs)
  if (!SG) return []
  const usual = direct.rowsPerTile(pixels, SG)
  const other = ([8, 16, 32] as const).filter((TM) => TM !== usual && !(SG === 4 && TM === 32))
  return [usual, ...other].map((TM) => ({ name: `subgroup ${TM}`, run: () => run(SG, TM) }))
}

/** Fills y; `epilogue` follows in the same kernel. */
export function forward(x: Tensor, weight: Tensor, y: Tensor, attrs: Attributes, epilogue: Epilogue): void {
  const SG = direct.lanes(weight.shape, attrs)
  pass(familyOf('conv2d forward', x), x.shape, weight.shape, y.shape, attrs, [
    ...(onlyBias(epilogue) ? patches(x.shape, weight.shape, attrs, () => patchesForward(x, weight, y, epilogue)) : []),
    ...(SG && direct.hasRuns(weight.shape, attrs)
      ? [{ name: 'rows', run: () => direct.forwardRows(x, weight, y, attrs, epilogue, SG) }]
      : []),
    ...subgroup(weight.shape, y.size / weight.shape[3], attrs, (SG, TM) =>
      direct.forwardSubgroup(x, weight, y, attrs, epilogue, SG, TM),
    ),
    ...depthwise(weight.shape, attrs, () => depthwiseForward(x, weight, y, attrs, epilogue)),
    ...tile(x, weight.shape, attrs, (square) => direct.forwardTile(x, weight, y, attrs, epilogue, square)),
    ...winograd(x.shape, weight.shape, y.shape, attrs, (tile) => winogradForward(x, weight, y, attrs, epilogue, tile)),
  ])
}

function backwardInput(weight: Tensor, dy: Tensor, dx: Tensor, attrs: Attributes): void {
  pass(familyOf('conv2d dx', dy), dx.shape, weight.shape, dy.shape, attrs, [
    ...patches(dx.shape, weight.shape, attrs, () => patchesBackwardInput(weight, dy, dx)),
    ...subgroup(weight.shape, direct.phasePixels(dx.shape, attrs).pixels, attrs, (SG, TM) =>
      direct.backwardInputSubgroup(weight, dy, dx, attrs, SG, TM),
    ),
    ...depthwise(weight.shape, attrs, () => depthwiseBackwardInput(weight, dy, dx, attrs)),
    ...tile(dy, weight.shape, attrs, (square) => direct.backwardInputTile(weight, dy, dx, attrs, square)),
    ...winograd(dx.shape, weight.shape, dy.shape, attrs, (tile) => winogradBackwardInput(weight, dy, dx, attrs, tile)),
  ])
}

function backwardWeight(x: Tensor, dy: Tensor, dWeight: Tensor, attrs: Attributes): void {
  const SG = direct.lanes(dWeight.shape, attrs)
  pass(familyOf('conv2d dw', x), x.shape, dWeight.shape, dy.shape, attrs, [
    ...patches(x.shape, dWeight.shape, attrs, () => patchesBackwardWeight(x, dy, dWeight)),
    ...(SG ? [{ name: 'subgroup', run: () => direct.backwardWeightSubgroup(x, dy, dWeight, attrs, SG) }] : []),
    ...depthwise(dWeight.shape, attrs, () => depthwiseBackwardWeight(x, dy, dWeight, attrs)),
    ...tile(x, dWeight.shape, attrs, (square) => direct.backwardWeightTile(x, dy, dWeight, attrs, square)),
    ...winograd(x.shape, dWeight.shape, dy.shape, attrs, (tile) => winogradBackwardWeight(x, dy, dWeight, attrs, tile)),
  ])
}

/** Checks a convolution's tensors: the shape of its result. */
export function outputShape(
  name: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { stride, padding, dilation, groups }: Attributes,
): number[] {
  check(x.shape.length === 4, () => `${name}: needs x [N, H, W, C], got ${formatShape(x.shape)}`)
  check(
    weight.shape.length === 4,
    () => `${name}: needs weight [KH, KW, C / groups, CO], got ${formatShape(weight.shape)}`,
  )
  const [n, h, w, c] = x.shape
  const [kh, kw, cg, co] = weight.shape
  check(
    Number.isInteger(groups) && groups >= 1 && co % groups === 0 && cg * groups === c,
    () =>
      `${name}: weight ${formatShape(weight.shape)} with groups ${groups} needs ${cg * groups} input channels and CO a multiple of groups, got x ${formatShape(x.shape)}`,
  )
  check(
    !bias || (bias.shape.length === 1 && bias.shape[0] === co),
    () => `${name}: bias must be [${co}], got ${formatShape(bias!.shape)}`,
  )
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
  shape: ({ x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor | null }, attrs: Attributes) => ({
    y: outputShape('conv2d', x, weight, bias, attrs),
  }),
  forward({ x, weight, bias }, { y }, attrs) {
    forward(x, parameterAs(x.dtype, weight), y, attrs, { ...NOTHING, bias })
  },
  backward({ x, weight }, { y: dy }, { x: dx, weight: dWeight, bias: dBias }, attrs) {
    if (dx) backwardInput(parameterAs(dy.dtype, weight), dy, dx, attrs)
    if (dWeight) backwardWeight(x, dy, dWeight, attrs)
    if (dBias) sumMiddle(dy, dBias, 1, dy.size / dBias.size, dBias.size, 1)
  },
})

/**
 * Convolution: x [N, H, W, C], weight [KH, KW, C / groups, CO], bias [CO] or null → [N, OH, OW, CO].
 * `torch.nn.functional.conv2d`.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: Conv2dOptions = {}): Tensor {
  return conv2dOp({ x: operand(x), weight, bias }, attributesOf('conv2d', options)).y
}
