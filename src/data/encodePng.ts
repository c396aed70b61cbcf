// Gray bytes to a PNG file, for generated pictures. Reading is png.ts.
import { zlibSync } from 'fflate'
import { crc32 } from '../util/crc32.js'
import { PNG_SIGNATURE } from './signatures.js'

/** A gray PNG file of [height, width] bytes, without filters. */
export function encodePng(gray: Uint8Array, height: number, width: number): Uint8Array {
  const lines = new Uint8Array(height * (width + 1))
  for (let y = 0; y < height; y++) lines.set(gray.subarray(y * width, (y + 1) * width), y * (width + 1) + 1)
  const header = new Uint8Array(13)
  new DataView(header.buffer).setUint32(0, width)
  new DataView(header.buffer).setUint32(4, height)
  header[8] = 8 // bits; gray, deflate, filters by line, not interlaced: all 0
  const parts = [PNG_SIGNATURE, chunk('IHDR', header), chunk('IDAT', zlibSync(lines)), chunk('IEND', new Uint8Array(0))]
  const file = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
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
