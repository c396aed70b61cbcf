// Sums and means over axes, and their inverse: expanding.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { type Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { type Shape, check, formatShape, numel, sameShape } from '../util/check.js'
import { checkFlags, checkOptions } from '../util/options.js'
import { permute } from './layout.js'
import { LONGEST_SUM, ceilDiv, cutReduction } from './occupancy.js'
import { MAX_RANK, axes, broadcastShapes, broadcastStrides, checkList, stridesOf, walk } from './shape.js'

/**
 * y[outer, inner] = scale · Σ x[outer, size, inner]: in stages, as one invocation an output would leave the chip idle
 * and round too often. In the same dispatches beside.y = Σ beside.x over its first axis, of `size` too.
 */
export function sumMiddle(
  x: Tensor,
  y: Tensor,
  outer: number,
  size: number,
  inner: number,
  scale: number,
  beside: { x: Tensor; y: Tensor } | null = null,
): void {
  const outputs = outer * inner
  const more = beside?.y.size ?? 0
  let from = x
  let other = beside?.x ?? null
  let left = size
  const stage = (to: Tensor, parts: number) => {
    const beside_y = beside && parts > 1 ? empty([parts, more], 'f32', 'sum parts') : (beside?.y ?? null)
    gpu.run(
      shaders.sum_forward,
      { x: from, y: to, beside: other, beside_y },
      { outer, inner, size: left, parts, scale: parts === 1 ? scale : 1, more },
      { invocations: (outputs + more) * parts },
    )
    from = to
    other = beside_y
    left = parts
  }
  let parts = partsOf(size, outputs, 32)
  for (; parts > 1; parts = ceilDiv(left, LONGEST_SUM)) stage(empty([outer, parts, inner], 'f32', 'sum parts'), parts)
  stage(y, 1)
}

/** Lets `run` write y as the sum of `parts` planes, which are then added in a fixed order; a single one is y itself. */
export function inParts(y: Tensor, parts: number, run: (target: Tensor) => void): void {
  if (parts === 1) return run(y)
  const target = empty([parts, ...y.shape], 'f32', 'parts of a sum')
  run(target)
  sumMiddle(target, y, 1, parts, y.size, 1)
}

/** Into how many parts an axis is cut when each takes one invocation for each of `outputs`. */
export function partsOf(size: number, outputs: number, atLeast: number): number {
  const workgroups = outputs / shaders.sum_forward.workgroupSize()
  return cutReduction(size, { workgroups, atLeast, atMost: LONGEST_SUM }).parts
}

/** y = scale · x, broadcast to y's shape. */
function expandInto(x: Tensor, keptShape: Shape, y: Tensor, scale: number): void {
  const { vec4, params } = walk(y.shape, broadcastStrides(keptShape, y.shape), stridesOf(y.shape), { scale })
  gpu.run(vec4 ? shaders.copy_strided_vec4 : shaders.copy_strided, { x, y }, params, { invocations: params.n })
}

/**
 * Sums over `dims` (sorted, distinct); the output keeps them as 1. One pass per run of neighbouring axes, last run
 * first.
 */
const sumOp = defineOp({
  name: 'sum',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }, { dims }: { dims: readonly number[]; scale: number }) => ({
    y: x.shape.map((s, i) => (dims.includes(i) ? 1 : s)),
  }),
  forward({ x }, { y }, { dims, scale }) {
    const shape = [...x.shape]
    let from = x
    let rest = [...dims]
    if (rest.length === 0) return gpu.copy(x, y)
    while (rest.length) {
      const last = rest[rest.length - 1]
      let first = last
      while (rest.includes(first - 1)) first--
      rest = rest.filter((d) => d < first)
      const outer = numel(shape.slice(0, first))
      const size = numel(shape.slice(first, last + 1))
      const inner = numel(shape.slice(last + 1))
      for (let d = first; d <= last; d++) shape[d] = 1
      const to = rest.length ? empty(shape, 'f32', 'sum') : y
      sumMiddle(from, to, outer, size, inner, rest.length ? 1 : scale)
      from = to
    }
  },
  backward(_, { y: dy }, { x: dx }, { scale }) {
    if (dx) expandInto(dy, dy.shape, dx, scale)
  },
})

