// The matrix product that matmul, linear and convolutions end in, and the table of kernels that can compute it.
import type { Implementation, Pass } from '../gpu/choices.js'
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import { cpu, matrix } from '../shaders.late.js'
import * as shaders from '../shaders.gen.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import {
  LONGEST_PRODUCT,
  ceilDiv,
  cutReduction,
  matricesFor,
  prefersMatrices,
  subgroupSizeForCpuKernels,
} from './occupancy.js'
import { sumMiddle } from './reduce.js'
import { TILES, type Tile, fewTiles, preferredTile } from './tiles.js'
import type { Activation } from '../tensor/tape.js'

/**
 * Products, as many as there are batches: y [M, N] = activation(op(a) · op(w) (+ bias)). Strides are elements between
 * batches.
 */
export interface Gemm {
  /** Of one dtype. Sums are f32; y may be f32 or of that dtype. */
  a: Tensor
  w: Tensor
  y: Tensor
  bias?: Tensor | null
  activation?: Activation
  /** Takes what goes into the activation, shaped as y. */
  pre?: Tensor | null
  /** Shaped as y: then y = (op(a) · op(w)) · activation′(gate), the way back through the activation. */
  gate?: Tensor | null
  /** Takes the sums of op(a) over K, [M]; with transposeA and one batch. */
  aSums?: Tensor | null
  M: number
  N: number
  K: number
  batches?: number
  /** a is stored [K, M]. */
  transposeA?: boolean
  /** w is stored [N, K]. */
  transposeW?: boolean
  /** 0, the default, uses one matrix for all batches. */
  strideA?: number
  strideW?: number
}

/** Multiply-adds. */
const work = ({ M, N, K, batches = 1 }: Gemm) => M * N * K * batches

/** Up to so many multiply-adds an invocation an element is the default: tiles would cost more than they save. */
const SMALL = 2 ** 18
/** From so many on the kernels for software adapters are the default where they apply. */
const WORTH_SUBGROUPS = 2 ** 12

/** What the kernels with tiles make: columns, rows, and a plane for each part of each product. */
const sizeOf = ({ M, N, batches = 1 }: Gemm, parts = 1) => ({ elements: [N, M, batches * parts] }) as const

/** Tiles in workgroup memory: any shape, any adapter. */
const tile = (tile: Tile): Implementation<Gemm> => ({
  name: `tile ${tile}`,
  preference: ({ M, N, batches = 1 }) =>
    tile === (fewTiles(M, N, batches) ? '32×32' : preferredTile(M, N, batches)) ? 1 : 0,
  run: (g) => runTiles(g, shaders.matmul_tile, { ...TILES[tile], ACTIVATION: g.activation ?? 'none' }),
})

/** Rows of `a` broadcast over the lanes of one subgroup, TM rows of the result at a time. */
const broadcast = (TM: 8 | 32): Implementation<Gemm> => ({
  name: `cpu broadcast ${TM}`,
  applies: (g) => hasFours(g) && !g.transposeA && g.K % 4 === 0,
  // SwiftShader, whose subgroups have 4 lanes, takes long to compile 32 rows.
  preference: (g) =>
    work(g) < WORTH_SUBGROUPS ? 0 : TM === (g.M <= 8 || subgroupSizeForCpuKernels() === 4 ? 8 : 32) ? 3 : 0,
  run: (g) => runBroadcast(g, TM),
})

/** Whether the kernels for software adapters can read w and y by vec4. */
const hasFours = ({ N, batches = 1, strideA = 0, strideW = 0 }: Gemm): boolean =>
  subgroupSizeForCpuKernels() !== null && N % 4 === 0 && (batches === 1 || (strideA % 4 === 0 && strideW % 4 === 0))

/** Whether matrix units can do a product, which they read in fours. */
const fitsMatrices = ({ a, M, N, K, transposeA, transposeW, strideA = 0, strideW = 0 }: Gemm): boolean =>
  !!matricesFor(a) && [N, transposeA ? M : K, transposeW ? K : N, strideA, strideW].every((n) => n % 4 === 0)

const MATMUL: Pass<Gemm> = {
  work,
  key: ({ a, M, N, K, batches = 1, transposeA, transposeW }) => ({
    op: 'matmul',
    pass: `${transposeA ? 'T' : 'N'}${transposeW ? 'T' : 'N'}`,
    dtype: a.element,
    M: sizeClass(M),
    N: sizeClass(N),
    K: sizeClass(K),
    batches: sizeClass(batches),
  }),
  implementations: [
    { name: 'plain', preference: (g) => (work(g) <= SMALL ? 2 : 0), run: runPlain },
    tile('32×32'),
    tile('64×64'),
    tile('wide 64×64'),
    tile('wide 128×128'),
    {
      name: 'matrix 64×64',
      applies: fitsMatrices,
      preference: (g) => (prefersMatrices(g.a) ? 1.5 : 0),
      run: runMatrix,
    },
    broadcast(8),
    broadcast(32),
    {
      name: 'cpu outer',
      applies: (g) => hasFours(g) && !!g.transposeA && !g.transposeW && g.M % 4 === 0 && !g.bias && !hasActivation(g),
      preference: (g) => (work(g) < WORTH_SUBGROUPS ? 0 : 3),
      run: runOuter,
    },
  ],
}

/** Computes a product by the implementation chosen for its sizes on this adapter. */
export function gemm(g: Gemm): void {
  gpu.compute(MATMUL, g)
}

/** Sizes that share a choice: powers of √2, to the nearest. */
export const sizeClass = (n: number) => Math.round(2 ** (Math.round(2 * Math.log2(n)) / 2))

