// Moving elements without computing: reshape and its kin, permute, slice, cat and stack, split and chunk.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp, view } from '../tensor/op.js'
import { type DType, type Tensor, checkTensors } from '../tensor/tensor.js'
import { type Shape, check, formatShape, numel, sameShape, shown } from '../util/check.js'
import { checkOptions, checkWhole, withDefaults } from '../util/options.js'
import { MAX_RANK, axes, axis, checkList, stridesOf, walk } from './shape.js'

/** A place in a tensor to walk from, with a stride for each axis. */
interface Place {
  offset: number
  strides: readonly number[]
}

/** Bytes cannot be moved one by one. */
export const MOVABLE: readonly DType[] = ['f32', 'f16', 'i32', 'u32']

/** Copies all elements of `shape` between two strided places. */
export function copyStrided(x: Tensor, y: Tensor, shape: Shape, from: Place, to: Place): void {
  const { vec4, params } = walk(shape, from.strides, to.strides, { aOffset: from.offset, bOffset: to.offset })
  gpu.run(vec4 ? shaders.copy_strided_vec4 : shaders.copy_strided, { x, y }, params, { invocations: params.n })
}

/**
 * The same elements under another shape; one size may be -1. A view: no kernel runs. `torch.reshape`.
 * @throws when the elements are not as many.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensors('reshape', { x })
  checkList('reshape', 'the shape', shape)
  const known = numel(shape.filter((s) => s !== -1))
  const full = shape.map((s) => (s === -1 ? x.size / known : s))
  check(
    shape.filter((s) => s === -1).length <= 1 && numel(full) === x.size && full.every((s) => Number.isInteger(s)),
    () => `reshape: ${formatShape(x.shape)} has ${x.size} elements, which do not fit ${formatShape(shape)}`,
  )
  return view(x, full)
}

const permuteOp = /* @__PURE__ */ defineOp({
  name: 'permute',
  dtypes: { x: MOVABLE },
  shape: ({ x }: { x: Tensor }, { dims }: { dims: readonly number[] }) => ({ y: dims.map((d) => x.shape[d]) }),
  forward({ x }, { y }, { dims }) {
    const strides = stridesOf(x.shape)
    copyStrided(
      x,
      y,
      y.shape,
      { offset: 0, strides: dims.map((d) => strides[d]) },
      { offset: 0, strides: stridesOf(y.shape) },
    )
  },
  backward(_, { y: dy }, { x: dx }, { dims }) {
    if (!dx) return
    const strides = stridesOf(dx.shape)
    copyStrided(
      dy,
      dx,
      dy.shape,
      { offset: 0, strides: stridesOf(dy.shape) },
      { offset: 0, strides: dims.map((d) => strides[d]) },
    )
  },
})

/**
 * Reorders axes: output axis i is input axis dims[i]. `torch.permute`, but the result is contiguous.
 * @throws unless `dims` names each axis once.
 */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  checkList('permute', 'dims', dims)
  const order = dims.map((d) => axis('permute', d, x))
  check(
    new Set(order).size === x.shape.length && x.shape.length <= MAX_RANK,
    () => `permute: dims must name each of the ${x.shape.length} axes once, got ${formatShape(dims)}`,
  )
  return permuteOp({ x }, { dims: order }).y
}

/**
 * Swaps two axes. `torch.transpose`, but the result is contiguous.
 * @throws when an axis does not exist.
 */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  const a = axis('transpose', dim0, x)
  const b = axis('transpose', dim1, x)
  const dims = x.shape.map((_, i) => i)
  ;[dims[a], dims[b]] = [b, a]
  return permute(x, dims)
}

const sliceOp = /* @__PURE__ */ defineOp({
  name: 'slice',
  dtypes: { x: MOVABLE },
  shape: ({ x }: { x: Tensor }, { dim, start, end }: { dim: number; start: number; end: number }) => ({
    y: x.shape.map((s, i) => (i === dim ? end - start : s)),
  }),
  forward({ x }, { y }, { dim, start }) {
    const strides = stridesOf(x.shape)
    copyStrided(x, y, y.shape, { offset: start * strides[dim], strides }, { offset: 0, strides: stridesOf(y.shape) })
  },
  backward(_, { y: dy }, { x: dx }, { dim, start }) {
    if (!dx) return
    const strides = stridesOf(dx.shape)
    gpu.zero(dx)
    copyStrided(
      dy,
      dx,
      dy.shape,
      { offset: 0, strides: stridesOf(dy.shape) },
      { offset: start * strides[dim], strides },
    )
  },
})

