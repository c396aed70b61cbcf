// Max pooling and average pooling of NHWC images.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, zeros } from '../tensor/tensor.js'
import { type Shape, check, formatShape } from '../util/check.js'
import { checkFlags, checkOptions } from '../util/options.js'
import { cat, slice } from './layout.js'
import { folded, overPixels } from './occupancy.js'
import { mean } from './reduce.js'
import { checkImage, pair } from './shape.js'

/** Lanes along a row, for every row of [N, H, W, C]. */
function overRows([n, h, w, c]: Shape) {
  const rows = n * h
  return { rows, size: { elements: folded(w * c, rows) } }
}

interface Window {
  kernel: [number, number]
  stride: [number, number]
  padding: [number, number]
}

const POOL_OPTIONS = ['kernelSize', 'stride', 'padding'] as const

/** The window that the options of a pooling ask for, checked. */
export function windowOf(op: string, { kernelSize, stride = kernelSize, padding = 0 }: PoolOptions): Window {
  const window = {
    kernel: pair(op, 'kernelSize', kernelSize, 1),
    stride: pair(op, 'stride', stride, 1),
    padding: pair(op, 'padding', padding, 0),
  }
  check(
    window.padding.every((p, i) => 2 * p <= window.kernel[i]),
    () => `${op}: padding must be at most half the kernel, got ${window.padding} for ${window.kernel}`,
  )
  return window
}

function outputShape(op: string, [n, h, w, c]: Shape, { kernel, stride, padding }: Window): number[] {
  const size = (length: number, i: number) => Math.floor((length + 2 * padding[i] - kernel[i]) / stride[i]) + 1
  const y = [n, size(h, 0), size(w, 1), c]
  check(
    y[1] > 0 && y[2] > 0,
    () => `${op}: kernel ${kernel} is larger than the padded image ${formatShape([n, h, w, c])}`,
  )
  return y
}

function poolParams(x: Shape, y: Shape, { kernel, stride, padding }: Window) {
  return {
    H: x[1],
    W: x[2],
    C4: x[3] / 4,
    OH: y[1],
    OW: y[2],
    KH: kernel[0],
    KW: kernel[1],
    SH: stride[0],
    SW: stride[1],
    PH: padding[0],
    PW: padding[1],
  }
}

const maxPoolOp = /* @__PURE__ */ defineOp({
  name: 'maxPool2d',
  dtypes: { x: FLOATS },
  auxiliary: ['index'],
  saves: ['index'],
  shape({ x }: { x: Tensor }, window: Window) {
    const shape = outputShape('maxPool2d', x.shape, window)
    return { y: shape, index: { shape, dtype: 'u32' as const } }
  },
  forward({ x }, { y, index }, window) {
    const { rows, size } = overRows(y.shape)
    gpu.run(shaders.maxpool_forward, { x, y, index }, { ...poolParams(x.shape, y.shape, window), rows }, size)
  },
  backward({ index }, { y: dy }, { x: dx }, window) {
    if (!dx) return
    const { rows, size } = overRows(dx.shape)
    gpu.run(shaders.maxpool_backward, { dy, index, dx }, { ...poolParams(dx.shape, dy.shape, window), rows }, size)
  },
})

/** Options of {@link maxPool2d}. */
export interface PoolOptions {
  /** Size of the window: a number or [height, width]. */
  kernelSize: number | readonly number[]
  /** Default: the kernel size. */
  stride?: number | readonly number[]
  /** Rows and columns added on each side, at most half of the window. Default 0. */
  padding?: number | readonly number[]
}

/**
 * Largest value of each window: [N, H, W, C] → [N, OH, OW, C]. `torch.nn.functional.max_pool2d`.
 * @throws unless x has four axes, and for a kernel larger than the padded image or padding above half of it.
 */
export function maxPool2d(x: Tensor, options: PoolOptions): Tensor {
  checkOptions('maxPool2d', options, POOL_OPTIONS)
  const window = windowOf('maxPool2d', options)
  checkImage('maxPool2d', x)
  const channels = x.shape[3]
  if (channels % 4 === 0) return maxPoolOp({ x }, window).y
  const more = zeros([...x.shape.slice(0, 3), 4 - (channels % 4)], x.dtype)
  return slice(maxPoolOp({ x: cat([x, more], { dim: 3 }) }, window).y, { dim: 3, end: channels })
}

interface Means extends Window {
  /** Of the result. */
  size: readonly number[]
  countPadding: boolean
}

/** Windows of size 0 stand for bins that divide the image evenly. */
const EVENLY = {
  kernel: [0, 0],
  stride: [0, 0],
  padding: [0, 0],
  countPadding: false,
} as const satisfies Partial<Means>

function meanParams(x: Shape, y: Shape, { kernel, stride, padding, countPadding }: Means) {
  const [, H, W, C] = x
  const [KH, KW] = kernel
  const [SH, SW] = stride
  const [PH, PW] = padding
  return { H, W, C, OH: y[1], OW: y[2], KH, KW, SH, SW, PH, PW, count_padding: countPadding }
}

const avgPoolOp = /* @__PURE__ */ defineOp({
  name: 'avgPool2d',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }, { size }: Means) => ({ y: [x.shape[0], ...size, x.shape[3]] }),
  forward({ x }, { y }, means) {
    const { pixels, size } = overPixels(y.shape)
    gpu.run(shaders.avgpool_forward, { x, y }, { ...meanParams(x.shape, y.shape, means), pixels }, size)
  },
  backward(_, { y: dy }, { x: dx }, means) {
    if (!dx) return
    const { pixels, size } = overPixels(dx.shape)
    gpu.run(shaders.avgpool_backward, { dy, dx }, { ...meanParams(dx.shape, dy.shape, means), pixels }, size)
  },
})

/** Options of {@link avgPool2d}. */
export interface AvgPoolOptions extends PoolOptions {
  /** Whether zeros of the padding count in the mean. Default true. */
  countIncludePad?: boolean
}

/**
 * Mean of each window: [N, H, W, C] → [N, OH, OW, C]. `torch.nn.functional.avg_pool2d`.
 * @throws as {@link maxPool2d}.
 */
export function avgPool2d(x: Tensor, options: AvgPoolOptions): Tensor {
  checkOptions('avgPool2d', options, [...POOL_OPTIONS, 'countIncludePad'])
  const { countIncludePad: countPadding = true } = options
  checkFlags('avgPool2d', { countIncludePad: countPadding })
  const window = windowOf('avgPool2d', options)
  checkImage('avgPool2d', x)
  const [, ...size] = outputShape('avgPool2d', x.shape, window)
  return avgPoolOp({ x }, { ...window, size: size.slice(0, 2), countPadding }).y
}

/**
 * Average over bins that divide the image as evenly as they can: [N, H, W, C] → [N, ...size, C].
 * `torch.nn.functional.adaptive_avg_pool2d`.
 * @throws unless x has four axes and the size is positive.
 */
export function adaptiveAvgPool2d(x: Tensor, size: number | readonly number[]): Tensor {
  checkImage('adaptiveAvgPool2d', x)
  const [height, width] = pair('adaptiveAvgPool2d', 'size', size, 1)
  return height * width === 1
    ? mean(x, { dim: [1, 2], keepdim: true })
    : avgPoolOp({ x }, { ...EVENLY, size: [height, width] }, 'adaptiveAvgPool2d').y
}
