// PNG bytes to RGB, with the meaning of Pillow's convert('RGB'): transparency is dropped,
// not composited. Chunks, filters and interlacing are here (PNG specification, third edition); inflating is the
// platform's. What Pillow forgives is forgiven (unknown chunks, bytes too many, no end), what leaves a pixel undefined
// is not.
import { inflate } from '#platform/inflate'
import { check, fileError } from '../util/check.js'
import { crc32 } from '../util/crc32.js'
import { readOrientation } from './exif.js'
import { checkPixels, type StoredImage } from './image.js'
import { PNG_SIGNATURE } from './signatures.js'

/** Samples a pixel and bit depths of each colour type. */
const KINDS: Record<number, { channels: number; depths: readonly number[] }> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
}
const PALETTE = 3

/** Where the pixels of each pass of an interlaced picture (Adam7) begin, and how far apart they are. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

/** A chunk's type as the number it is stored as. */
const code = (name: string): number => [...name].reduce((n, c) => n * 256 + c.charCodeAt(0), 0)
const nameOf = (type: number): string => String.fromCharCode(...[24, 16, 8, 0].map((shift) => (type >> shift) & 255))
const [IHDR, PLTE, IDAT, IEND, SBIT, EXIF, TRNS] = ['IHDR', 'PLTE', 'IDAT', 'IEND', 'sBIT', 'eXIf', 'tRNS'].map(code)

/** Bytes that a tRNS chunk must have, by colour type: one colour. It changes no picture here, but tells of damage. */
const TRANSPARENT: Record<number, number> = { 0: 2, 2: 6 }

/** Deflate makes at most 258 bytes of two bits. */
const MOST_INFLATION = 1032

interface Header {
  width: number
  height: number
  depth: number
  channels: number
  colour: number
  interlaced: boolean
}

/**
 * RGB pixels of any PNG: gray is replicated, palettes looked up, alpha dropped, 1, 2 and 4 bits spread over 0..255.
 * 16 bits become the high byte, as PIL does for colour; PIL's convert('RGB') of 16-bit gray clips at 255 instead,
 * which turns radiographs white, and is not followed. Gray of fewer bits stored in 16 is scaled by its sBIT chunk;
 * without one the picture comes with a warning.
 * @throws {RadiogradError} beginning with `name`.
 */
export function decodePng(bytes: Uint8Array, name: string, maxPixels: number): StoredImage {
  const { header, palette, significant, orientation, data } = readChunks(bytes, name, maxPixels)
  const { width, height, depth, channels, colour, interlaced } = header
  const passes: Pass[] = (interlaced ? ADAM7 : ([[0, 0, 1, 1]] as const))
    .map(([left, top, dx, dy]) => {
      const across = Math.ceil((width - left) / dx)
      return { left, top, dx, dy, across, down: Math.ceil((height - top) / dy), line: lineBytes(across) }
    })
    .filter(({ across, down }) => across > 0 && down > 0)
  function lineBytes(pixels: number): number {
    return Math.ceil((pixels * channels * depth) / 8)
  }

  const size = passes.reduce((sum, { down, line }) => sum + down * (1 + line), 0)
  const compressed = data.reduce((sum, part) => sum + part.length, 0)
  const missing = (what: string): Error =>
    fileError(name, `must hold its ${width} × ${height} pixels, got ${what}; the file is incomplete or damaged`)
  if (compressed * MOST_INFLATION < size) throw missing(`${compressed} bytes of compressed data`)
  let raw: Uint8Array
  try {
    raw = inflate(joined(data, compressed), size)
  } catch (error) {
    throw missing(`'${(error as Error).message}' while unpacking them`)
  }
  if (raw.length < size) throw missing(`${raw.length} of ${size} bytes`)

  undoFilters(raw, passes, Math.max((channels * depth) >> 3, 1), name)

  const largest = colour === 0 && depth === 16 ? largest16(raw, passes) : 0
  // Gray of `significant` bits that was not spread over sixteen: a file that did as PNG asks has larger values.
  const shift = significant !== undefined && largest < 1 << significant ? significant - 8 : 8
  const rgb = new Uint8Array(3 * width * height)
  const scale = depth < 8 && !palette ? 255 / ((1 << depth) - 1) : 1
  const samples = new Uint8Array(width * channels)
  let at = 0
  for (const { left, top, dx, dy, across, down, line } of passes) {
    for (let y = 0; y < down; y++, at += line) {
      const values = toBytes(raw.subarray(++at, at + line), depth, across * channels, shift, scale, samples)
      let o = 3 * ((top + y * dy) * width + left)
      for (let x = 0, i = 0; x < across; x++, i += channels, o += 3 * dx) {
        if (palette) {
          const entry = 3 * values[i]
          if (entry + 2 >= palette.length) throw outside(values[i], palette.length / 3)
          rgb[o] = palette[entry]
          rgb[o + 1] = palette[entry + 1]
          rgb[o + 2] = palette[entry + 2]
        } else if (channels < 3) rgb[o] = rgb[o + 1] = rgb[o + 2] = values[i]
        else {
          rgb[o] = values[i]
          rgb[o + 1] = values[i + 1]
          rgb[o + 2] = values[i + 2]
        }
      }
    }
  }
  function outside(index: number, colours: number): Error {
    return fileError(name, `must use colours of its palette, got number ${index} of ${colours}`)
  }
  const dark = shift === 8 && largest > 0 && largest < 4096
  return {
    width,
    height,
    data: rgb,
    orientation,
    warning: dark
      ? `${name}: 16-bit gray with values to ${largest} only: almost black; ` +
        'scale it to 16 bits, or give it an sBIT chunk'
      : undefined,
  }
}

