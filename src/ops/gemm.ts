// Choosing and running the matrix-multiply kernels. matmul, linear and conv2d all end up here.
import { gpu } from '../gpu/gpu.js'
import type { Params } from '../gpu/kernel.js'
import { cpu } from '../shaders.cpu.js'
import * as shaders from '../shaders.gen.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { sumMiddle } from './reduce.js'

/** The subgroup size the one-subgroup kernels can use here, or null: then the workgroup-memory kernels run. */
export function subgroupFamily(): 4 | 8 | null {
  const { subgroupSize, isSoftware } = gpu.caps
  return isSoftware && (subgroupSize === 4 || subgroupSize === 8) ? subgroupSize : null
}

export const ceilDiv = (a: number, b: number) => Math.ceil(a / b)

/**
 * Parts to cut a sum of length `k` into, so that `tiles` workgroups become enough to fill the chip; each part at least
 * 64 long.
 */
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

/** One way to compute a product. */
interface Way {
  name: string
  run(g: Gemm): void
}

/** Tiles of workgroup memory, smallest first: rows × columns of the result a workgroup makes. */
const TILES: readonly Way[] = (
  [
    [8, 1, 1],
    [16, 1, 1],
    [16, 2, 1],
    [16, 1, 2],
    [16, 2, 2],
  ] as const
).map(([G, RM, RN]) => ({ name: `tile ${4 * RM * G}×${4 * RN * G}`, run: (g) => tile(g, { G, RM, RN }) }))

/** Matrix units. */
const MATRIX: Way = {
  name: 'matrix 64×64',
  run: (g) =>
    tiled(g, [64, 64], (bindings, params, groups) =>
      gpu.run(shaders.matmul_matrix, bindings, params, groups, {
        ...matrixVariant(bindings.a),
        Y: bindings.y.element,
        GELU: epilogue(g.gelu),
      }),
    ),
}

/** An invocation an element: for small products. */
const PLAIN: Way = { name: 'plain', run: plain }
const SMALL = 2 ** 18

/**
 * Runs a product by the way chosen for its shape on this adapter. Unless it was measured: the plain kernel for small
 * products; one subgroup a workgroup on software adapters, where the shape allows; else tiles of 64×64, or smaller ones
 * where those would leave most of the chip idle.
 */
export function gemm(g: Gemm): void {
  const SG = subgroupFamily()
  const { M, N, K, batches = 1, transposeA = false, transposeW = false } = g
  const inFours = N % 4 === 0 && (batches === 1 || (strideOk(g.strideA) && strideOk(g.strideW)))
  const ways: Way[] = []
  if (SG && inFours && transposeA && !transposeW && M % 4 === 0 && !g.bias && !g.gelu)
    ways.push({ name: 'outer', run: (p) => outer(p, SG) })
  if (SG && inFours && !transposeA && K % 4 === 0) {
    for (const TM of M <= 8 || SG === 4 ? ([8, 32] as const) : ([32, 8] as const))
      ways.push({ name: `broadcast ${TM}`, run: (p) => broadcast(p, SG, TM) })
  }
  const work = M * N * K * batches
  const few = ceilDiv(M, 64) * ceilDiv(N, 64) * batches < gpu.caps.parallelism / 4
  const usual = ways.length && work >= 4096 ? ways[0] : work <= SMALL ? PLAIN : TILES[few ? 0 : 1]
  gpu.tuned({
    family: familyOf('matmul', g.a),
    shape: `${transposeA ? 'T' : 'N'}${transposeW ? 'T' : 'N'} ${[M, N, K].map(sizeClass).join('×')}${batches > 1 ? ` ${sizeClass(batches)} times` : ''}`,
    work,
    candidates: [...ways, ...TILES, ...(work <= 16 * SMALL ? [PLAIN] : []), ...(hasMatrices(g.a) ? [MATRIX] : [])],
    usual,
    run: (way) => way.run(g),
    plain: () => plain(g),
  })
}

/** Whether matrix units can multiply what a tensor holds. */
export const hasMatrices = ({ element }: Tensor): boolean => gpu.caps.matrices.includes(element)

/** The kernels by matrix units for it. */
export const matrixVariant = ({ element }: Tensor) => ({ T: element, S: element === 'f16' ? 16 : 8 }) as const

/** What the tuner calls kernels for a tensor's dtype. */
export const familyOf = (name: string, { element }: Tensor): string => (element === 'f16' ? `${name} f16` : name)

/** Sizes that share a choice: powers of √2, to the nearest. */
export const sizeClass = (n: number) => Math.round(2 ** (Math.round(2 * Math.log2(n)) / 2))

const strideOk = (stride: number | undefined) => (stride ?? 0) % 4 === 0

