// Damaged PNG and JPEG files, from the fixtures: bytes changed anywhere, and parts changed whose checksums are right.
import { readdirSync } from 'node:fs'
import { deflateSync, inflateSync } from 'node:zlib'
import { decodeImage } from '../../src/data/decode.js'
import { Random } from '../../src/util/random.js'
import { fixture, fixturePath } from '../data/fixtures.js'
import { chunk, withSegments } from '../data/made.js'
import type { Campaign } from './campaign.js'
import { mutate, pick } from './mutate.js'

const names = readdirSync(fixturePath('')).sort()
// Copies: a slice of what was read from a file shares its bytes.
const seeds = (ending: string) => names.filter((n) => n.endsWith(ending)).map((n) => Uint8Array.from(fixture(n)))
const jpegs = seeds('.jpeg')
const pngs = seeds('.png')
const SIGNATURE = pngs[0].slice(0, 8)

interface Chunk {
  type: string
  contents: Uint8Array
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const chunks: Chunk[] = []
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const contents = bytes.slice(at + 8, at + 8 + view.getUint32(at))
    chunks.push({ type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), contents })
  }
  return chunks
}
const pngOf = (chunks: Chunk[]): Uint8Array =>
  Uint8Array.from(Buffer.concat([SIGNATURE, ...chunks.map((c) => chunk(c.type, c.contents))]))

function damagedPng(random: Random, kind: number): Uint8Array {
  const bytes = pick(random, pngs)
  if (kind === 0) return mutate(bytes, random)
  const chunks = chunksOf(bytes)
  const at = random.integer(chunks.length)
  const header = chunks[0].contents
  if (kind === 1) chunks[at].contents = mutate(chunks[at].contents, random, 3)
  else if (kind === 2) {
    const place = random.integer(13)
    const large = place < 8 && place % 4 < 3
    header[place] = large ? random.integer(2) : pick(random, [0, 1, 2, 3, 4, 6, 8, 16, 255, random.integer(256)])
  } else if (kind === 3) {
    const other = random.integer(chunks.length)
    const how = random.integer(3)
    if (how === 0) chunks.splice(at, 1)
    else if (how === 1) chunks.splice(other, 0, { ...chunks[at], contents: mutate(chunks[at].contents, random, 2) })
    else [chunks[at], chunks[other]] = [chunks[other], chunks[at]]
  } else if (kind === 4) {
    const pixels = chunks.filter((c) => c.type === 'IDAT').map((c) => c.contents)
    const contents = deflateSync(mutate(inflateSync(Buffer.concat(pixels)), random, 3))
    const rest = chunks.filter((c) => c.type !== 'IDAT')
    rest.splice(-1, 0, { type: 'IDAT', contents })
    return pngOf(rest)
  } else chunks.splice(1 + random.integer(chunks.length - 1), 0, { type: 'IHDR', contents: mutate(header, random, 2) })
  return pngOf(chunks)
}

function damagedJpeg(random: Random, kind: number): Uint8Array {
  const bytes = pick(random, jpegs)
  if (kind === 0) return mutate(bytes, random)
  if (kind === 1) return mutate(bytes, random, 1)
  return withSegments(bytes, (parts) => {
    const at = random.integer(parts.length)
    const part = parts[at]
    if (kind === 2) {
      const frame = parts.find((p) => p.marker === 0xc0 || p.marker === 0xc2)!
      const values = [0, 1, 2, 3, 4, 0x11, 0x12, 0x21, 0x22, 0x44, 0xff, random.integer(256)]
      frame.contents[random.integer(frame.contents.length)] = pick(random, values)
    } else if (kind === 3) {
      if (random.integer(2)) parts.splice(at, 1)
      else parts.splice(random.integer(parts.length), 0, { ...part, contents: mutate(part.contents, random, 1) })
    } else if (kind === 4) part.contents = mutate(part.contents, random, 2)
    else {
      const scans = parts.filter((p) => p.marker === 0xda)
      const scan = pick(random, scans)
      scan.tail = mutate(Uint8Array.from(scan.tail), random, 3)
    }
  })
}

type Picture = Awaited<ReturnType<typeof decodeImage>>

export const campaign: Campaign<Picture> = {
  make(index) {
    const random = new Random(index, 0xf022)
    return (index % 2 ? damagedJpeg : damagedPng)(random, (index >> 1) % 6)
  },
  async read(bytes) {
    const image = await decodeImage(bytes, 'x')
    // The same again: nothing comes from memory that was not written.
    const again = await decodeImage(bytes, 'x')
    if (Buffer.compare(image.data, again.data) !== 0) throw new Error('two readings differ')
    return image
  },
  wrong: (_, { width, height, data }) =>
    data.length === 3 * width * height ? undefined : `${data.length} bytes for ${width} × ${height}`,
  summary: ({ width, height, data }) => ({ width, height, rgb: Buffer.from(data).toString('base64') }),
}
