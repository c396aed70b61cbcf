// Just enough of zip to read what torch.save writes: entries of the central directory, stored or deflated, checked by
// size and CRC.
import { inflateSync } from 'fflate'
import { RadiogradError } from '../util/check.js'
import { crc32 } from '../util/crc32.js'

/** Entries by name. Stored ones are views of `bytes`. */
export function readZip(bytes: Uint8Array, file: string): Map<string, () => Uint8Array> {
  const fail = (why: string): never => {
    throw new RadiogradError(`${file}: not a whole zip file, ${why}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = findEnd(view)
  if (end < 0) return fail('its directory is missing (was it cut off?)')
  let count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  if (at === 0xffffffff || count === 0xffff) {
    // zip64: a locator before the end record points at the large one.
    const locator = end - 20
    if (locator < 0 || view.getUint32(locator, true) !== 0x07064b50) return fail('its zip64 directory is missing')
    const record = Number(view.getBigUint64(locator + 8, true))
    if (record + 56 > bytes.length || view.getUint32(record, true) !== 0x06064b50)
      return fail('its zip64 directory is damaged')
    count = Number(view.getBigUint64(record + 32, true))
    at = Number(view.getBigUint64(record + 48, true))
  }
  const entries = new Map<string, () => Uint8Array>()
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) return fail('its directory is damaged')
    const entry = {
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    }
    const nameLength = view.getUint16(at + 28, true)
    const extraLength = view.getUint16(at + 30, true)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
    readZip64Sizes(view, at + 46 + nameLength, Math.min(at + 46 + nameLength + extraLength, bytes.length), entry)
    at += 46 + nameLength + extraLength + view.getUint16(at + 32, true)
    entries.set(name, () => {
      const { offset, packed, size } = entry
      if (offset + 30 > bytes.length || view.getUint32(offset, true) !== 0x04034b50)
        return fail(`'${name}' is not where it should be`)
      const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true)
      if (start + packed > bytes.length) return fail(`'${name}' is cut off`)
      const data = bytes.subarray(start, start + packed)
      let content = data
      if (entry.method === 8) {
        try {
          content = inflateSync(data, { out: new Uint8Array(size) })
        } catch {
          return fail(`'${name}' cannot be unpacked`)
        }
      } else if (entry.method !== 0) return fail(`'${name}' is packed with method ${entry.method}`)
      if (content.length !== size || crc32(content) !== entry.crc) return fail(`'${name}' is damaged`)
      return content
    })
  }
  return entries
}

/** The end record: it is last but for a comment of at most 65535 bytes. */
function findEnd(view: DataView): number {
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 65535); at--)
    if (view.getUint32(at, true) === 0x06054b50) return at
  return -1
}

/** Values that did not fit 32 bits, in the order in which they are missing. */
function readZip64Sizes(
  view: DataView,
  from: number,
  to: number,
  entry: { packed: number; size: number; offset: number },
): void {
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue
    let value = at + 4
    for (const field of ['size', 'packed', 'offset'] as const) {
      if (entry[field] !== 0xffffffff || value + 8 > to) continue
      entry[field] = Number(view.getBigUint64(value, true))
      value += 8
    }
  }
}