interface Contents {
  header: Header
  palette?: Uint8Array
  /** sBIT of gray. */
  significant?: number
  orientation?: number
  /** The contents of the IDAT chunks. */
  data: Uint8Array[]
}

/**
 * Walks the chunks. As in Pillow the checksums up to the pixels count; those of the pixels are left to zlib's own, and
 * behind them nothing can make the file unreadable, not even its end.
 */
function readChunks(bytes: Uint8Array, name: string, maxPixels: number): Contents {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let header: Header | undefined
  let palette: Uint8Array | undefined
  let significant: number | undefined
  let orientation: number | undefined
  const data: Uint8Array[] = []
  let pixelsOver = false
  for (let at = PNG_SIGNATURE.length; ;) {
    if (at + 8 > bytes.length) break
    const type = view.getUint32(at + 4)
    const begin = at + 8
    const end = begin + view.getUint32(at)
    const contents = bytes.subarray(begin, Math.min(end, bytes.length))
    at = end + 4
    check(header || type === IHDR, `${name}: must begin with a PNG header, got another chunk`)
    if (type === IDAT) {
      if (!pixelsOver && contents.length > 0) data.push(contents)
      continue
    }
    if (type === IEND) break
    if (data.length > 0) pixelsOver = true
    else {
      check(at <= bytes.length, `${name}: must be a complete PNG file, got ${bytes.length} bytes without pixels`)
      const right = crc32(bytes.subarray(begin - 4, end)) === view.getUint32(end)
      check(right, () => `${name}: must be an undamaged PNG file, got a wrong checksum of chunk ${nameOf(type)}`)
    }
    if (type === IHDR) {
      check(!header, `${name}: must have one PNG header, got two`)
      header = readHeader(contents, name, maxPixels)
    } else if (type === PLTE && header!.colour === PALETTE) {
      check(!palette && !data.length, `${name}: must have one palette before its pixels, got another place for it`)
      check(contents.length <= 768, `${name}: must have a palette of at most 256 colours, got ${contents.length} bytes`)
      palette = contents
    } else if (type === TRNS && header!.colour in TRANSPARENT && !data.length) {
      const least = TRANSPARENT[header!.colour]
      check(contents.length >= least, `${name}: must have ${least} bytes of transparency, got ${contents.length}`)
    } else if (type === SBIT && header!.colour === 0) significant = contents[0]
    else if (type === EXIF) orientation = readOrientation(contents)
  }
  check(header, `${name}: must be a complete PNG file, got ${bytes.length} bytes without a header`)
  check(data.length > 0, `${name}: must be a complete PNG file, got ${bytes.length} bytes without pixels`)
  check(palette || header.colour !== PALETTE, `${name}: must have a palette for its colour numbers, got none`)
  if (significant !== undefined && (significant < 8 || significant > 16)) significant = undefined
  return { header, palette, significant, orientation, data }
}

