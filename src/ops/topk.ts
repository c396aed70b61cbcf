// The largest and smallest along axes, and where they are: max, min, amax, amin, argmax, argmin, topk. All are the k
// best of rows; a long row is cut into parts, of whose best the best are taken, so no invocation looks at more than a
// few hundred elements. Where that many are wanted that parts would not shrink a row, rows are sorted.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { withDefaults } from '../util/options.js'
import { div } from './binary.js'
import { cast } from './cast.js'
import { same } from './compare.js'
import { sorted } from './indexing.js'
import { LONGEST_SUM, ceilDiv } from './occupancy.js'
import { type Reduce, type ReduceOptions, dimsOf, folded, partsOf, reducedShape, sum } from './reduce.js'
import { where } from './where.js'

/** The largest k for which parts of a row shrink it. */
const MOST = LONGEST_SUM / 4

interface Best {
  k: number
  largest: boolean
  /** Whether NaN is the best, or the worst. */
  nanFirst: boolean
}

/** y and index [outer, k, inner] of x [outer, size, inner]. */
function best(x: Tensor, y: Tensor, index: Tensor, { k, largest, nanFirst }: Best): void {
  const [outer, size, inner] = x.shape
  let from = x
  let fromIndex: Tensor | null = null
  let left = size
  const stage = (values: Tensor, places: Tensor, parts: number) => {
    gpu.run(
      shaders.topk_forward,
      { x: from, from_index: fromIndex, y: values, index: places },
      { outer, size: left, inner, parts, k },
      { invocations: outer * parts * inner },
      { LARGEST: largest, NAN_FIRST: nanFirst },
    )
    from = values
    fromIndex = places
    left = parts * k
  }
  let parts = partsOf(size, outer * inner, Math.max(16, 2 * k))
  for (; parts > 1; parts = ceilDiv(left, LONGEST_SUM)) {
    const shape = [outer, parts * k, inner]
    stage(empty(shape, x.dtype, 'best of parts'), empty(shape, 'i32', 'their places'), parts)
  }
  stage(y, index, 1)
}

/** The same by sorting. */
function bestSorted(x: Tensor, y: Tensor, index: Tensor, { k, largest, nanFirst }: Best): void {
  const [, size, inner] = x.shape
  const keys = empty([x.size], 'u32', 'ranks')
  const invocations = x.size
  const order = { LARGEST: largest, NAN_FIRST: nanFirst }
  gpu.run(shaders.topk_rank, { x, keys }, { n: x.size, size, inner }, { invocations }, order)
  const places = sorted(keys, size).order
  gpu.run(shaders.topk_take, { x, places, y, index }, { n: y.size, size, inner, k }, { invocations: y.size })
}

const topkBy = (find: typeof best) =>
  defineOp({
    name: 'topk',
    dtypes: { x: FLOATS },
    auxiliary: ['index'],
    saves: ['index'],
    shape({ x }: { x: Tensor }, { k }: Best) {
      const shape = [x.shape[0], k, x.shape[2]]
      return { y: shape, index: { shape, dtype: 'i32' as const } }
    },
    forward({ x }, { y, index }, attributes) {
      find(x, y, index, attributes)
    },
    backward({ index }, { y: dy }, { x: dx }) {
      if (!dx) return
      const [, size, inner] = dx.shape
      gpu.zero(dx)
      gpu.run(
        shaders.topk_backward,
        { dy, index, dx },
        { n: dy.size, size, inner, k: dy.shape[1] },
        { invocations: dy.size },
      )
    },
  })

const topkOp = /* @__PURE__ */ topkBy(best)
const sortedTopkOp = /* @__PURE__ */ topkBy(bestSorted)

/** One value a row, whose gradient all elements share that are equal to it. */
const extremeOp = /* @__PURE__ */ defineOp({
  name: 'amax',
  dtypes: { x: FLOATS },
  saves: ['x', 'y'],
  shape: ({ x }: { x: Tensor }, _: Best) => ({ y: [x.shape[0], 1, x.shape[2]] }),
  forward({ x }, { y }, attributes) {
    best(x, y, empty(y.shape, 'i32', 'place'), attributes)
  },
  backward({ x, y }, { y: dy }, wanted) {
    if (!wanted.x) return
    const mask = cast(same(x, y), 'f32')
    const share = div(cast(dy, 'f32'), sum(mask, { dim: 1, keepdim: true }))
    return { x: where(mask, cast(share, dy.dtype), 0) }
  },
})

/** Values along an axis, and where they are. */
export interface ValuesAndIndices {
  values: Tensor
  /** i32. Of equal values the first, of several NaN the first. */
  indices: Tensor<'i32'>
}

/** x [outer, size, inner] around the axes that options name, and its shape without them. */
interface Rows {
  /** Of the function, for errors. */
  name: string
  x: Tensor
  shape: readonly number[]
}

function rowsAlong(name: string, x: Tensor, options: Reduce): Rows {
  const { dims, keepdim } = dimsOf(name, x, options)
  return { name, x: folded(x, dims), shape: reducedShape(x.shape, dims, keepdim) }
}

