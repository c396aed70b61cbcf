// Elements chosen by number: indexSelect, gather, embedding, oneHot, and their inverse, scatterAdd.
//
// Numbers are not known on the host, so one outside of the axis cannot raise an error as in PyTorch. What it would have
// given is NaN (2147483647 among integers), and as a sum has no place for it, one in scatterAdd makes all of it NaN.
//
// Sums over equal numbers (all gradients here, and scatterAdd) have one order, so the same bits come every time: the
// numbers are sorted with their places, by merging, and each destination adds up its own run. For n numbers and a
// result of m elements that is O(n log² n + m) work, with log2(n / 64) + 3 dispatches.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { type Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { MOVABLE, slice } from './layout.js'
import { ceilDiv } from './occupancy.js'
import { type Around, around, axis } from './shape.js'

/** All of it as one axis. */
const flat = ({ size }: Tensor): Around => ({ outer: 1, size, inner: 1 })

/** y[o, j, i] = x[o, places[j], i]. */
function take(x: Tensor, places: Tensor, y: Tensor, { outer, size, inner }: Around): void {
  const params = { n: y.size, outer, size, inner, count: places.size }
  gpu.run(shaders.index_take, { x, places, y }, params, { invocations: y.size })
}

/** Rows of numbers in ascending order, equal ones by their place, and where in its row each stood. */
export function sorted(places: Tensor, size = places.size): { keys: Tensor; order: Tensor } {
  const n = places.size
  const rows = n / size
  const pair = () => ({ keys: empty([n], 'u32', 'sorted numbers'), order: empty([n], 'u32', 'their order') })
  const first = shaders.index_sort.workgroupSize()
  let to = pair()
  const groups = rows * ceilDiv(size, first)
  gpu.run(shaders.index_sort, { places, keys: to.keys, order: to.order }, { rows, size }, { groups })
  for (let run = first; run < size; run *= 2) {
    const from = to
    to = pair()
    const bindings = { keys: from.keys, order: from.order, merged_keys: to.keys, merged_order: to.order }
    gpu.run(shaders.index_merge, bindings, { n, size, run }, { invocations: n })
  }
  return to
}

/**
 * y[o, p, i] = base[o, p, i] + Σ x[o, j, i] over the j with places[j] = p, in their order; base null counts as zeros.
 * `without`: a place that gets nothing. `strict`: a number outside makes all of y NaN, else it is left out.
 */
function addAt(
  x: Tensor,
  places: Tensor,
  y: Tensor,
  { outer, size, inner }: Around,
  { base = null, without = -1, strict = false }: { base?: Tensor | null; without?: number; strict?: boolean } = {},
): void {
  const count = places.size
  const { keys, order } = sorted(places)
  const starts = empty([size + 1], 'u32', 'runs of equal numbers')
  gpu.run(shaders.index_starts, { keys, starts }, { n: count, size }, { invocations: size + 1 })
  const params = { outer, size, inner, count, without, strict }
  gpu.run(shaders.index_sum, { x, order, starts, base, y }, params, { invocations: y.size })
}

const indexSelectOp = /* @__PURE__ */ defineOp({
  name: 'indexSelect',
  dtypes: { x: MOVABLE, index: ['i32'] },
  saves: ['index'],
  shape({ x, index }: { x: Tensor; index: Tensor }, { dim }: { dim: number; without: number }) {
    return { y: x.shape.map((s, i) => (i === dim ? index.size : s)) }
  },
  forward({ x, index }, { y }, { dim }) {
    take(x, index, y, around(x.shape, dim))
  },
  backward({ index }, { y: dy }, { x: dx }, { dim, without }) {
    if (dx) addAt(dy, index, dx, around(dx.shape, dim), { without })
  },
})

/**
 * Slices x[…, index[j], …] along `dim`, index [J] as i32. What an index outside of the axis would give is NaN
 * (2147483647 among integers), where PyTorch raises. The gradient is a sum in a fixed order. `torch.index_select`.
 * @throws when index is not i32 of one axis.
 */
export function indexSelect(x: Tensor, dim: number, index: Tensor): Tensor {
  checkTensors('indexSelect', { x, index })
  check(index.shape.length === 1, () => `indexSelect: index must have one axis, got ${formatShape(index.shape)}`)
  return indexSelectOp({ x, index }, { dim: axis('indexSelect', dim, x), without: -1 }).y
}

/** The row that `paddingIdx` names, counted from the end below 0. */
export function rowAt(name: string, paddingIdx: number, rows: number): number {
  check(
    Number.isInteger(paddingIdx) && paddingIdx >= -rows && paddingIdx < rows,
    () => `${name}: paddingIdx must be between ${-rows} and ${rows - 1}, got ${paddingIdx}`,
  )
  return (paddingIdx + rows) % rows
}

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** A row that gets no gradient; counted from the end below 0. Default: none. */
  paddingIdx?: number | null
}

/**
 * Rows of `weight` [numEmbeddings, dim] by number: indices [...] as i32 → [..., dim]. A number outside gives a row of
 * NaN, where PyTorch raises. The gradient is a sum in a fixed order. `torch.nn.functional.embedding`.
 * @throws when indices are not i32, weight has not two axes, or `paddingIdx` is no row.
 */
