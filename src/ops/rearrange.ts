// Elements in other places, or in several: flip, roll, repeat, pad.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors } from '../tensor/tensor.js'
import { check, formatShape, numel, shown } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { MOVABLE, copyStrided, reshape } from './layout.js'
import { expand } from './reduce.js'
import { MAX_RANK, around, axes, checkList, stridesOf } from './shape.js'

/** y = x with some axes read from the back: strides below zero, as u32 that wrap. Its own inverse. */
function flipInto(x: Tensor, y: Tensor, dims: readonly number[]): void {
  const strides = stridesOf(x.shape)
  const from = {
    offset: dims.reduce((sum, d) => sum + (x.shape[d] - 1) * strides[d], 0),
    strides: strides.map((s, i) => (dims.includes(i) ? -s : s)),
  }
  copyStrided(x, y, x.shape, from, { offset: 0, strides })
}

const flipOp = /* @__PURE__ */ defineOp({
  name: 'flip',
  dtypes: { x: MOVABLE },
  shape: ({ x }: { x: Tensor }, _: { dims: readonly number[] }) => ({ y: x.shape }),
  forward({ x }, { y }, { dims }) {
    flipInto(x, y, dims)
  },
  backward(_, { y: dy }, { x: dx }, { dims }) {
    if (dx) flipInto(dy, dx, dims)
  },
})

const axesOf = (op: string, x: Tensor, dims: number | readonly number[]): number[] => {
  const list = axes(op, dims, x)
  check(x.shape.length <= MAX_RANK, () => `${op}: at most ${MAX_RANK} axes, got ${formatShape(x.shape)}`)
  return list
}

/**
 * The order along these axes reversed. `torch.flip`.
 * @throws when an axis does not exist or is named twice.
 */
export function flip(x: Tensor, dims: number | readonly number[]): Tensor {
  const list = axesOf('flip', x, dims)
  check(new Set(list).size === list.length, () => `flip: dims must be distinct, got ${formatShape(list)}`)
  return flipOp({ x }, { dims: list }).y
}

/** y[(i + shift) mod size] = x[i] along one axis: two blocks change places. */
function rollInto(x: Tensor, y: Tensor, dim: number, shift: number): void {
  const strides = stridesOf(x.shape)
  const size = x.shape[dim]
  const by = ((shift % size) + size) % size
  const block = (from: number, to: number, length: number) => {
    if (!length) return
    const shape = x.shape.map((s, i) => (i === dim ? length : s))
    copyStrided(x, y, shape, { offset: from * strides[dim], strides }, { offset: to * strides[dim], strides })
  }
  block(0, by, size - by)
  block(size - by, 0, by)
}

const rollOp = /* @__PURE__ */ defineOp({
  name: 'roll',
  dtypes: { x: MOVABLE },
  shape: ({ x }: { x: Tensor }, _: { dim: number; shift: number }) => ({ y: x.shape }),
  forward({ x }, { y }, { dim, shift }) {
    rollInto(x, y, dim, shift)
  },
  backward(_, { y: dy }, { x: dx }, { dim, shift }) {
    if (dx) rollInto(dy, dx, dim, -shift)
  },
})

/**
 * Elements moved on by `shifts` along `dims`, from the end to the front; over all axes as one where no dims are given.
 * `torch.roll`.
 * @throws unless there are as many whole shifts as dims.
 */
export function roll(x: Tensor, shifts: number | readonly number[], dims?: number | readonly number[]): Tensor {
  checkTensors('roll', { x })
  const by = typeof shifts === 'number' ? [shifts] : shifts
  checkList('roll', 'shifts', by)
  const list = dims === undefined ? null : axesOf('roll', x, dims)
  check(
    by.every((s) => Number.isInteger(s)) && by.length === (list?.length ?? 1),
    () => `roll: needs as many whole shifts as dims, got ${String(shifts)} and ${String(dims)}`,
  )
  if (!list) return reshape(roll(reshape(x, [x.size]), by, 0), x.shape)
  return list.reduce((y, dim, i) => rollOp({ x: y }, { dim, shift: by[i] }).y, x)
}

/**
 * x as often as said along each axis; more counts than axes add axes in front. Copies. `torch.Tensor.repeat`.
 * @throws unless there is a positive count for each axis.
 */