/** The same where options name one axis, or none for all of x. */
function rowsAlongOne(name: string, x: Tensor, options: number | ReduceOptions): Rows & { all: boolean } {
  const rows = rowsAlong(name, x, options)
  const dim = typeof options === 'number' ? options : options.dim
  check(dim === undefined || typeof dim === 'number', () => `${name}: dim must be one axis, got ${dim}`)
  return { ...rows, all: dim === undefined }
}

const extreme = ({ name, x, shape }: Rows, largest: boolean): Tensor =>
  view(extremeOp({ x }, { k: 1, largest, nanFirst: true }, name).y, shape)

function extremeAlong(name: string, x: Tensor, options: number | ReduceOptions, largest: boolean) {
  const rows = rowsAlongOne(name, x, options)
  if (rows.all) return extreme(rows, largest)
  const { y, index } = topkOp({ x: rows.x }, { k: 1, largest, nanFirst: true }, name)
  return { values: view(y, rows.shape), indices: view(index, rows.shape) as Tensor<'i32'> }
}

/**
 * The largest element, NaN if there is one; its gradient is shared among equal ones. With an axis, `max(x, 1)` or
 * `max(x, { dim: 1, keepdim: true })`: the largest along it and their indices; there the gradient goes to the first of
 * equal ones. `torch.max`; of two tensors it is `maximum`.
 * @throws for more than one axis, or one that does not exist.
 */
export function max(x: Tensor, options?: { dim?: undefined; keepdim?: boolean }): Tensor
export function max(x: Tensor, options: number | { dim: number; keepdim?: boolean }): ValuesAndIndices
export function max(x: Tensor, options: number | ReduceOptions = {}): Tensor | ValuesAndIndices {
  return extremeAlong('max', x, options, true)
}

/**
 * The smallest element, or the smallest along an axis, as {@link max}. `torch.min`.
 * @throws for more than one axis, or one that does not exist.
 */
export function min(x: Tensor, options?: { dim?: undefined; keepdim?: boolean }): Tensor
export function min(x: Tensor, options: number | { dim: number; keepdim?: boolean }): ValuesAndIndices
export function min(x: Tensor, options: number | ReduceOptions = {}): Tensor | ValuesAndIndices {
  return extremeAlong('min', x, options, false)
}

/**
 * The largest over axes, given as to `sum`; the gradient is shared among equal ones. `torch.amax`.
 * @throws for an axis that does not exist or is named twice.
 */
export function amax(x: Tensor, options: Reduce = {}): Tensor {
  return extreme(rowsAlong('amax', x, options), true)
}

/**
 * The smallest over axes, as {@link amax}. `torch.amin`.
 * @throws as {@link amax}.
 */
export function amin(x: Tensor, options: Reduce = {}): Tensor {
  return extreme(rowsAlong('amin', x, options), false)
}

function place(name: string, x: Tensor, options: number | ReduceOptions, largest: boolean): Tensor<'i32'> {
  const rows = rowsAlongOne(name, x, options)
  const { index } = topkOp({ x: rows.x.detach() }, { k: 1, largest, nanFirst: true }, name)
  return view(index, rows.shape) as Tensor<'i32'>
}

/**
 * Where the largest is, i32: in the flat tensor, or along an axis; of equal ones the first. `torch.argmax`.
 * @throws for more than one axis, or one that does not exist.
 */
export function argmax(x: Tensor, options: number | { dim?: number; keepdim?: boolean } = {}): Tensor<'i32'> {
  return place('argmax', x, options, true)
}

/**
 * Where the smallest is, as {@link argmax}. `torch.argmin`.
 * @throws for more than one axis, or one that does not exist.
 */
export function argmin(x: Tensor, options: number | { dim?: number; keepdim?: boolean } = {}): Tensor<'i32'> {
  return place('argmin', x, options, false)
}

/** Options of {@link topk}. */
export interface TopkOptions {
  /** Axis, default the last. */
  dim?: number
  /** The largest, default, or the smallest. */
  largest?: boolean
}

/**
 * The k largest along an axis, in descending order (the smallest in ascending order), and their indices; of equal ones
 * the first come first, and NaN is larger than all numbers. With k = the size of the axis, `torch.sort`. `torch.topk`.
 * @throws for k below 1 or beyond the axis.
 */
export function topk(x: Tensor, k: number, options: TopkOptions = {}): ValuesAndIndices {
  const { dim, largest } = withDefaults('topk', options, { dim: -1, largest: true })
  const { dims } = dimsOf('topk', x, dim)
  const [d] = dims
  const most = x.shape[d]
  check(Number.isInteger(k) && k >= 1 && k <= most, () => `topk: k must be between 1 and ${most}, got ${k}`)
  const op = k <= MOST ? topkOp : sortedTopkOp
  const { y, index } = op({ x: folded(x, dims) }, { k, largest, nanFirst: largest })
  const shape = x.shape.map((s, i) => (i === d ? k : s))
  return { values: view(y, shape), indices: view(index, shape) as Tensor<'i32'> }
}
