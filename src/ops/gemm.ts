// Choosing and running the matrix-multiply kernels. matmul, linear and conv2d all end up here.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { sumMiddle } from './reduce.js'

/** The subgroup size the one-subgroup kernels can use here, or null: then the workgroup-memory kernels run. */
export function subgroupFamily(): 4 | 8 | null {
  const { subgroupSize, isSoftware } = gpu.caps
  return isSoftware && (subgroupSize === 4 || subgroupSize === 8) ? subgroupSize : null
}

export const ceilDiv = (a: number, b: number) => Math.ceil(a / b)

/** Parts to cut a sum of length `k` into, so that `tiles` workgroups become enough to fill the chip; each part at least 64 long. */
export function splitsFor(tiles: number, k: number): { splits: number; k_per_split: number } {
  const wanted = Math.min(Math.ceil(gpu.caps.parallelism / tiles), Math.max(1, Math.floor(k / 64)))
  const k_per_split = Math.ceil(k / Math.max(1, wanted))
  return { splits: Math.ceil(k / k_per_split), k_per_split }
}

/** One product of a batch: y [M, N] = op(a) · op(w) (+ bias). Strides are floats between batches, 0 to broadcast. */
export interface Gemm {
  /** Of one dtype. Sums are f32; y may be f32 or of that dtype. */
  a: Tensor
  w: Tensor
  y: Tensor
  bias?: Tensor | null
  /** Applied to the result; `pre`, if given, takes what went into it. */
  gelu?: { approximate: 'none' | 'tanh'; pre: Tensor | null }
  M: number
  N: number
  K: number
  batches?: number
  /** a is stored [K, M]. */
  transposeA?: boolean
  /** w is stored [N, K]. */
  transposeW?: boolean
  strideA?: number
  strideW?: number
}

/** Runs a product with the family that suits adapter and shape. */
export function gemm(g: Gemm): void {
  const SG = subgroupFamily()
  const { M, N, K, batches = 1, transposeA = false, transposeW = false } = g
  const worth = M * N * K >= 4096 && N % 4 === 0 && (batches === 1 || (strideOk(g.strideA) && strideOk(g.strideW)))
  if (SG && worth && transposeA && !transposeW && M % 4 === 0 && !g.bias && !g.gelu) return outer(g, SG)
  if (SG && worth && !transposeA && K % 4 === 0) return broadcast(g, SG)
  tile(g)
}

const strideOk = (stride: number | undefined) => (stride ?? 0) % 4 === 0

/** Rows of `a` broadcast over lanes. */
function broadcast({ a, w, y, bias = null, gelu, M, N, K, batches = 1, transposeW, strideA = 0, strideW = 0 }: Gemm, SG: 4 | 8): void {
  const TM = M <= 8 ? 8 : 32
  const pre = gelu?.pre ?? null
  gpu.run(shaders.matmul_sg, { a, w, bias, y, pre }, {
    M, N4: N / 4, K4: K / 4, a_stride: strideA / 4, w_stride: strideW / 4, y_stride: (M * N) / 4, has_bias: bias !== null, keep_pre: pre !== null,
  }, [ceilDiv(N, 4 * SG), ceilDiv(M, TM), batches], { SG, TM, NT: transposeW ? 1 : 0, T: a.element, GELU: epilogue(gelu) })
}

/** GELU of the kernels. */
const epilogue = (gelu: Gemm['gelu']) => (gelu ? (gelu.approximate === 'tanh' ? 2 : 1) : 0)

/** Outer products over a long K, cut so that the chip is full. */
function outer({ a, w, y, M, N, K, batches = 1, strideA = 0, strideW = 0 }: Gemm, SG: 4 | 8): void {
  const groups = [ceilDiv(N, 4 * SG), ceilDiv(M, 4 * SG)]
  const { splits, k_per_split } = splitsFor(groups[0] * groups[1] * batches, K)
  const direct = splits === 1 && y.dtype === 'f32'
  const target = direct ? y : empty([batches, splits, M, N], 'f32', 'gemm parts')
  gpu.run(shaders.matmul_tn_sg, { a, w, y: target },
    { M4: M / 4, N4: N / 4, K, splits, k_per_split, a_stride: strideA / 4, w_stride: strideW / 4 }, [groups[0], groups[1], batches * splits], { SG, T: a.element })
  if (!direct) sumMiddle(target, y, batches, splits, M * N, 1)
}

/** Tiles in workgroup memory: any shape, any adapter. */
function tile({ a, w, y, bias = null, gelu, M, N, K, batches = 1, transposeA, transposeW, strideA = 0, strideW = 0 }: Gemm): void {
  const groups = [ceilDiv(N, 64), ceilDiv(M, 64)]
  const { splits, k_per_split } = bias || gelu ? { splits: 1, k_per_split: K } : splitsFor(groups[0] * groups[1] * batches, K)
  const target = splits > 1 ? empty([batches, splits, M, N], 'f32', 'gemm parts') : y
  const pre = gelu?.pre ?? null
  gpu.run(shaders.matmul_tile, { a, w, bias, y: target, pre }, {
    M, N, K, splits, k_per_split, a_stride: strideA, w_stride: strideW, has_bias: bias !== null, keep_pre: pre !== null,
    a_row: transposeA ? 1 : K, a_col: transposeA ? M : 1, w_row: transposeW ? 1 : N, w_col: transposeW ? K : 1,
  }, [groups[0], groups[1], batches * splits], { T: a.element, Y: target.element, GELU: epilogue(gelu) })
  if (splits > 1) sumMiddle(target, y, batches, splits, M * N, 1)
}
