// Antialiased bilinear resizing, equal to Pillow's to the last bit (libImaging/Resample.c, 8 bits per channel):
// two passes with a triangle filter as wide as the reduction, weights in 22-bit fixed point, bytes in between.
import { check } from '../util/check.js'
import type { Image } from './image.js'

const PRECISION_BITS = 32 - 8 - 2

/** For each output position: the first source position, how many follow, and their fixed-point weights. */
interface Taps {
  start: Int32Array
  count: Int32Array
  weights: Int32Array
  stride: number
}

/** Pillow's precompute_coeffs and normalize_coeffs_8bpc for the bilinear filter over the whole axis. */
function taps(from: number, to: number): Taps {
  const scale = from / to
  const support = Math.max(scale, 1)
  const stride = Math.ceil(support) * 2 + 1
  const start = new Int32Array(to)
  const count = new Int32Array(to)
  const weights = new Int32Array(to * stride)
  const exact = new Float64Array(stride)
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale
    start[i] = Math.max(Math.trunc(center - support + 0.5), 0)
    count[i] = Math.min(Math.trunc(center + support + 0.5), from) - start[i]
    let total = 0
    for (let k = 0; k < count[i]; k++) {
      const distance = Math.abs((k + start[i] - center + 0.5) * (1 / support))
      exact[k] = distance < 1 ? 1 - distance : 0
      total += exact[k]
    }
    for (let k = 0; k < count[i]; k++)
      weights[i * stride + k] = Math.trunc(0.5 + (exact[k] / total) * (1 << PRECISION_BITS))
  }
  return { start, count, weights, stride }
}

function resizeRows(image: Image, width: number): Image {
  const { start, count, weights, stride } = taps(image.width, width)
  const source = image.data
  const data = new Uint8Array(image.height * width * 3)
  for (let y = 0, o = 0; y < image.height; y++) {
    const row = y * image.width * 3
    for (let x = 0; x < width; x++, o += 3) {
      let r = 1 << (PRECISION_BITS - 1),
        g = r,
        b = r
      let i = row + start[x] * 3
      for (let k = x * stride, end = k + count[x]; k < end; k++, i += 3) {
        const weight = weights[k]
        r = (r + source[i] * weight) | 0
        g = (g + source[i + 1] * weight) | 0
        b = (b + source[i + 2] * weight) | 0
      }
      // Weights are positive and sum to one within rounding: the result cannot leave 0..255.
      data[o] = r >> PRECISION_BITS
      data[o + 1] = g >> PRECISION_BITS
      data[o + 2] = b >> PRECISION_BITS
    }
  }
  return { width, height: image.height, data }
}

function resizeColumns(image: Image, height: number): Image {
  const { start, count, weights, stride } = taps(image.height, height)
  const line = image.width * 3
  const source = image.data
  const data = new Uint8Array(height * line)
  const sums = new Int32Array(line)
  for (let y = 0; y < height; y++) {
    sums.fill(1 << (PRECISION_BITS - 1))
    for (let k = 0; k < count[y]; k++) {
      const weight = weights[y * stride + k]
      for (let i = 0, s = (start[y] + k) * line; i < line; i++, s++) sums[i] += source[s] * weight
    }
    for (let i = 0, o = y * line; i < line; i++, o++) data[o] = sums[i] >> PRECISION_BITS
  }
  return { width: image.width, height, data }
}

/** PIL's `image.resize((width, height), BILINEAR)` of an RGB picture. */
export function resizeBilinear(image: Image, height: number, width: number): Image {
  check(height >= 1 && width >= 1, `Resize: sizes must be at least 1, got ${height} × ${width}`)
  const narrowed = width === image.width ? image : resizeRows(image, width)
  return height === image.height ? narrowed : resizeColumns(narrowed, height)
}

/** The output of torchvision's `Resize(size)` with one number: the shorter side becomes `size`, the other follows. */
export function shorterSideTo(image: Image, size: number): Image {
  const { width, height } = image
  const long = Math.trunc((size * Math.max(width, height)) / Math.min(width, height))
  return width <= height ? resizeBilinear(image, long, size) : resizeBilinear(image, size, long)
}

/** An image made smaller, never larger, so that it fits a square of `side` pixels. */
export function fitSquare(image: Image, side: number): Image {
  const scale = side / Math.max(image.width, image.height)
  const [height, width] = [image.height, image.width].map((n) => Math.max(1, Math.round(n * scale)))
  return scale < 1 ? resizeBilinear(image, height, width) : image
}