const hasActivation = ({ activation = 'none' }: Gemm) => activation !== 'none'

function runBroadcast(g: Gemm, TM: 8 | 32): void {
  const { a, w, y, bias = null, pre = null, gate = null, activation = 'none', M, N, K } = g
  const { transposeW = false, strideA = 0, strideW = 0 } = g
  const SG = subgroupSizeForCpuKernels()!
  gpu.run(
    cpu.matmul_cpu,
    { a, w, bias, y, pre, gate },
    {
      M,
      N4: N / 4,
      K4: K / 4,
      a_stride: strideA / 4,
      w_stride: strideW / 4,
      y_stride: (M * N) / 4,
      transposed: transposeW,
    },
    sizeOf(g),
    { SG, TM, ACTIVATION: activation, ...(SG === 4 && { TRANSPOSED: transposeW ? 1 : 0 }) },
  )
}

/** Outer products over a long K, cut so that the chip is full. */
function runOuter(g: Gemm): void {
  const { a, w, y, aSums = null, M, N, K, batches = 1, strideA = 0, strideW = 0 } = g
  const SG = subgroupSizeForCpuKernels()!
  const { parts, perPart } = cutSum(K, cpu.matmul_tn_cpu.workgroups(sizeOf(g), { SG }), batches)
  const direct = parts === 1 && y.dtype === 'f32'
  const target = direct ? y : empty([batches, parts, M, N], 'f32', 'gemm parts')
  gpu.run(
    cpu.matmul_tn_cpu,
    { a, w, y: target },
    { M4: M / 4, N4: N / 4, K, splits: parts, k_per_split: perPart, a_stride: strideA / 4, w_stride: strideW / 4 },
    sizeOf(g, parts),
    { SG },
  )
  if (!direct) sumMiddle(target, y, batches, parts, M * N, 1)
  if (aSums) sumMiddle(a, aSums, 1, K, M, 1)
}

/** The sum over K of `batches` products cut into parts; one part of all of them takes `workgroups`. */
export function cutSum(K: number, workgroups: number, batches: number): { parts: number; perPart: number } {
  const atMost = Math.max(LONGEST_PRODUCT, ceilDiv(K * batches, 65535)) // a dispatch has 65535 planes at most
  return cutReduction(K, { workgroups, atLeast: 64, atMost })
}

/** What the general kernels take, with the sum over K in `splits` and these in rounds. */
function general(g: Gemm, splits: number, k_per_split: number, k_per_round: number) {
  const { M, N, K, batches = 1, transposeA, transposeW, strideA = 0, strideW = 0 } = g
  return {
    M,
    N,
    K,
    a_row: transposeA ? 1 : K,
    a_col: transposeA ? M : 1,
    a_stride: strideA,
    w_row: transposeW ? 1 : N,
    w_col: transposeW ? K : 1,
    w_stride: strideW,
    batches,
    splits,
    k_per_split,
    k_per_round,
  }
}

function runPlain(g: Gemm): void {
  const { a, w, y, bias = null, pre = null, gate = null, aSums = null, activation = 'none', M, N, K, batches = 1 } = g
  const size = { invocations: batches * M * N }
  const given = { a, w, bias, y, pre, a_sums: aSums, gate }
  gpu.run(shaders.matmul_plain, given, general(g, 1, K, K), size, { ACTIVATION: activation })
}

/** Matrix units. */
function runMatrix(g: Gemm): void {
  const variant = matricesFor(g.a)!
  const whole = g.K % matrix.matmul_matrix.constant('STEP', variant) === 0
  runTiles(g, matrix.matmul_matrix, { ...variant, ACTIVATION: g.activation ?? 'none', whole })
}

/** Runs a kernel with tiles, K cut so that the chip is full, and adds the parts. */
function runTiles<K extends typeof shaders.matmul_tile | typeof matrix.matmul_matrix>(
  g: Gemm,
  kernel: K,
  constants: Constants<K>,
): void {
  const { a, w, y, bias = null, pre = null, gate = null, aSums = null, M, N, K, batches = 1 } = g
  const whole = bias || hasActivation(g) // what follows the sum must see all of it
  const inRounds = !whole && y.dtype === 'f32'
  const workgroups = kernel.workgroups(sizeOf(g), constants)
  const cut = whole
    ? { perPart: K }
    : inRounds
      ? cutReduction(K, { workgroups, atLeast: 64, atMost: Infinity })
      : cutSum(K, workgroups, batches)
  const STEP = kernel.constant('STEP', constants)
  const unit = kernel.name === 'matmul_matrix' ? STEP : 1 // of a part: it reads the sum's axis in fours
  const perPart = unit * ceilDiv(cut.perPart, unit)
  const parts = ceilDiv(K, perPart)
  const target = parts > 1 ? empty([batches, parts, M, N], 'f32', 'gemm parts') : y
  const sums = parts > 1 && aSums ? empty([parts, M], 'f32', 'gemm parts') : aSums
  const rounds = inRounds ? ceilDiv(perPart, LONGEST_PRODUCT) : 1
  const slice = rounds * STEP
  const given = { a, w, bias, y: target, pre, a_sums: sums, gate }
  const params = general(g, parts, perPart, (slice / rounds) * ceilDiv(perPart, slice))
  gpu.run<K>(kernel, given, params, sizeOf(g, parts), { ...constants, in_rounds: rounds > 1 })
  if (parts === 1) return
  sumMiddle(target, y, batches, parts, M * N, 1, sums && aSums && { x: sums, y: aSums })
}