function readHeader(contents: Uint8Array, name: string, maxPixels: number): Header {
  check(contents.length >= 13, `${name}: must have a PNG header of 13 bytes, got ${contents.length}`)
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength)
  const [width, height] = [view.getUint32(0), view.getUint32(4)]
  const [depth, colour, compression, filter, interlace] = contents.subarray(8, 13)
  check(width > 0 && height > 0, `${name}: must not be empty, got ${width} × ${height} pixels`)
  checkPixels(name, width, height, maxPixels)
  const kind = KINDS[colour]
  check(
    kind?.depths.includes(depth),
    `${name}: must have a colour type and depth that PNG knows, got type ${colour} of ${depth} bits`,
  )
  check(
    compression === 0 && filter === 0 && interlace < 2,
    `${name}: must use PNG's methods, got compression ${compression}, filter ${filter}, interlace ${interlace}`,
  )
  return { width, height, depth, colour, channels: kind.channels, interlaced: interlace === 1 }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** One of the parts in which an interlaced picture is stored; any other is one part. */
interface Pass {
  /** First pixel, and the distance to the next ones. */
  left: number
  top: number
  dx: number
  dy: number
  /** Pixels, and bytes in a row. */
  across: number
  down: number
  line: number
}

/** Undoes the rows' filters in place; `bpp` is the distance to the byte that counts as left. */
function undoFilters(raw: Uint8Array, passes: readonly Pass[], bpp: number, name: string): void {
  let at = 0
  for (const { down, line } of passes) {
    let above: Uint8Array = new Uint8Array(line)
    for (let y = 0; y < down; y++, at += line) {
      const filter = raw[at++]
      check(filter <= 4, () => `${name}: must use PNG's filters 0 to 4, got ${filter}; the file is damaged`)
      const row = raw.subarray(at, at + line)
      unfilter(filter, row, above, bpp)
      above = row
    }
  }
}

/** Undoes a row's filter in place; `bpp` is the distance to the sample on the left. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, bpp: number): void {
  const n = row.length
  switch (filter) {
    case 1:
      for (let i = bpp; i < n; i++) row[i] += row[i - bpp]
      break
    case 2:
      for (let i = 0; i < n; i++) row[i] += above[i]
      break
    case 3:
      for (let i = 0; i < n; i++) row[i] += ((i < bpp ? 0 : row[i - bpp]) + above[i]) >> 1
      break
    case 4:
      for (let i = 0; i < n; i++) {
        const a = i < bpp ? 0 : row[i - bpp]
        const b = above[i]
        const c = i < bpp ? 0 : above[i - bpp]
        const pa = Math.abs(b - c)
        const pb = Math.abs(a - c)
        const pc = Math.abs(a + b - 2 * c)
        row[i] += pa <= pb && pa <= pc ? a : pb <= pc ? b : c
      }
  }
}

/** The largest sample of a gray picture of 16 bits. */
function largest16(raw: Uint8Array, passes: readonly Pass[]): number {
  let most = 0
  let at = 0
  for (const { down, line } of passes) {
    for (let y = 0; y < down; y++) {
      for (const end = ++at + line; at < end; at += 2) most = Math.max(most, (raw[at] << 8) | raw[at + 1])
    }
  }
  return most
}

/** The first `count` samples of a row as bytes: 16 bits shifted down, fewer than 8 unpacked and scaled. */
function toBytes(
  row: Uint8Array,
  depth: number,
  count: number,
  shift: number,
  scale: number,
  out: Uint8Array,
): Uint8Array {
  if (depth === 8) return row
  if (depth === 16) {
    for (let i = 0; i < count; i++) out[i] = ((row[2 * i] << 8) | row[2 * i + 1]) >> shift
  } else {
    const mask = (1 << depth) - 1
    for (let i = 0, bit = 0; i < count; i++, bit += depth)
      out[i] = ((row[bit >> 3] >> (8 - depth - (bit & 7))) & mask) * scale
  }
  return out
}
