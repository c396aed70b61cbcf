// 3×3 convolutions of stride 1 by Winograd's minimal filtering (Lavin & Gray 2016): images and kernels are transformed,
// multiplied point by point (one batched matrix product), and transformed back; tiles of 2×2 pixels take 2.25, of 4×4
// pixels 4 times fewer multiplications. The gradient for the input is the same with kernels rotated by half a turn; the
// gradient for the weight is the adjoint.
import { gpu } from '../gpu/gpu.js'
import { conv } from '../shaders.late.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { type Convolution, type Epilogue, bindings } from './convgeometry.js'
import { gemm } from './gemm.js'
import { ceilDiv, prefersMatrices, subgroupSizeForCpuKernels } from './occupancy.js'

/** Rows and columns of a tile. */
export type TileSize = 2 | 4
type Image = readonly number[]

const pointsOf = (TILE: TileSize) => (TILE + 2) ** 2

/** Tiles that cover an image [N, H, W, …]. */
function tiling([n, h, w]: Image, TILE: TileSize) {
  const TH = ceilDiv(h, TILE)
  const TW = ceilDiv(w, TILE)
  return { TH, TW, tiles: n * TH * TW }
}

/** Whether these kernels can run a convolution: also the transformed tensors must fit a binding each. */
export function winogradFits({ x, weight, y, attrs }: Convolution, TILE: TileSize): boolean {
  const { stride, padding, dilation, groups } = attrs
  const [kh, kw, c, co] = weight.shape
  const fixed =
    kh === 3 &&
    kw === 3 &&
    groups === 1 &&
    [...stride, ...dilation].every((s) => s === 1) &&
    padding.every((p) => p <= 2)
  if (!fixed || c % 4 !== 0 || co % 4 !== 0) return false
  const tiles = Math.max(tiling(y.shape, TILE).tiles, tiling(x.shape, TILE).tiles)
  const largest = pointsOf(TILE) * Math.max(tiles * Math.max(c, co), partsOf(tiling(y.shape, TILE).tiles) * c * co)
  return 4 * largest <= gpu.caps.limits.maxStorageBufferBindingSize
}

/**
 * Multiplications of a point from which on Winograd's kernels are preferred, by tile size. Fewer are not worth
 * compiling five more kernels.
 */
const WORTH = { 4: 2 ** 19, 2: 2 ** 21 }

/**
 * The tile size preferred to direct kernels, if any: 4×4 pixels where there are at least 32 such tiles, else 2×2
 * likewise (fewer are not worth transforming all kernels). With fewer channels the transforms' bytes outweigh what the
 * products save: measured on software adapters, estimated for GPUs (docs/lab.md). Matrix units of f16 need no help.
 */
export function preferredTile({ x, weight, y }: Convolution): TileSize | null {
  const [, , c, co] = weight.shape
  const least = subgroupSizeForCpuKernels() ? 32 : prefersMatrices(y) ? Infinity : 128
  if (Math.min(c, co) < least) return null
  const isWorth = (size: TileSize) => {
    const tiles = Math.min(tiling(x.shape, size).tiles, tiling(y.shape, size).tiles)
    return tiles >= 32 && tiles * c * co >= WORTH[size]
  }
  return ([4, 2] as const).find(isWorth) ?? null
}

function transformInput(x: Tensor, y: Image, padding: readonly number[], TILE: TileSize): Tensor {
  const [, H, W, C] = x.shape
  const { TH, TW, tiles } = tiling(y, TILE)
  const v = empty([pointsOf(TILE), tiles, C], 'f32', 'winograd input')
  gpu.run(
    conv.conv2d_winograd_input,
    { x, v },
    { H, W, C, TH, TW, tiles, PH: padding[0], PW: padding[1] },
    { invocations: tiles * C },
    { TILE },
  )
  return v
}

/** y = the window sums of x with `weight`, or with `weight` rotated by half a turn and its channel axes exchanged. */
function convolve(
  x: Tensor,
  weight: Tensor,
  y: Tensor,
  padding: readonly number[],
  rotated: boolean,
  epilogue: Epilogue,
  TILE: TileSize,
): void {
  const [, , c, co] = weight.shape
  const [, OH, OW, N] = y.shape
  const K = x.shape[3]
  const points = pointsOf(TILE)
  const { TH, TW, tiles } = tiling(y.shape, TILE)
  const u = empty([points, c, co], 'f32', 'winograd weight')
  const pairs = c * co
  gpu.run(conv.conv2d_winograd_weight, { w: weight, u }, { pairs, flip: rotated }, { invocations: pairs }, { TILE })
  const v = transformInput(x, y.shape, padding, TILE)
  const m = empty([points, tiles, N], 'f32', 'winograd product')
  gemm({ a: v, w: u, y: m, M: tiles, N, K, batches: points, strideA: tiles * K, strideW: c * co, transposeW: rotated })
  gpu.run(
    conv.conv2d_winograd_output,
    { m, y, ...bindings(epilogue) },
    { OH, OW, CO: N, TH, TW, tiles },
    { invocations: tiles * N },
    { TILE, ACTIVATION: epilogue.activation },
  )
}

export function winogradForward({ x, weight, y, attrs, epilogue }: Convolution, TILE: TileSize): void {
  convolve(x, weight, y, attrs.padding, false, epilogue, TILE)
}

export function winogradBackwardInput({ x: dx, weight, y: dy, attrs, epilogue }: Convolution, TILE: TileSize): void {
  const padding = attrs.padding.map((p) => 2 - p)
  convolve(dy, weight, dx, padding, true, epilogue, TILE)
}

export function winogradBackwardWeight({ x, weight: dw, y: dy, attrs }: Convolution, TILE: TileSize): void {
  const [, OH, OW, CO] = dy.shape
  const C = x.shape[3]
  const points = pointsOf(TILE)
  const { TH, TW, tiles } = tiling(dy.shape, TILE)
  const v = transformInput(x, dy.shape, attrs.padding, TILE)
  const dm = empty([points, tiles, CO], 'f32', 'winograd dy')
  const given = { OH, OW, CO, TH, TW, tiles }
  gpu.run(conv.conv2d_winograd_backward_output, { dy, dm }, given, { invocations: tiles * CO }, { TILE })
  // Long sums in parts lose fewer digits; as batches they need no kernel of their own.
  const parts = partsOf(tiles)
  const du = empty([points, parts, C, CO], 'f32', 'winograd dw')
  const K = tiles / parts
  gemm({
    a: v,
    w: dm,
    y: du,
    M: C,
    N: CO,
    K,
    batches: points * parts,
    strideA: K * C,
    strideW: K * CO,
    transposeA: true,
  })
  const pairs = C * CO
  gpu.run(conv.conv2d_winograd_backward_weight, { du, dw }, { pairs, parts }, { invocations: pairs }, { TILE })
}

/** Tiles that one sum of a weight's gradient runs over at most: longer ones lose digits. */
const LONGEST = 256

/**
 * The fewest equal parts of at most {@link LONGEST} tiles; where only many more divide their number, as for a prime,
 * one.
 */
function partsOf(tiles: number): number {
  const fewest = ceilDiv(tiles, LONGEST)
  for (let parts = fewest; parts < 2 * fewest; parts++) if (tiles % parts === 0) return parts
  return 1
}
