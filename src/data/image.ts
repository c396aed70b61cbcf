// The one picture format between decoding and the batch: RGB, 8 bits, rows of pixels (NHWC without the N).
// Holds the geometry that needs no arithmetic: EXIF orientation and cropping.

import { check } from '../util/check.js'

/** `data` is [height, width, 3], unsigned bytes. */
export interface Image {
  width: number
  height: number
  data: Uint8Array
}

/** A picture as it lies in its file. */
export interface StoredImage extends Image {
  /** EXIF orientation (tag 0x0112), where the file has one. */
  orientation?: number
  /** What the user should know though the picture could be read. */
  warning?: string
}

/** The most pixels a picture may have unless more are asked for. Radiographs have 1 to 20 million. */
export const MAX_PIXELS = 25e6

/** Refuses a picture by its header, before anything is allocated for it. */
export function checkPixels(name: string, width: number, height: number, most: number): void {
  check(
    width * height <= most,
    () => `${name}: must have at most ${most / 1e6} million pixels (maxPixels), got ${width} × ${height}`,
  )
}

/** Copies pixel (x, y) of the result from the source pixel index that `from` names. */
function remap(image: Image, width: number, height: number, from: (x: number, y: number) => number): Image {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width; x++, o += 3) {
      const i = from(x, y) * 3
      data[o] = image.data[i]
      data[o + 1] = image.data[i + 1]
      data[o + 2] = image.data[i + 2]
    }
  }
  return { width, height, data }
}

/** Turns a stored picture upright; `orientation` is EXIF tag 0x0112 (1 to 8), anything else means upright already. */
export function applyOrientation(image: Image, orientation: number | undefined): Image {
  const { width: w, height: h } = image
  switch (orientation) {
    case 2:
      return remap(image, w, h, (x, y) => y * w + (w - 1 - x))
    case 3:
      return remap(image, w, h, (x, y) => (h - 1 - y) * w + (w - 1 - x))
    case 4:
      return remap(image, w, h, (x, y) => (h - 1 - y) * w + x)
    case 5:
      return remap(image, h, w, (x, y) => x * w + y)
    case 6:
      return remap(image, h, w, (x, y) => (h - 1 - x) * w + y)
    case 7:
      return remap(image, h, w, (x, y) => (h - 1 - x) * w + (w - 1 - y))
    case 8:
      return remap(image, h, w, (x, y) => x * w + (w - 1 - y))
    default:
      return image
  }
}

/** The middle `height` × `width` pixels; a smaller picture is padded with black (torchvision's center_crop). */
export function centerCrop(image: Image, height: number, width: number): Image {
  const left = offset(image.width, width)
  const top = offset(image.height, height)
  const data = new Uint8Array(width * height * 3)
  const from = Math.max(left, 0)
  const to = Math.min(left + width, image.width)
  for (let y = Math.max(top, 0); y < Math.min(top + height, image.height); y++) {
    const row = image.data.subarray((y * image.width + from) * 3, (y * image.width + to) * 3)
    data.set(row, ((y - top) * width + from - left) * 3)
  }
  return { width, height, data }
}

/** Where a crop starts: Python's round(), which takes halves to the even neighbour; padding puts the odd pixel last. */
function offset(have: number, want: number): number {
  if (want > have) return -Math.floor((want - have) / 2)
  const half = (have - want) / 2
  return half % 1 === 0.5 ? 2 * Math.round(half / 2) : half
}

/** RGB pixels as they are remembered: one channel of a gray picture, which radiographs are. */
export function packed(rgb: Uint8Array): Uint8Array {
  for (let i = 0; i < rgb.length; i += 3) if (rgb[i] !== rgb[i + 1] || rgb[i] !== rgb[i + 2]) return rgb
  const gray = new Uint8Array(rgb.length / 3)
  for (let i = 0; i < gray.length; i++) gray[i] = rgb[3 * i]
  return gray
}

/** Writes what {@link packed} made as RGB. */
export function unpack(pixels: Uint8Array, rgb: Uint8Array): void {
  if (pixels.length === rgb.length) return rgb.set(pixels)
  for (let i = 0, o = 0; i < pixels.length; i++, o += 3) rgb[o] = rgb[o + 1] = rgb[o + 2] = pixels[i]
}
