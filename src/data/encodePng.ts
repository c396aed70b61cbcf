// Gray or RGB bytes to a PNG file. Reading is png.ts.
import { zlibSync } from 'fflate'
import { crc32 } from '../util/crc32.js'
import { check } from '../util/check.js'
import type { Image } from './image.js'
import { PNG_SIGNATURE } from './signatures.js'

/** A PNG file of [height, width] gray bytes or [height, width, 3] RGB bytes. */
export function encodePng(data: Uint8Array, height: number, width: number): Uint8Array {
  const channels = data.length / (height * width)
  check(
    channels === 1 || channels === 3,
    () => `encodePng: needs 1 or 3 bytes for each of ${height} × ${width} pixels, got ${data.length} in all`,
  )
  const stride = width * channels
  const lines = new Uint8Array(height * (stride + 1))
  for (let y = 0; y < height; y++) {
    const at = y * (stride + 1)
    const row = data.subarray(y * stride, (y + 1) * stride)
    lines.set(row, at + 1)
    if (channels === 1 || y === 0) continue // generated gray pictures have hard edges and noise
    lines[at] = 2 // each byte as its difference to the one above
    for (let i = 0; i < stride; i++) lines[at + 1 + i] = row[i] - data[(y - 1) * stride + i]
  }
  const header = new Uint8Array(13)
  new DataView(header.buffer).setUint32(0, width)
  new DataView(header.buffer).setUint32(4, height)
  header[8] = 8 // bits; gray, deflate, filters by line, not interlaced: all 0
  header[9] = channels === 3 ? 2 : 0
  const parts = [PNG_SIGNATURE, chunk('IHDR', header), chunk('IDAT', zlibSync(lines)), chunk('IEND', new Uint8Array(0))]
  const file = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}

/** A picture as a PNG file; gray where all its pixels are. */
export function pngOf({ data, height, width }: Image): Uint8Array {
  const gray = Uint8Array.from({ length: height * width }, (_, i) => data[3 * i])
  const isGray = gray.every((value, i) => data[3 * i + 1] === value && data[3 * i + 2] === value)
  return encodePng(isGray ? gray : data, height, width)
}

/** Length, type, contents, checksum. */
function chunk(type: string, contents: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(contents.length + 12)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, contents.length)
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i)
  bytes.set(contents, 8)
  view.setUint32(8 + contents.length, crc32(bytes.subarray(4, 8 + contents.length)))
  return bytes
}