/**
 * Elements start … end-1 along one axis. `torch.narrow`, `x[…, start:end, …]`.
 * @throws unless 0 <= start < end <= size of the axis: there are no empty tensors.
 */
export function slice(x: Tensor, options: { dim: number; start?: number; end?: number }): Tensor {
  checkOptions('slice', options, ['dim', 'start', 'end'])
  const { dim, start = 0 } = options
  const d = axis('slice', dim, x)
  const size = x.shape[d]
  const { end = size } = options
  check(
    [start, end].every(Number.isInteger) && start >= 0 && start < end && end <= size,
    () => `slice: needs 0 <= start < end <= ${size}, got ${shown(start)} and ${shown(end)}`,
  )
  return sliceOp({ x }, { dim: d, start, end }).y
}

/** An axis, 0 where none is given: a number stands for `{ dim }`. */
type Along = number | { dim?: number }

function along(op: string, options: Along): number {
  return typeof options === 'number' ? options : withDefaults(op, options, { dim: 0 }).dim
}

/** Copies `part` between its own storage and its place in `whole`, `start` from the front of axis `dim`. */
function copyPart(part: Tensor, whole: Tensor, dim: number, start: number, into: 'whole' | 'part'): void {
  const strides = stridesOf(whole.shape)
  const inside = { offset: start * strides[dim], strides }
  const alone = { offset: 0, strides: stridesOf(part.shape) }
  if (into === 'whole') copyStrided(part, whole, part.shape, alone, inside)
  else copyStrided(whole, part, part.shape, inside, alone)
}

/** Where parts of these sizes begin, when they lie behind each other. */
const startsOf = (sizes: readonly number[]) => sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0))

/** Any number of tensors behind each other along one axis: inputs are called by their place. */
const catOf = (count: number) =>
  defineOp({
    name: 'cat',
    dtypes: Object.fromEntries(Array.from({ length: count }, (_, i) => [i, MOVABLE])),
    shape: (parts: Record<string, Tensor>, { dim, sizes }: { dim: number; sizes: readonly number[] }) => ({
      y: parts[0].shape.map((s, i) => (i === dim ? sizes.reduce((a, b) => a + b) : s)),
    }),
    forward(parts, { y }, { dim, sizes }) {
      startsOf(sizes).forEach((start, i) => copyPart(parts[i], y, dim, start, 'whole'))
    },
    backward(_, { y: dy }, dparts, { dim, sizes }) {
      startsOf(sizes).forEach((start, i) => {
        if (dparts[i]) copyPart(dparts[i], dy, dim, start, 'part')
      })
    },
  })

function checkParts(op: string, tensors: readonly Tensor[]): void {
  checkList(op, 'tensors', tensors)
  check(tensors.length > 0, `${op}: needs at least one tensor, got none`)
  checkTensors(op, { ...tensors })
}

/**
 * Tensors behind each other along one axis; all other sizes equal. `torch.cat`.
 * @throws when there is no tensor, or shapes differ outside of the axis.
 */
export function cat(tensors: readonly Tensor[], options: Along = {}): Tensor {
  const dim = along('cat', options)
  checkParts('cat', tensors)
  const [a] = tensors
  const d = axis('cat', dim, a)
  for (const b of tensors)
    check(
      a.shape.length === b.shape.length && a.shape.every((s, i) => i === d || s === b.shape[i]),
      () => `cat: shapes must agree outside dim ${d}, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    )
  if (tensors.length === 1) return a
  const parts = Object.fromEntries(tensors.map((t, i) => [i, t]))
  return catOf(tensors.length)(parts, { dim: d, sizes: tensors.map((t) => t.shape[d]) }).y
}

/**
 * Tensors of one shape behind each other along a new axis. `torch.stack`.
 * @throws when there is no tensor, or shapes differ.
 */
export function stack(tensors: readonly Tensor[], options: Along = {}): Tensor {
  const dim = along('stack', options)
  checkParts('stack', tensors)
  const [a] = tensors
  for (const b of tensors)
    check(
      sameShape(a.shape, b.shape),
      () => `stack: shapes must be equal, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    )
  const d = axis('stack', dim, a, 1)
  return cat(
    tensors.map((t) => unsqueeze(t, d)),
    { dim: d },
  )
}