export function repeat(x: Tensor, repeats: readonly number[]): Tensor {
  checkTensors('repeat', { x })
  checkList('repeat', 'counts', repeats)
  check(
    repeats.length >= x.shape.length && repeats.every((r) => Number.isInteger(r) && r > 0),
    () => `repeat: needs a positive count for each axis of ${formatShape(x.shape)}, got ${formatShape(repeats)}`,
  )
  let shape = [...new Array<number>(repeats.length - x.shape.length).fill(1), ...x.shape]
  let y = reshape(x, shape)
  repeats.forEach((count, d) => {
    if (count === 1) return
    const outer = numel(shape.slice(0, d))
    const inner = numel(shape.slice(d))
    shape = shape.map((s, i) => (i === d ? s * count : s))
    y = reshape(expand(reshape(y, [outer, 1, inner]), [outer, count, inner]), shape)
  })
  return y
}

/** What {@link pad} adds: 'constant', 'reflect', 'replicate' or 'circular'. */
export type PadMode = Constants<typeof shaders.pad_forward>['MODE']

const MODES: readonly string[] = ['constant', 'reflect', 'replicate', 'circular']

interface Pad {
  dim: number
  before: number
  after: number
  mode: PadMode
  value: number
}

/** x around the padded axis. */
const padded = (x: Tensor, { dim, before, after }: Pad) => ({
  ...around(x.shape, dim),
  padded: before + x.shape[dim] + after,
  before,
})

/** One axis; several are padded one after another. */
const padOp = /* @__PURE__ */ defineOp({
  name: 'pad',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }, { dim, before, after }: Pad) => ({
    y: x.shape.map((s, i) => (i === dim ? before + s + after : s)),
  }),
  forward({ x }, { y }, attrs) {
    const params = { ...padded(x, attrs), value: attrs.value }
    gpu.run(shaders.pad_forward, { x, y }, params, { invocations: y.size }, { MODE: attrs.mode })
  },
  backward(_, { y: dy }, { x: dx }, attrs) {
    if (!dx) return
    gpu.run(shaders.pad_backward, { dy, dx }, padded(dx, attrs), { invocations: dx.size }, { MODE: attrs.mode })
  },
})

/** Options of {@link pad}. */
export interface PadOptions {
  /**
   * What stands outside: one value, the mirror image without the border, the border, or the other end. Default
   * 'constant'.
   */
  mode?: PadMode
  /** For mode 'constant'. Default 0. */
  value?: number
}

/**
 * x with more elements around it: `padding` has a pair [before, after] for each axis, the last axis first. Four axes
 * are an image [N, H, W, C], of which the pairs mean W, H, C, N, as in PyTorch: [left, right, top, bottom]. A pair
 * below zero crops, in mode 'constant' alone. `torch.nn.functional.pad`.
 * @throws when 'reflect' would pad by as much as the axis has, 'circular' by more, or nothing would be left.
 */
export function pad(x: Tensor, padding: readonly number[], options: PadOptions = {}): Tensor {
  checkOptions('pad', options, ['mode', 'value'])
  const { mode = 'constant', value = 0 } = options
  check(typeof value === 'number', () => `pad: value must be a number, got ${shown(value)}`)
  checkTensors('pad', { x })
  checkList('pad', 'padding', padding)
  const rank = x.shape.length
  check(MODES.includes(mode), () => `pad: mode must be one of ${MODES.join(' ')}, got ${mode}`)
  check(
    padding.length % 2 === 0 && padding.length <= 2 * rank && padding.every((p) => Number.isInteger(p)),
    () => `pad: padding must be pairs of whole numbers, at most ${rank} of them, got ${formatShape(padding)}`,
  )
  const order = rank === 4 ? [2, 1, 3, 0] : x.shape.map((_, i) => rank - 1 - i)
  let y = x
  for (let i = 0; i < padding.length / 2; i++) {
    const [before, after] = padding.slice(2 * i, 2 * i + 2)
    if (!before && !after) continue
    const size = x.shape[order[i]]
    const [least, most] =
      mode === 'constant'
        ? [-size, Infinity]
        : [0, mode === 'reflect' ? size - 1 : mode === 'circular' ? size : Infinity]
    check(
      [before, after].every((p) => p >= least && p <= most) && before + size + after > 0,
      () => `pad: ${before} and ${after} do not fit an axis of ${size} in mode ${mode}`,
    )
    y = padOp({ x: y }, { dim: order[i], before, after, mode, value }).y
  }
  return y
}