/** Which axes a reduction takes, and whether they stay. */
export interface ReduceOptions {
  /** Axes to reduce. Default all, also when empty. Negative ones count from the end. */
  dim?: number | readonly number[]
  /** Whether reduced axes stay, with size 1. Default false. */
  keepdim?: boolean
}

/** A number or a list stands for `{ dim }`. */
export type Reduce = ReduceOptions | number | readonly number[]

/** The axes that options name, sorted; `known`: what else the options may hold. */
export function dimsOf<O extends ReduceOptions>(
  name: string,
  x: Tensor,
  options: O | number | readonly number[],
  known: readonly string[] = [],
): { dims: number[]; keepdim: boolean } {
  checkTensors(name, { x })
  const named = typeof options === 'object' && !Array.isArray(options)
  if (named) checkOptions(name, options as O, ['dim', 'keepdim', ...known])
  const { dim, keepdim = false } = named ? (options as O) : { dim: options as number | readonly number[] }
  checkFlags(name, { keepdim })
  const none = dim === undefined || (Array.isArray(dim) && dim.length === 0)
  const dims = axes(name, none ? x.shape.map((_, i) => i) : dim, x).sort((a, b) => a - b)
  check(new Set(dims).size === dims.length, () => `${name}: dim names an axis twice, got ${dim}`)
  return { dims, keepdim }
}

/** A shape without the axes `dims`, or with 1 in their place. */
export const reducedShape = (shape: Shape, dims: readonly number[], keepdim: boolean): number[] =>
  keepdim ? shape.map((s, i) => (dims.includes(i) ? 1 : s)) : shape.filter((_, i) => !dims.includes(i))

/** x as [outer, size, inner] with the axes `dims` as the middle one; copied only where they are no neighbours. */
export function folded(x: Tensor, dims: readonly number[]): Tensor {
  const { shape } = x
  const size = numel(dims.map((d) => shape[d]))
  const first = dims[0] ?? 0
  if (dims.every((d, i) => d === first + i)) {
    const outer = numel(shape.slice(0, first))
    return view(x, [outer, size, x.size / outer / size])
  }
  const kept = shape.map((_, i) => i).filter((i) => !dims.includes(i))
  return view(permute(x, [...kept, ...dims]), [x.size / size, size, 1])
}

function reduce(name: string, x: Tensor, options: Reduce, mean: boolean): Tensor {
  const { dims, keepdim } = dimsOf(name, x, options)
  const scale = mean ? 1 / numel(dims.map((d) => x.shape[d])) : 1
  const { y } = sumOp({ x }, { dims, scale }, name)
  return keepdim ? y : view(y, reducedShape(x.shape, dims, false))
}

/**
 * Sum over axes: `sum(x, { dim: 0 })` or `sum(x, 0)`. `torch.sum`.
 * @throws for integers, and when an axis does not exist or is named twice.
 */
export function sum(x: Tensor, options: Reduce = {}): Tensor {
  return reduce('sum', x, options, false)
}

/**
 * Mean over axes, given as to {@link sum}. `torch.mean`.
 * @throws as {@link sum}.
 */
export function mean(x: Tensor, options: Reduce = {}): Tensor {
  return reduce('mean', x, options, true)
}

/** Sums a gradient back to the shape its operand had before broadcasting (`torch.Tensor.sum_to_size`). */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const lead = x.shape.length - shape.length
  const dims = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1))
  return view(sumOp({ x }, { dims, scale: 1 }).y, shape)
}

const expandOp = defineOp({
  name: 'expand',
  dtypes: { x: [...FLOATS, 'i32', 'u32'] },
  shape(_: { x: Tensor }, { shape }: { shape: Shape }) {
    check(shape.length <= MAX_RANK, () => `expand: at most ${MAX_RANK} axes, got ${formatShape(shape)}`)
    return { y: shape }
  },
  forward({ x }, { y }) {
    expandInto(x, x.shape, y, 1)
  },
  backward: (_, { y: dy }, { x: dx }) => (dx ? { x: sumTo(dy, dx.shape) } : undefined),
})

/**
 * x repeated to a shape it broadcasts to. `torch.Tensor.expand`, but the result is contiguous.
 * @throws when x does not broadcast to the shape.
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkTensors('expand', { x })
  checkList('expand', 'the shape', shape)
  check(
    sameShape(broadcastShapes('expand', x.shape, shape), shape),
    () => `expand: ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`,
  )
  return expandOp({ x }, { shape }).y
}
