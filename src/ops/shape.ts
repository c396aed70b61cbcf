// Index arithmetic shared by operators that walk shapes: strides, broadcasting, axes.
import { type Tensor, checkTensors } from '../tensor/tensor.js'
import { type Shape, check, formatShape, numel, sameShape, shown } from '../util/check.js'

/** Axes that the strided kernels know. */
export const MAX_RANK = 6

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride
    stride *= shape[i]
  }
  return strides
}

/** The shape two operands broadcast to (NumPy's rule). */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const sa = a[i - rank + a.length] ?? 1
    const sb = b[i - rank + b.length] ?? 1
    check(
      sa === sb || sa === 1 || sb === 1,
      () => `${op}: shapes must broadcast, got ${formatShape(a)} and ${formatShape(b)}`,
    )
    return Math.max(sa, sb)
  })
}

/** Strides of `shape` along the axes of `target`, 0 where it is broadcast. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape)
  return target.map((_, i) => {
    const at = i - target.length + shape.length
    return at < 0 || shape[at] === 1 ? 0 : strides[at]
  })
}

/** `values` as six fields named prefix0 … prefix5, filled up in front. */
function six<P extends string>(
  prefix: P,
  values: readonly number[],
  fill: number,
): Record<`${P}${0 | 1 | 2 | 3 | 4 | 5}`, number> {
  const padded = [...new Array<number>(MAX_RANK - values.length).fill(fill), ...values]
  return Object.fromEntries(padded.map((v, i) => [`${prefix}${i}`, v])) as never
}

/**
 * Parameters of a walk over `shape` with two sets of strides (shaders/lib/strided.wgsl). Neighbouring axes that both
 * sets pass through as one are merged; when the last axis is contiguous in both and everything divides by four, the
 * walk counts vec4. One invocation each. `vectors` false: it counts elements always.
 */
export function walk(
  shape: Shape,
  a: readonly number[],
  b: readonly number[],
  { scale = 1, aOffset = 0, bOffset = 0, vectors = true } = {},
) {
  const axes: { size: number; a: number; b: number }[] = []
  for (let i = shape.length - 1; i >= 0; i--) {
    const inner = axes[0]
    if (shape[i] === 1) continue
    if (inner && a[i] === inner.a * inner.size && b[i] === inner.b * inner.size) inner.size *= shape[i]
    else axes.unshift({ size: shape[i], a: a[i], b: b[i] })
  }
  const last = axes[axes.length - 1]
  const vec4 =
    vectors &&
    last?.a === 1 &&
    last.b === 1 &&
    last.size % 4 === 0 &&
    [aOffset, bOffset, ...axes.slice(0, -1).flatMap((x) => [x.a, x.b])].every((v) => v % 4 === 0)
  const unit = vec4 ? 4 : 1
  const strides = (of: 'a' | 'b') => axes.map((x) => (x === last ? x[of] : x[of] / unit))
  const n = numel(shape) / unit
  const params = {
    n,
    rank: axes.length,
    scale,
    a_offset: aOffset / unit,
    b_offset: bOffset / unit,
    ...six(
      's',
      axes.map((x) => (x === last ? x.size / unit : x.size)),
      1,
    ),
    ...six('a', strides('a'), 0),
    ...six('b', strides('b'), 0),
  }
  return { vec4, params }
}

/** A non-negative axis number of x, or of x with `more` axes. */
export function axis(op: string, dim: number, x: Tensor, more = 0): number {
  checkTensors(op, { x })
  const rank = x.shape.length + more
  const positive = dim < 0 ? dim + rank : dim
  check(
    Number.isInteger(dim) && positive >= 0 && positive < rank,
    () => `${op}: dim must be between ${-rank} and ${rank - 1}, got ${shown(dim)}`,
  )
  return positive
}

/** Non-negative axis numbers of one or several axes of x. */
export function axes(op: string, dims: number | readonly number[], x: Tensor): number[] {
  const list = typeof dims === 'number' ? [dims] : dims
  check(Array.isArray(list), () => `${op}: dim must be a number or a list of them, got ${shown(dims)}`)
  return list.map((d) => axis(op, d, x))
}

/** Throws unless x is an image. */
export function checkImage(op: string, x: Tensor): void {
  checkTensors(op, { x })
  check(x.shape.length === 4, () => `${op}: needs x [N, H, W, C], got ${formatShape(x.shape)}`)
}

/** Throws unless all vectors that are given have `size` elements. */
export function checkVectors(op: string, vectors: Readonly<Record<string, Tensor | null>>, size: number): void {
  for (const [name, v] of Object.entries(vectors))
    check(
      !v || sameShape(v.shape, [size]),
      () => `${op}: ${name} must have shape [${size}], got ${formatShape(v!.shape)}`,
    )
}

/** Throws unless `list` is one; `name` says of what. */
export function checkList(op: string, name: string, list: unknown): void {
  check(Array.isArray(list), () => `${op}: ${name} must be a list, got ${shown(list)}`)
}

/** A shape seen from one of its axes. */
export interface Around {
  outer: number
  size: number
  inner: number
}

/** [outer, size, inner] around an axis. */
export const around = (shape: Shape, dim: number): Around => ({
  outer: numel(shape.slice(0, dim)),
  size: shape[dim],
  inner: numel(shape.slice(dim + 1)),
})

/** A number or a pair as a pair. */
export function pair(op: string, name: string, value: number | readonly number[], least: number): [number, number] {
  const pairs = Array.isArray(value) ? (value as readonly number[]) : [value, value]
  const [h, w] = pairs as [number, number]
  check(
    pairs.length === 2 && pairs.every((v) => Number.isInteger(v) && (v as number) >= least),
    () => `${op}: ${name} must be an integer of at least ${least}, or two, got ${shown(value)}`,
  )
  return [h, w]
}
