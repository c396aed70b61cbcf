// Inflating no more of a zlib stream than is asked for, with fflate: in a page, and in Node for streams that hold more.
import { Inflate } from 'fflate'

/** Bytes given to fflate at a time; each can become a thousand. */
const STEP = 16384

/**
 * The first `size` bytes of a zlib stream, fewer where it ends before. What follows is not looked at, however much.
 * @throws Error where the data are damaged, zlib's checksum included.
 */
export function inflateStart(data: Uint8Array, size: number): Uint8Array {
  const [method, flags] = data
  if ((method & 15) !== 8 || method >> 4 > 7 || ((method << 8) | flags) % 31 !== 0 || (flags & 32) !== 0)
    throw new Error('incorrect header check')
  const out = new Uint8Array(size)
  let length = 0
  let more = false
  const stream = new Inflate((part) => {
    const room = size - length
    more ||= part.length > room
    out.set(part.length > room ? part.subarray(0, room) : part, length)
    length += Math.min(part.length, room)
  })
  for (let at = 2; at < data.length && !more; at += STEP) stream.push(data.subarray(at, at + STEP))
  // fflate does not say where the stream ended, so its checksum is looked for. Cut short, it has none.
  if (length === size && !more && !holdsChecksum(data, adler32(out))) throw new Error('incorrect data check')
  return out.subarray(0, length)
}

function adler32(bytes: Uint8Array): number {
  let a = 1
  let b = 0
  for (let i = 0; i < bytes.length;) {
    // So many sums stay below 2³².
    for (const end = Math.min(i + 3800, bytes.length); i < end; i++) {
      a += bytes[i]
      b += a
    }
    a %= 65521
    b %= 65521
  }
  return ((b << 16) | a) >>> 0
}

function holdsChecksum(data: Uint8Array, sum: number): boolean {
  for (let at = data.length - 4; at >= 2; at--) {
    if (data[at] !== sum >>> 24 || data[at + 1] !== ((sum >> 16) & 255)) continue
    if (data[at + 2] === ((sum >> 8) & 255) && data[at + 3] === (sum & 255)) return true
  }
  return false
}
