// Convolutions whose windows do not overlap (a Vision Transformer's patch embedding): the patches are copied side by
// side, the rest is one matrix product, by the kernels that linear layers use anyway.
import { type Tensor, empty } from '../tensor/tensor.js'
import type { Convolution } from './convgeometry.js'
import { gemm } from './gemm.js'
import { copyStrided } from './layout.js'
import { stridesOf } from './shape.js'

/** Whether windows cover an image once, without padding. */
export function isPatches({ x, weight, attrs: { stride, padding, dilation, groups } }: Convolution): boolean {
  const [, h, w] = x.shape
  const [kh, kw] = weight.shape
  return (
    groups === 1 &&
    kh * kw > 1 &&
    stride[0] === kh &&
    stride[1] === kw &&
    h % kh === 0 &&
    w % kw === 0 &&
    padding.every((p) => p === 0) &&
    dilation.every((d) => d === 1)
  )
}

/** Of the epilogue, a product has bias and activation. */
export const isEpilogueOfProducts = ({ epilogue: { scale, residual } }: Convolution): boolean => !scale && !residual

/** The walk through an image [N, H, W, C] patch by patch: [N, OH, OW, KH, KW·C]. */
function patchwise([n, h, w, c]: readonly number[], [kh, kw]: readonly number[]) {
  const line = w * c
  return {
    shape: [n, h / kh, w / kw, kh, kw * c],
    image: { offset: 0, strides: [h * line, kh * line, kw * c, line, 1] },
    size: { M: n * (h / kh) * (w / kw), K: kh * kw * c },
  }
}

/** x as rows of patches [N·OH·OW, KH·KW·C]. */
function cut(x: Tensor, w: readonly number[]): Tensor {
  const { shape, image, size } = patchwise(x.shape, w)
  const rows = empty([size.M, size.K], x.dtype, 'patches')
  copyStrided(x, rows, shape, image, { offset: 0, strides: stridesOf(shape) })
  return rows
}

export function patchesForward({ x, weight, y, epilogue: { bias, activation } }: Convolution): void {
  const size = { ...patchwise(x.shape, weight.shape).size, N: weight.shape[3] }
  gemm({ a: cut(x, weight.shape), w: weight, bias, activation, y, ...size })
}

export function patchesBackwardInput({ x: dx, weight, y: dy }: Convolution): void {
  const { shape, image, size } = patchwise(dx.shape, weight.shape)
  const rows = empty([size.M, size.K], dx.dtype, 'gradient of patches')
  gemm({ a: dy, w: weight, y: rows, M: size.M, N: size.K, K: weight.shape[3], transposeW: true })
  copyStrided(rows, dx, shape, { offset: 0, strides: stridesOf(shape) }, image)
}

export function patchesBackwardWeight({ x, weight: dWeight, y: dy }: Convolution): void {
  const { M, K } = patchwise(x.shape, dWeight.shape).size
  gemm({ a: cut(x, dWeight.shape), w: dy, y: dWeight, M: K, N: dWeight.shape[3], K: M, transposeA: true })
}
