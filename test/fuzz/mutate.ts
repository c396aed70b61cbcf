// Seeded changes to the bytes of a file, for fuzzers.
import type { Random } from '../../src/util/random.js'

/** One of a list. */
export const pick = <T>(random: Random, from: readonly T[]): T => from[random.integer(from.length)]

/** A copy with one to `most` changes: bits, bytes, cuts, insertions, repeats and numbers that are likely to matter. */
export function mutate(bytes: Uint8Array, random: Random, most = 8): Uint8Array {
  let out = Uint8Array.from(bytes)
  for (let changes = 1 + random.integer(most); changes > 0; changes--) {
    const at = random.integer(Math.max(1, out.length))
    const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
    switch (random.integer(9)) {
      case 0:
        out[at] ^= 1 << random.integer(8)
        break
      case 1:
        out[at] = random.integer(256)
        break
      case 2:
        out[at] = pick(random, [0, 1, 0x7f, 0x80, 0xfe, 0xff])
        break
      case 3:
        out = out.slice(0, at)
        break
      case 4: {
        const inserted = Uint8Array.from({ length: 1 + random.integer(16) }, () => random.integer(256))
        out = Uint8Array.from([...out.subarray(0, at), ...inserted, ...out.subarray(at)])
        break
      }
      case 5:
        out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(at + 1 + random.integer(32))])
        break
      case 6: {
        const from = random.integer(Math.max(1, out.length))
        out.copyWithin(at, from, from + random.integer(64))
        break
      }
      case 7: {
        const value = pick(random, [0, 1, 0xffffffff, 0x7fffffff, 0x80000000, out.length, 65535])
        if (at + 4 <= out.length) view.setUint32(at, value, random.integer(2) === 0)
        break
      }
      default: {
        const value = pick(random, [0n, 0xffffffffffffffffn, 0x7fffffffffffffffn, 1n << 53n, BigInt(out.length)])
        if (at + 8 <= out.length) view.setBigUint64(at, value, true)
      }
    }
  }
  return out
}
