// Resizing of NHWC images: nearest pixels, or bilinear between four.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { type Shape, check, shown } from '../util/check.js'
import { checkFlags, checkOptions } from '../util/options.js'
import { overPixels } from './occupancy.js'
import { checkImage, pair } from './shape.js'

/** How values between pixels are found: 'nearest' or 'bilinear'. */
export type InterpolateMode = Constants<typeof shaders.interpolate_forward>['MODE']

const MODES: readonly string[] = ['nearest', 'bilinear']
/** Sides of images: places are counted in i32. */
const LONGEST = 32767

/** How places of the result become places of x along one axis: see shaders/lib/interpolate.wgsl. */
interface Along {
  scale: number
  by: number
  plus: number
  over: number
}

interface Attributes {
  mode: InterpolateMode
  size: [number, number]
  along: [Along, Along]
}

/** The nearest quotient of two whole numbers of at most LONGEST, by its continued fraction. */
function quotient(value: number): [number, number] {
  let [p, q, pBefore, qBefore] = [Math.floor(value), 1, 1, 0]
  for (let rest = value - p; rest > 1e-12;) {
    const whole = Math.floor(1 / rest)
    rest = 1 / rest - whole
    const [pNext, qNext] = [whole * p + pBefore, whole * q + qBefore]
    if (pNext > LONGEST || qNext > LONGEST) break
    ;[p, q, pBefore, qBefore] = [pNext, qNext, p, q]
  }
  return [p, q]
}

function alongAxis(size: number, out: number, factor: number | null, mode: InterpolateMode, corners: boolean): Along {
  const scale = Math.fround(factor === null ? size / out : 1 / factor)
  if (corners) return { scale, by: out > 1 ? size - 1 : 0, plus: 0, over: Math.max(out - 1, 1) }
  const [p, q] = factor === null ? [size, out] : quotient(1 / factor)
  return mode === 'bilinear' ? { scale, by: 2 * p, plus: p - q, over: 2 * q } : { scale, by: p, plus: 0, over: q }
}

const params = ([, H, W, C]: Shape, [, OH, OW]: Shape, [h, w]: [Along, Along]) => ({
  ...{ H, W, C, OH, OW, scale_h: h.scale, scale_w: w.scale },
  ...{ by_h: h.by, by_w: w.by, plus_h: h.plus, plus_w: w.plus, over_h: h.over, over_w: w.over },
})

const interpolateOp = /* @__PURE__ */ defineOp({
  name: 'interpolate',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }, { size }: Attributes) => ({ y: [x.shape[0], ...size, x.shape[3]] }),
  forward({ x }, { y }, { mode, along }) {
    const { pixels, size } = overPixels(y.shape)
    const places = { ...params(x.shape, y.shape, along), pixels }
    gpu.run(shaders.interpolate_forward, { x, y }, places, size, { MODE: mode })
  },
  backward(_, { y: dy }, { x: dx }, { mode, along }) {
    if (!dx) return
    const { pixels, size } = overPixels(dx.shape)
    const places = { ...params(dx.shape, dy.shape, along), pixels }
    gpu.run(shaders.interpolate_backward, { dy, dx }, places, size, { MODE: mode })
  },
})

/** Options of {@link interpolate}. */
export interface InterpolateOptions {
  /** Of the result: a number or [height, width]. This or scaleFactor. */
  size?: number | readonly number[]
  /** The result's size is that of x times it, rounded down. Pixels lie as far apart as it says, also then. */
  scaleFactor?: number | readonly number[]
  /** Default 'nearest'. */
  mode?: InterpolateMode
  /**
   * Whether the centres of corner pixels stay where they are, else their outer corners. Bilinear alone; default false.
   */
  alignCorners?: boolean
}

/**
 * Resizes an image [N, H, W, C], at most 32767 pixels a side. `torch.nn.functional.interpolate` with modes 'nearest'
 * and 'bilinear', without antialiasing.
 * @throws unless x has four axes and one of size and scaleFactor is given; for `alignCorners` in mode nearest.
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { size, mode, alignCorners, factors } = resizing('interpolate', options)
  checkImage('interpolate', x)
  const [h, w] = x.shape.slice(1)
  const out = pair(
    'interpolate',
    'size of the result',
    size ?? [h, w].map((length, i) => Math.floor(length * factors[i]!)),
    1,
  )
  check(
    Math.max(h, w, ...out) <= LONGEST,
    () => `interpolate: at most ${LONGEST} pixels a side, got ${h}×${w} to ${out[0]}×${out[1]}`,
  )
  const along = (i: 0 | 1) => alongAxis(x.shape[1 + i], out[i], factors[i], mode, alignCorners)
  return interpolateOp({ x }, { mode, size: out, along: [along(0), along(1)] }).y
}

/** The options with their defaults, checked; `factors`: of height and width, null where a size is given. */
export function resizing(name: string, options: InterpolateOptions) {
  checkOptions(name, options, ['size', 'scaleFactor', 'mode', 'alignCorners'])
  const { size, scaleFactor, mode = 'nearest', alignCorners = false } = options
  checkFlags(name, { alignCorners })
  check(MODES.includes(mode), () => `${name}: mode must be one of ${MODES.join(' ')}, got ${shown(mode)}`)
  check(mode === 'bilinear' || !alignCorners, `${name}: alignCorners is for mode bilinear, got nearest`)
  check(
    (size === undefined) !== (scaleFactor === undefined),
    () => `${name}: needs size or scaleFactor, got ${size === undefined ? 'neither' : 'both'}`,
  )
  if (size !== undefined) pair(name, 'size of the result', size, 1)
  const factors = [0, 1].map((i) => (scaleFactor === undefined ? null : numberAt(name, scaleFactor, i)))
  return { size, mode, alignCorners, factors }
}

function numberAt(name: string, value: number | readonly number[], i: number): number {
  const factor = Array.isArray(value) ? (value[i] as unknown) : value
  check(
    typeof factor === 'number' && factor > 0 && factor < Infinity,
    () => `${name}: scaleFactor must be positive, got ${shown(value)}`,
  )
  return factor
}