/** Rows of `a` broadcast over lanes. */
function broadcast(
  { a, w, y, bias = null, gelu, M, N, K, batches = 1, transposeW, strideA = 0, strideW = 0 }: Gemm,
  SG: 4 | 8,
  TM: 8 | 32,
): void {
  const pre = gelu?.pre ?? null
  gpu.run(
    cpu.matmul_cpu,
    { a, w, bias, y, pre },
    {
      M,
      N4: N / 4,
      K4: K / 4,
      a_stride: strideA / 4,
      w_stride: strideW / 4,
      y_stride: (M * N) / 4,
      turned: transposeW ?? false,
      has_bias: bias !== null,
      keep_pre: pre !== null,
    },
    [ceilDiv(N, 4 * SG), ceilDiv(M, TM), batches],
    { SG, TM, T: a.element, GELU: epilogue(gelu), ...(SG === 4 && { TURNED: transposeW ? 1 : 0 }) },
  )
}

/** GELU of the kernels. */
const epilogue = (gelu: Gemm['gelu']) => (gelu ? (gelu.approximate === 'tanh' ? 2 : 1) : 0)

/** Outer products over a long K, cut so that the chip is full. */
function outer({ a, w, y, M, N, K, batches = 1, strideA = 0, strideW = 0 }: Gemm, SG: 4 | 8): void {
  const groups = [ceilDiv(N, 4 * SG), ceilDiv(M, 4 * SG)]
  const { splits, k_per_split } = splitsFor(groups[0] * groups[1] * batches, K)
  const direct = splits === 1 && y.dtype === 'f32'
  const target = direct ? y : empty([batches, splits, M, N], 'f32', 'gemm parts')
  gpu.run(
    cpu.matmul_tn_cpu,
    { a, w, y: target },
    { M4: M / 4, N4: N / 4, K, splits, k_per_split, a_stride: strideA / 4, w_stride: strideW / 4 },
    [groups[0], groups[1], batches * splits],
    { SG, T: a.element },
  )
  if (!direct) sumMiddle(target, y, batches, splits, M * N, 1)
}

/** Where elements are, as strides. */
const strides = ({ M, N, K, transposeA, transposeW, strideA = 0, strideW = 0 }: Gemm) => ({
  M,
  N,
  K,
  a_row: transposeA ? 1 : K,
  a_col: transposeA ? M : 1,
  a_stride: strideA,
  w_row: transposeW ? 1 : N,
  w_col: transposeW ? K : 1,
  w_stride: strideW,
})

function plain(g: Gemm): void {
  const { a, w, y, bias = null, gelu, M, N, batches = 1 } = g
  const pre = gelu?.pre ?? null
  gpu.run(
    shaders.matmul_plain,
    { a, w, bias, y, pre },
    { ...strides(g), has_bias: bias !== null, keep_pre: pre !== null, n: batches * M * N },
    ceilDiv(batches * M * N, 64),
    { T: a.element, Y: y.element, GELU: epilogue(gelu) },
  )
}

/** Tiles in workgroup memory: any shape, any adapter. */
function tile(g: Gemm, { G, RM, RN }: { G: 8 | 16; RM: 1 | 2; RN: 1 | 2 }): void {
  tiled(g, [4 * RM * G, 4 * RN * G], (bindings, params, groups) =>
    gpu.run(shaders.matmul_tile, bindings, params, groups, {
      G,
      RM,
      RN,
      T: bindings.a.element,
      Y: bindings.y.element,
      GELU: epilogue(g.gelu),
    }),
  )
}

/**
 * What the kernels with tiles of `rows` × `columns` have in common: K cut so that the chip is full, and the places of
 * elements as strides.
 */
function tiled(
  g: Gemm,
  [rows, columns]: readonly [number, number],
  run: (
    bindings: { a: Tensor; w: Tensor; bias: Tensor | null; y: Tensor; pre: Tensor | null },
    params: Params<typeof shaders.matmul_tile>,
    groups: readonly [number, number, number],
  ) => void,
): void {
  const { a, w, y, bias = null, gelu, M, N, K, batches = 1 } = g
  const [across, down] = [ceilDiv(N, columns), ceilDiv(M, rows)]
  const { splits, k_per_split } = bias || gelu ? { splits: 1, k_per_split: K } : splitsFor(across * down * batches, K)
  const target = splits > 1 ? empty([batches, splits, M, N], 'f32', 'gemm parts') : y
  const pre = gelu?.pre ?? null
  run(
    { a, w, bias, y: target, pre },
    { ...strides(g), splits, k_per_split, has_bias: bias !== null, keep_pre: pre !== null },
    [across, down, batches * splits],
  )
  if (splits > 1) sumMiddle(target, y, batches, splits, M * N, 1)
}
