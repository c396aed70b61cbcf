// PNG bytes to RGB, through pngjs, with PIL's convert('RGB') meaning: transparency is dropped, not composited.
// Chunks are walked here only to check the file is whole and to leave the transparency chunk out. Not a decoder.
import { readPng } from '#platform/files'
import { check, RadiogradError } from '../util/check.js'
import type { Image } from './image.js'

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const MAX_PIXELS = 100e6

/** Whether the bytes begin like a PNG file. */
export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte)

/**
 * The file without what would change opaque pixels: pngjs blanks the pixels of a tRNS colour, PIL keeps them.
 * What follows the last chunk (IEND) is left out too; pngjs refuses it, PIL does not look.
 */
function wholeAndOpaque(bytes: Uint8Array, name: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kept = new Uint8Array(bytes.length)
  kept.set(SIGNATURE)
  let end = SIGNATURE.length
  for (let at = end; ;) {
    check(at + 12 <= bytes.length, `${name}: must be a complete PNG file, got ${bytes.length} bytes without an end`)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    const next = at + 12 + view.getUint32(at)
    check(next <= bytes.length, `${name}: must be a complete PNG file, got ${bytes.length} bytes of at least ${next}`)
    if (type !== 'tRNS') {
      kept.set(bytes.subarray(at, next), end)
      end += next - at
    }
    if (type === 'IEND') return kept.subarray(0, end)
    at = next
  }
}

/**
 * RGB pixels of any PNG: gray is replicated, palettes looked up, alpha dropped, 1, 2 and 4 bits spread over 0..255.
 * 16 bits become the high byte, as PIL does for colour; PIL's convert('RGB') of 16-bit gray clips at 255 instead,
 * which turns radiographs white, and is not followed.
 */
export function decodePng(bytes: Uint8Array, name: string): Image {
  const file = wholeAndOpaque(bytes, name)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  check(
    file.length >= 33 && view.getUint32(12) === 0x49484452,
    `${name}: must begin with a PNG header, got another chunk`,
  )
  const width = view.getUint32(16)
  const height = view.getUint32(20)
  check(
    width > 0 && height > 0 && width * height <= MAX_PIXELS,
    `${name}: must have 1 to ${MAX_PIXELS / 1e6} million pixels, got ${width} × ${height}`,
  )
  const shift = file[24] === 16 ? 8 : 0
  let rgba: ArrayLike<number>
  try {
    rgba = readPng(file, { skipRescale: shift > 0 })
  } catch (error) {
    throw new RadiogradError(`${name}: must be a readable PNG file, got '${(error as Error).message}'`)
  }
  const data = new Uint8Array(width * height * 3)
  for (let i = 0, o = 0; o < data.length; i += 4, o += 3) {
    data[o] = rgba[i] >> shift
    data[o + 1] = rgba[i + 1] >> shift
    data[o + 2] = rgba[i + 2] >> shift
  }
  return { width, height, data }
}
