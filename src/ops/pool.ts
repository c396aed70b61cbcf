// Max pooling and adaptive average pooling of NHWC images.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, zeros } from '../tensor/tensor.js'
import { type Shape, check, formatShape } from '../util/check.js'
import { cat, slice } from './layout.js'
import { folded } from './occupancy.js'
import { mean } from './reduce.js'
import { pair } from './shape.js'

/** Lanes along channels, for every pixel of [N, H, W, C]. */
function overPixels([n, h, w, c]: Shape) {
  const pixels = n * h * w
  return { pixels, size: { invocations: folded(c, pixels) } }
}

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

const outputSize = (size: number, kernel: number, stride: number, padding: number) =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1

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

const maxPoolOp = defineOp({
  name: 'maxPool2d',
  dtypes: { x: FLOATS },
  auxiliary: ['index'],
  saves: ['index'],
  shape({ x }: { x: Tensor }, { kernel, stride, padding }: Window) {
    check(
      padding.every((p, i) => 2 * p <= kernel[i]),
      () => `maxPool2d: padding must be at most half the kernel, got ${padding} for ${kernel}`,
    )
    const [n, h, w, c] = x.shape
    const shape = [
      n,
      outputSize(h, kernel[0], stride[0], padding[0]),
      outputSize(w, kernel[1], stride[1], padding[1]),
      c,
    ]
    check(
      shape[1] > 0 && shape[2] > 0,
      () => `maxPool2d: kernel ${kernel} is larger than the padded image ${formatShape(x.shape)}`,
    )
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

export interface PoolOptions {
  /** Size of the window: a number or [height, width]. */
  kernelSize: number | readonly number[]
  /** Default: the kernel size. */
  stride?: number | readonly number[]
  padding?: number | readonly number[]
}

/** Largest value of each window: [N, H, W, C] → [N, OH, OW, C]. `torch.nn.functional.max_pool2d`. */
export function maxPool2d(x: Tensor, { kernelSize, stride = kernelSize, padding = 0 }: PoolOptions): Tensor {
  check(x.shape.length === 4, () => `maxPool2d: needs x [N, H, W, C], got ${formatShape(x.shape)}`)
  const window = {
    kernel: pair('maxPool2d', 'kernelSize', kernelSize, 1),
    stride: pair('maxPool2d', 'stride', stride, 1),
    padding: pair('maxPool2d', 'padding', padding, 0),
  }
  const channels = x.shape[3]
  if (channels % 4 === 0) return maxPoolOp({ x }, window).y
  const more = zeros([...x.shape.slice(0, 3), 4 - (channels % 4)], x.dtype)
  return slice(maxPoolOp({ x: cat([x, more], { dim: 3 }) }, window).y, { dim: 3, end: channels })
}

const avgPoolOp = defineOp({
  name: 'adaptiveAvgPool2d',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }, { size }: { size: [number, number] }) => ({ y: [x.shape[0], ...size, x.shape[3]] }),
  forward({ x }, { y }) {
    const { pixels, size } = overPixels(y.shape)
    gpu.run(
      shaders.avgpool_forward,
      { x, y },
      { H: x.shape[1], W: x.shape[2], C: x.shape[3], OH: y.shape[1], OW: y.shape[2], pixels },
      size,
    )
  },
  backward(_, { y: dy }, { x: dx }) {
    if (!dx) return
    const { pixels, size } = overPixels(dx.shape)
    gpu.run(
      shaders.avgpool_backward,
      { dy, dx },
      { H: dx.shape[1], W: dx.shape[2], C: dx.shape[3], OH: dy.shape[1], OW: dy.shape[2], pixels },
      size,
    )
  },
})

/**
 * Average over bins that divide the image as evenly as they can: [N, H, W, C] → [N, ...size, C].
 * `torch.nn.functional.adaptive_avg_pool2d`.
 */
export function adaptiveAvgPool2d(x: Tensor, size: number | readonly number[]): Tensor {
  check(x.shape.length === 4, () => `adaptiveAvgPool2d: needs x [N, H, W, C], got ${formatShape(x.shape)}`)
  const [height, width] = pair('adaptiveAvgPool2d', 'size', size, 1)
  return height * width === 1 ? mean(x, { dim: [1, 2], keepdim: true }) : avgPoolOp({ x }, { size: [height, width] }).y
}
