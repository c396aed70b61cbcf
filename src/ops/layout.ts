// Moving elements without computing: reshape, permute, slice, cat.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp, view } from '../tensor/op.js'
import type { DType, Tensor } from '../tensor/tensor.js'
import { type Shape, check, formatShape, numel } from '../util/check.js'
import { MAX_RANK, axis, stridesOf, walk } from './shape.js'

/** A place in a tensor to walk from, with a stride for each axis. */
interface Place {
  offset: number
  strides: readonly number[]
}

/** Bytes cannot be moved one by one. */
const MOVABLE: readonly DType[] = ['f32', 'f16', 'i32', 'u32']

/** Copies all elements of `shape` between two strided places. */
export function copyStrided(x: Tensor, y: Tensor, shape: Shape, from: Place, to: Place): void {
  const { vec4, params } = walk(shape, from.strides, to.strides, { aOffset: from.offset, bOffset: to.offset })
  gpu.run(vec4 ? shaders.copy_strided_vec4 : shaders.copy_strided, { x, y }, params, { invocations: params.n })
}

/** The same elements under another shape; one size may be -1. A view: no kernel runs. `torch.reshape`. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = numel(shape.filter((s) => s !== -1))
  const full = shape.map((s) => (s === -1 ? x.size / known : s))
  check(
    shape.filter((s) => s === -1).length <= 1 && numel(full) === x.size && full.every((s) => Number.isInteger(s)),
    () => `reshape: ${formatShape(x.shape)} has ${x.size} elements, which do not fit ${formatShape(shape)}`,
  )
  return view(x, full)
}

const permuteOp = defineOp({
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

/** Reorders axes: output axis i is input axis dims[i]. `torch.permute`, but the result is contiguous. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const order = dims.map((d) => axis('permute', d, x.shape.length))
  check(
    new Set(order).size === x.shape.length && x.shape.length <= MAX_RANK,
    () => `permute: dims must name each of the ${x.shape.length} axes once, got ${formatShape(dims)}`,
  )
  return permuteOp({ x }, { dims: order }).y
}

/** Swaps two axes. `torch.transpose`, but the result is contiguous. */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  const dims = x.shape.map((_, i) => i)
  const a = axis('transpose', dim0, dims.length)
  const b = axis('transpose', dim1, dims.length)
  ;[dims[a], dims[b]] = [b, a]
  return permute(x, dims)
}

const sliceOp = defineOp({
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

/** Elements start … end-1 along one axis. `torch.narrow`, `x[…, start:end, …]`. */
export function slice(x: Tensor, { dim, start = 0, end }: { dim: number; start?: number; end?: number }): Tensor {
  const d = axis('slice', dim, x.shape.length)
  const stop = end ?? x.shape[d]
  check(
    start >= 0 && start < stop && stop <= x.shape[d],
    () => `slice: needs 0 <= start < end <= ${x.shape[d]}, got ${start} and ${stop}`,
  )
  return sliceOp({ x }, { dim: d, start, end: stop }).y
}

/** Two tensors behind each other along one axis; `cat` folds a list with it. */
const catOp = defineOp({
  name: 'cat',
  dtypes: { a: MOVABLE, b: MOVABLE },
  shape: ({ a, b }: { a: Tensor; b: Tensor }, { dim }: { dim: number }) => ({
    y: a.shape.map((s, i) => (i === dim ? s + b.shape[i] : s)),
  }),
  forward({ a, b }, { y }, { dim }) {
    const strides = stridesOf(y.shape)
    copyStrided(a, y, a.shape, { offset: 0, strides: stridesOf(a.shape) }, { offset: 0, strides })
    copyStrided(
      b,
      y,
      b.shape,
      { offset: 0, strides: stridesOf(b.shape) },
      { offset: a.shape[dim] * strides[dim], strides },
    )
  },
  backward(_, { y: dy }, { a: da, b: db }, { dim }) {
    const strides = stridesOf(dy.shape)
    if (da) copyStrided(dy, da, da.shape, { offset: 0, strides }, { offset: 0, strides: stridesOf(da.shape) })
    if (!db) return
    const offset = dy.shape[dim] - db.shape[dim]
    copyStrided(
      dy,
      db,
      db.shape,
      { offset: offset * strides[dim], strides },
      { offset: 0, strides: stridesOf(db.shape) },
    )
  },
})

/** Tensors behind each other along one axis; all other sizes equal. `torch.cat`. */
export function cat(tensors: readonly Tensor[], { dim = 0 }: { dim?: number } = {}): Tensor {
  check(tensors.length > 0, 'cat: needs at least one tensor, got none')
  const d = axis('cat', dim, tensors[0].shape.length)
  return tensors.reduce((a, b) => {
    check(
      a.shape.length === b.shape.length && a.shape.every((s, i) => i === d || s === b.shape[i]),
      () => `cat: shapes must agree outside dim ${d}, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    )
    return catOp({ a, b }, { dim: d }).y
  })
}