/** The inverse of cat: outputs are called by their place. Parts that get no gradient count as zeros. */
const splitOp = /* @__PURE__ */ defineOp({
  name: 'split',
  dtypes: { x: MOVABLE },
  shape: ({ x }: { x: Tensor }, { dim, sizes }: { dim: number; sizes: readonly number[] }): Record<string, Shape> =>
    Object.fromEntries(sizes.map((size, k) => [k, x.shape.map((s, i) => (i === dim ? size : s))])),
  forward({ x }, parts, { dim, sizes }) {
    startsOf(sizes).forEach((start, i) => copyPart(parts[i], x, dim, start, 'part'))
  },
  backward(_, dparts, { x: dx }, { dim, sizes }) {
    if (!dx) return
    if (sizes.some((_, i) => !dparts[i])) gpu.zero(dx)
    startsOf(sizes).forEach((start, i) => {
      if (dparts[i]) copyPart(dparts[i], dx, dim, start, 'whole')
    })
  },
})

/**
 * Parts of an axis, copied: of `sizes` elements each, the last one perhaps fewer, or of as many as the list says, which
 * must add up. `torch.split`.
 * @throws when sizes are not positive or do not add up.
 */
export function split(x: Tensor, sizes: number | readonly number[], options: Along = {}): Tensor[] {
  const d = axis('split', along('split', options), x)
  const size = x.shape[d]
  const list =
    typeof sizes === 'number'
      ? Array.from({ length: sizes >= 1 ? Math.ceil(size / sizes) : 0 }, (_, i) => Math.min(sizes, size - i * sizes))
      : sizes
  checkList('split', 'sizes', list)
  check(
    list.every((s) => Number.isInteger(s) && s > 0) && list.reduce((a, b) => a + b, 0) === size,
    () => `split: sizes must be positive integers that add up to the ${size} of dim ${d}, got ${String(sizes)}`,
  )
  const parts = splitOp({ x }, { dim: d, sizes: list })
  return list.map((_, i) => parts[i])
}

/**
 * At most `chunks` parts of an axis, of equal size but the last. `torch.chunk`.
 * @throws when `chunks` is not positive.
 */
export function chunk(x: Tensor, chunks: number, options: Along = {}): Tensor[] {
  const dim = along('chunk', options)
  checkWhole('chunk', { chunks }, 1)
  const d = axis('chunk', dim, x)
  return split(x, Math.ceil(x.shape[d] / chunks), d)
}

/**
 * Without the axes of size 1 among `dim`, by default all of them. A view. `torch.squeeze`.
 * @throws when an axis does not exist.
 */
export function squeeze(x: Tensor, dim?: number | readonly number[]): Tensor {
  checkTensors('squeeze', { x })
  const dims = axes('squeeze', dim ?? x.shape.map((_, i) => i), x)
  return reshape(
    x,
    x.shape.filter((s, i) => s !== 1 || !dims.includes(i)),
  )
}

/**
 * With a new axis of size 1 before `dim`. A view. `torch.unsqueeze`.
 * @throws when the place does not exist.
 */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  const d = axis('unsqueeze', dim, x, 1)
  return reshape(x, [...x.shape.slice(0, d), 1, ...x.shape.slice(d)])
}

/**
 * Axes startDim … endDim as one. Four axes are an image [N, H, W, C], which comes out in PyTorch's order: dims count
 * axes of [N, C, H, W], so that what follows a convolution has the weights of PyTorch's checkpoint; that is a copy
 * where the image has more than one pixel, else a view. {@link reshape} keeps the order in memory. `torch.flatten`.
 * @throws when an axis does not exist, or startDim comes after endDim.
 */
export function flatten(x: Tensor, startDim = 0, endDim = -1): Tensor {
  checkTensors('flatten', { x })
  const rank = x.shape.length
  if (rank === 0) return reshape(x, [1])
  const first = axis('flatten', startDim, x)
  const last = axis('flatten', endDim, x)
  check(first <= last, () => `flatten: startDim must not come after endDim, got ${startDim} and ${endDim}`)
  if (first === last) return x
  const [n, h, w, c] = x.shape
  const ordered = rank !== 4 ? x : h * w === 1 ? reshape(x, [n, c, h, w]) : permute(x, [0, 3, 1, 2])
  const { shape } = ordered
  return reshape(ordered, [...shape.slice(0, first), numel(shape.slice(first, last + 1)), ...shape.slice(last + 1)])
}
