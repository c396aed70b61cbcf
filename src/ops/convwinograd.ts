// 3×3 convolutions of stride 1 by Winograd's minimal filtering (Lavin & Gray 2016): images and kernels are transformed,
// multiplied point by point (one batched matrix product), and transformed back; tiles of 2×2 pixels take 2.25, of 4×4
// pixels 4 times fewer multiplications. The gradient for the input is the same with turned kernels; the gradient for
// the weight is the adjoint.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { type Attributes, type Epilogue, NOTHING, bindings, constants, flags } from './convgeometry.js'
import { ceilDiv, gemm } from './gemm.js'

/** Rows and columns of a tile. */
export type TileSize = 2 | 4
type Image = readonly number[]

const pointsOf = (TILE: TileSize) => (TILE + 2) ** 2

/** Tiles that cover an image [N, H, W, …]. */
export function tiling([n, h, w]: Image, TILE: TileSize) {
  const TH = ceilDiv(h, TILE)
  const TW = ceilDiv(w, TILE)
  return { TH, TW, tiles: n * TH * TW }
}

/**
 * Whether these kernels can run a convolution with an output of shape `y`: also the transformed tensors must fit a
 * binding each.
 */
export function winogradFits(
  x: Image,
  w: Image,
  y: Image,
  { stride, padding, dilation, groups }: Attributes,
  TILE: TileSize,
): boolean {
  const [, , c, co] = w
  const fixed =
    w[0] === 3 &&
    w[1] === 3 &&
    groups === 1 &&
    [...stride, ...dilation].every((s) => s === 1) &&
    padding.every((p) => p <= 2)
  if (!fixed || c % 4 !== 0 || co % 4 !== 0) return false
  const tiles = Math.max(tiling(y, TILE).tiles, tiling(x, TILE).tiles)
  const largest = pointsOf(TILE) * Math.max(tiles * Math.max(c, co), partsOf(tiling(y, TILE).tiles) * c * co)
  return 4 * largest <= gpu.caps.limits.maxStorageBufferBindingSize
}

function transformInput(x: Tensor, y: Image, padding: readonly number[], TILE: TileSize): Tensor {
  const [, H, W, C] = x.shape
  const { TH, TW, tiles } = tiling(y, TILE)
  const v = empty([pointsOf(TILE), tiles, C], 'f32', 'winograd input')
  gpu.run(
    shaders.conv2d_winograd_input,
    { x, v },
    { H, W, C, TH, TW, tiles, PH: padding[0], PW: padding[1] },
    ceilDiv(tiles * C, 64),
    { TILE, T: x.element },
  )
  return v
}

/** y = the window sums of x with `weight`, or with `weight` turned and its channel axes exchanged. */
function convolve(
  x: Tensor,
  weight: Tensor,
  y: Tensor,
  padding: readonly number[],
  turned: boolean,
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
  gpu.run(shaders.conv2d_winograd_weight, { w: weight, u }, { pairs, flip: turned }, ceilDiv(pairs, 64), {
    TILE,
    T: weight.element,
  })
  const v = transformInput(x, y.shape, padding, TILE)
  const m = empty([points, tiles, N], 'f32', 'winograd product')
  gemm({ a: v, w: u, y: m, M: tiles, N, K, batches: points, strideA: tiles * K, strideW: c * co, transposeW: turned })
  gpu.run(
    shaders.conv2d_winograd_output,
    { m, y, ...bindings(epilogue) },
    { OH, OW, CO: N, TH, TW, tiles, ...flags(epilogue) },
    ceilDiv(tiles * N, 64),
    { TILE, T: y.element, ...constants(epilogue) },
  )
}

export function winogradForward(
  x: Tensor,
  weight: Tensor,
  y: Tensor,
  { padding }: Attributes,
  epilogue: Epilogue,
  TILE: TileSize,
): void {
  convolve(x, weight, y, padding, false, epilogue, TILE)
}

export function winogradBackwardInput(
  weight: Tensor,
  dy: Tensor,
  dx: Tensor,
  { padding }: Attributes,
  TILE: TileSize,
): void {
  convolve(
    dy,
    weight,
    dx,
    padding.map((p) => 2 - p),
    true,
    NOTHING,
    TILE,
  )
}

export function winogradBackwardWeight(
  x: Tensor,
  dy: Tensor,
  dw: Tensor,
  { padding }: Attributes,
  TILE: TileSize,
): void {
  const [, OH, OW, CO] = dy.shape
  const C = x.shape[3]
  const points = pointsOf(TILE)
  const { TH, TW, tiles } = tiling(dy.shape, TILE)
  const v = transformInput(x, dy.shape, padding, TILE)
  const dm = empty([points, tiles, CO], 'f32', 'winograd dy')
  gpu.run(shaders.conv2d_winograd_backward_output, { dy, dm }, { OH, OW, CO, TH, TW, tiles }, ceilDiv(tiles * CO, 64), {
    TILE,
    T: dy.element,
  })
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
  gpu.run(shaders.conv2d_winograd_backward_weight, { du, dw }, { pairs, parts }, ceilDiv(pairs, 64), { TILE })
}

/** The fewest equal parts of at most 256 tiles; where only many more divide their number, as for a prime, one. */
function partsOf(tiles: number): number {
  const fewest = ceilDiv(tiles, 256)
  for (let parts = fewest; parts < 2 * fewest; parts++) if (tiles % parts === 0) return parts
  return 1
}
