// PNG and JPEG files made for tests, right or wrong in any way. Not a test.
import { deflateSync } from 'node:zlib'
import { crc32 } from '../../src/util/crc32.js'

/** A PNG chunk with its checksum. */
export function chunk(type: string, contents: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(contents.length + 12)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, contents.length)
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i)
  bytes.set(contents, 8)
  view.setUint32(8 + contents.length, crc32(bytes.subarray(4, 8 + contents.length)))
  return bytes
}

interface PngOptions {
  width: number
  height: number
  /** 8. */
  depth?: number
  /** Colour type; 0, gray. */
  colour?: number
  /** Filtered rows to pack; null for no pixels. */
  raw?: Uint8Array | null
  /** Chunks between the header and the pixels. */
  before?: Uint8Array[]
  /** Chunks behind the pixels; the end alone. */
  after?: Uint8Array[]
}

function header({ width, height, depth = 8, colour = 0 }: PngOptions): Uint8Array {
  const contents = new Uint8Array(13)
  new DataView(contents.buffer).setUint32(0, width)
  new DataView(contents.buffer).setUint32(4, height)
  contents.set([depth, colour], 8)
  return contents
}

/** A PNG file. */
export function png(options: PngOptions): Uint8Array {
  const { raw, before = [], after = [chunk('IEND', new Uint8Array())] } = options
  const pixels = raw ? [chunk('IDAT', deflateSync(raw))] : []
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    chunk('IHDR', header(options)),
    ...before,
    ...pixels,
    ...after,
  ])
}
png.header = header

/** A part of a JPEG file: a segment and, for a scan, the coded data behind it. */
interface Part {
  marker: number
  contents: Uint8Array
  tail: ArrayLike<number>
}

/** The bytes of one JPEG segment. */
export const segment = (marker: number, contents: ArrayLike<number>): number[] => {
  const length = contents.length + 2
  return [0xff, marker, length >> 8, length & 255, ...Array.from(contents)]
}

/** The segments of a whole JPEG file, without its start and end. */
export function segments(bytes: Uint8Array): Part[] {
  const parts: Part[] = []
  for (let at = 2; bytes[at + 1] !== 0xd9;) {
    const marker = bytes[at + 1]
    const end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3])
    let next = end
    if (marker === 0xda) {
      const coded = (i: number): boolean => bytes[i] !== 0xff || bytes[i + 1] === 0 || (bytes[i + 1] & 0xf8) === 0xd0
      while (coded(next)) next++
    }
    parts.push({ marker, contents: bytes.slice(at + 4, end), tail: bytes.slice(end, next) })
    at = next
  }
  return parts
}

/** A copy of a JPEG file with its parts changed by `edit`. */
export function withSegments(bytes: Uint8Array, edit: (parts: Part[]) => void): Uint8Array {
  const parts = segments(bytes)
  edit(parts)
  const middle = parts.flatMap(({ marker, contents, tail }) => [...segment(marker, contents), ...Array.from(tail)])
  return Uint8Array.from([0xff, 0xd8, ...middle, 0xff, 0xd9])
}