export function embedding(indices: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  checkOptions('embedding', options, ['paddingIdx'])
  checkTensors('embedding', { indices, weight })
  check(weight.shape.length === 2, () => `embedding: weight must be [rows, dim], got ${formatShape(weight.shape)}`)
  check(
    FLOATS.includes(weight.dtype),
    () => `embedding: weight takes ${FLOATS.join(' or ')}, got ${weight.dtype}; cast it`,
  )
  const { paddingIdx } = options
  const [rows, width] = weight.shape
  const without = paddingIdx == null ? -1 : rowAt('embedding', paddingIdx, rows)
  const index = view(indices, [indices.size])
  return view(indexSelectOp({ x: weight, index }, { dim: 0, without }, 'embedding').y, [...indices.shape, width])
}

/** Where in x, as one axis, each element of index [outer, count, inner] points. */
function placesIn(x: Tensor, dim: number, index: Tensor, places: Tensor): void {
  const { size, inner } = around(x.shape, dim)
  const params = { n: index.size, size, inner, count: index.shape[dim] }
  gpu.run(shaders.index_places, { index, places }, params, { invocations: index.size })
}

const gatherOp = /* @__PURE__ */ defineOp({
  name: 'gather',
  dtypes: { x: MOVABLE, index: ['i32'] },
  auxiliary: ['places'],
  saves: ['places'],
  shape: ({ index, x }: { x: Tensor; index: Tensor }, _: { dim: number }) => ({
    y: { shape: index.shape, dtype: x.dtype },
    places: { shape: [index.size], dtype: 'u32' as const },
  }),
  forward({ x, index }, { y, places }, { dim }) {
    placesIn(x, dim, index, places)
    take(x, places, y, flat(x))
  },
  backward({ places }, { y: dy }, { x: dx }) {
    if (dx) addAt(dy, places, dx, flat(dx))
  },
})

/**
 * y[…, j, …] = x[…, index[…, j, …], …]: of the shape of index (i32), which counts along `dim` and may be smaller than x
 * along the other axes. What an index outside of the axis would give is NaN (2147483647 among integers), where PyTorch
 * raises. The gradient is a sum in a fixed order. `torch.gather`.
 * @throws when index is not i32, or does not fit x outside `dim`.
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  const d = axis('gather', dim, x)
  checkTensors('gather', { index })
  check(
    index.shape.length === x.shape.length && index.shape.every((s, i) => i === d || s <= x.shape[i]),
    () => `gather: index must fit x ${formatShape(x.shape)} outside dim ${d}, got ${formatShape(index.shape)}`,
  )
  const within = index.shape.reduce(
    (part, end, i) => (i === d || end === x.shape[i] ? part : slice(part, { dim: i, end })),
    x,
  )
  return gatherOp({ x: within, index }, { dim: d }).y
}

const scatterAddOp = /* @__PURE__ */ defineOp({
  name: 'scatterAdd',
  dtypes: { x: FLOATS, src: FLOATS, index: ['i32'] },
  auxiliary: ['places'],
  saves: ['places'],
  shape: ({ x, index }: { x: Tensor; index: Tensor; src: Tensor }, _: { dim: number }) => ({
    y: x.shape,
    places: { shape: [index.size], dtype: 'u32' as const },
  }),
  forward({ x, index, src }, { y, places }, { dim }) {
    placesIn(x, dim, index, places)
    addAt(src, places, y, flat(x), { base: x, strict: true })
  },
  backward({ places }, { y: dy }, { src: dsrc }) {
    if (dsrc) take(dy, places, dsrc, flat(dy))
    return { x: dy }
  },
})

/**
 * x with src[…, j, …] added at […, index[…, j, …], …], in a fixed order: index (i32) and src have one shape, that of x
 * outside `dim` (PyTorch's may be smaller). An index outside of the axis makes all of the result NaN, where PyTorch
 * raises. `torch.scatter_add`.
 * @throws when index is not i32, or index and src have not the shape of x outside `dim`.
 */
export function scatterAdd(x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  const d = axis('scatterAdd', dim, x)
  checkTensors('scatterAdd', { index, src })
  const fits = index.shape.length === x.shape.length && index.shape.every((s, i) => i === d || s === x.shape[i])
  check(
    fits && sameShape(index.shape, src.shape),
    () =>
      `scatterAdd: index and src must have the shape of x ${formatShape(x.shape)} outside dim ${d}, ` +
      `got ${formatShape(index.shape)} and ${formatShape(src.shape)}`,
  )
  return scatterAddOp({ x, index, src }, { dim: d }).y
}

const oneHotOp = /* @__PURE__ */ defineOp({
  name: 'oneHot',
  dtypes: { index: ['i32'] },
  shape: ({ index }: { index: Tensor }, { classes }: { classes: number }) => ({ y: [...index.shape, classes] }),
  forward({ index }, { y }, { classes }) {
    gpu.run(shaders.index_onehot, { index, y }, { n: y.size, classes }, { invocations: y.size })
  },
})

/**
 * 1 at the place of each number and 0 elsewhere: index [...] as i32 → [..., numClasses] as f32 (PyTorch: int64). A
 * number outside gives a row of NaN, where PyTorch raises. `torch.nn.functional.one_hot`.
 * @throws when index is not i32, or `numClasses` is not positive.
 */
export function oneHot(index: Tensor, numClasses: number): Tensor {
  return oneHotOp({ index }, { classes: numClasses }).y
}
