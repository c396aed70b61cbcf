// Just enough of zip to read what torch.save writes, by the rules of the reader that PyTorch uses (miniz), and stricter
// where a small file could stand for a large one: entries may not overlap nor share a name, and are checked by size and
// CRC.
import { Inflate } from 'fflate'
import type { Budget } from '../util/budget.js'
import { fileError, printable } from '../util/check.js'
import { crc32 } from '../util/crc32.js'
import type { ByteSource } from './source.js'

/** One file in the archive. */
export interface ZipEntry {
  /** In bytes, unpacked, as the directory says. */
  readonly size: number
  /** The content, checked; a view of the source where that is memory. Its size is spent from the budget. */
  read(): Promise<Uint8Array>
}

/** What a zip may cost. */
export type ZipCosts = 'entries' | 'bytes unpacked'

const UNREADABLE = 0x2061 // bits of an entry's flags for encryption and patches
const IS_FOLDER = 0x10 // of an entry's attributes
/** miniz cuts longer names. */
const LONGEST_NAME = 511
/** Packed bytes are unpacked this many at a time, so that a bomb is noticed before it has grown. */
const SLICE = 1 << 14

/** Entries by name, in the order of the directory. */
export async function readZip(
  source: ByteSource,
  file: string,
  budget: Budget<ZipCosts>,
): Promise<Map<string, ZipEntry>> {
  const fail = (why: string): never => {
    throw fileError(file, `not a whole zip file, ${why}`)
  }
  const damaged = (fits: boolean) => {
    if (!fits) fail('its directory is damaged')
  }
  const piece = async (from: number, size: number) => {
    damaged(from >= 0 && from + size <= source.size)
    const bytes = await source.read(from, from + size)
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  // The end record is last but for a comment of at most 65535 bytes; one of zip64 may stand before it.
  const tailAt = Math.max(0, source.size - 22 - 65535 - 20)
  const tail = await piece(tailAt, source.size - tailAt)
  let end = tail.byteLength - 22
  while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end--
  if (end < 0) return fail('its directory is missing (was it cut off?)')
  let count = tail.getUint16(end + 10, true)
  let countHere = tail.getUint16(end + 8, true)
  let size = tail.getUint32(end + 12, true)
  let at = tail.getUint32(end + 16, true)
  let disks = [tail.getUint16(end + 4, true), tail.getUint16(end + 6, true)]
  if (end >= 20 && tail.getUint32(end - 20, true) === 0x07064b50) {
    const record = await piece(Number(tail.getBigUint64(end - 12, true)), 56)
    damaged(record.getUint32(0, true) === 0x06064b50)
    const wide = (offset: number) => Number(record.getBigUint64(offset, true))
    disks = [record.getUint32(16, true), record.getUint32(20, true)]
    ;[countHere, count, size, at] = [wide(24), wide(32), wide(40), wide(48)]
  }
  if (count !== countHere || !disks.every((disk) => disk === disks[0] && disk <= 1)) fail('it is a part of several')
  damaged(size >= 46 * count && at + size <= source.size)
  budget.spend('entries', count)

  const directory = await piece(at, size)
  const listed: (Listed & { name: string })[] = []
  for (let i = 0, here = 0; i < count; i++) {
    damaged(here + 46 <= size && directory.getUint32(here, true) === 0x02014b50)
    const nameLength = directory.getUint16(here + 28, true)
    const extraLength = directory.getUint16(here + 30, true)
    const next = here + 46 + nameLength + extraLength + directory.getUint16(here + 32, true)
    damaged(next <= size)
    const nameBytes = new Uint8Array(directory.buffer, directory.byteOffset + here + 46, nameLength)
    const entry = {
      name: new TextDecoder().decode(nameBytes),
      flags: directory.getUint16(here + 8, true),
      method: directory.getUint16(here + 10, true),
      crc: directory.getUint32(here + 16, true),
      packed: directory.getUint32(here + 20, true),
      size: directory.getUint32(here + 24, true),
      offset: directory.getUint32(here + 42, true),
    }
    damaged(readZip64Sizes(directory, here + 46 + nameLength, here + 46 + nameLength + extraLength, entry))
    const stored = entry.method === 0
    damaged(entry.offset + 30 + entry.packed <= source.size && (entry.packed > 0 || entry.size === 0))
    damaged(!stored || entry.packed === entry.size)
    const disk = directory.getUint16(here + 34, true)
    damaged(disk === disks[0] || disk === 1)
    damaged(!(directory.getUint32(here + 38, true) & IS_FOLDER) || entry.size === 0)
    damaged(nameLength <= LONGEST_NAME && !nameBytes.includes(0))
    if (entry.flags & UNREADABLE) fail(`'${printable(entry.name, 60)}' is encrypted`)
    if (!stored && entry.method !== 8) fail(`'${printable(entry.name, 60)}' is packed with method ${entry.method}`)
    listed.push(entry)
    here = next
  }

  const entries = new Map<string, ZipEntry>()
  const byOffset = listed.map(({ offset }) => offset).sort((a, b) => a - b)
  const following = new Map(byOffset.map((offset, i) => [offset, byOffset[i + 1] ?? at]))
  if (following.size !== count) fail('two of its entries lie in one place')
  for (const entry of listed) {
    const shown = printable(entry.name, 60)
    if (entries.has(entry.name)) fail(`'${shown}' is in it twice`)
    entries.set(entry.name, {
      size: entry.size,
      read: async () => {
        budget.spend('bytes unpacked', entry.size)
        const local = await piece(entry.offset, 30)
        if (local.getUint32(0, true) !== 0x04034b50) fail(`'${shown}' is not where it should be`)
        const start = entry.offset + 30 + local.getUint16(26, true) + local.getUint16(28, true)
        if (start + entry.packed > source.size) fail(`'${shown}' is cut off`)
        if (start + entry.packed > following.get(entry.offset)!) fail(`'${shown}' overlaps another entry`)
        const data = await source.read(start, start + entry.packed)
        const content = entry.method === 0 ? data : unpacked(data, entry.size, budget)
        if (!content) return fail(`'${shown}' cannot be unpacked`)
        if (crc32(content) !== entry.crc) fail(`'${shown}' is damaged`)
        return content
      },
    })
  }
  return entries
}

interface Listed {
  flags: number
  method: number
  crc: number
  packed: number
  size: number
  offset: number
}

/** Exactly `size` bytes, or null when it is not that many. */
function unpacked(data: Uint8Array, size: number, budget: Budget<ZipCosts>): Uint8Array | null {
  const out = new Uint8Array(size)
  let have = 0
  let ended = false
  const stream = new Inflate((chunk, final) => {
    if (have + chunk.length <= size) out.set(chunk, have)
    have += chunk.length
    ended ||= final
  })
  try {
    for (let at = 0; at < data.length && have <= size; at += SLICE) {
      stream.push(data.subarray(at, at + SLICE), at + SLICE >= data.length)
      budget.checkTime()
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null // fflate's own
    throw error
  }
  return ended && have === size ? out : null
}

/** Values that did not fit 32 bits, in the order in which they are missing. False where they are not there. */
function readZip64Sizes(view: DataView, from: number, to: number, entry: Listed): boolean {
  const missing = (['size', 'packed', 'offset'] as const).filter((field) => entry[field] === 0xffffffff)
  if (!missing.length) return true
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    const length = view.getUint16(at + 2, true)
    if (at + 4 + length > to) return false
    if (view.getUint16(at, true) !== 1) continue
    if (length < 8 * missing.length) return false
    missing.forEach((field, i) => {
      entry[field] = Number(view.getBigUint64(at + 4 + 8 * i, true))
    })
    return true
  }
  return false
}
