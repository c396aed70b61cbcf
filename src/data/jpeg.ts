// JPEG bytes to RGB as libjpeg and Pillow read them: sequential and progressive Huffman frames of 8 bits, gray or three
// components. Here are the segments, the limits and the colours; the coded data are in jpegScan.ts, blocks and
// enlarging in jpegSamples.ts. Why not a library: those in JavaScript keep 600 bytes for each block of 64 samples,
// repeat chroma instead of interpolating it, and pass damaged data as pictures.
import { check, fileError } from '../util/check.js'
import { readOrientation } from './exif.js'
import { checkPixels, type StoredImage } from './image.js'
import { accurateInverseDct, enlarge, inverseDct, reducedInverseDct } from './jpegSamples.js'
import { type Component, decodeScan, type Huffman, huffman, nextMarker, type Scan, ZIGZAG } from './jpegScan.js'

/** More scans than any encoder writes; each one costs a pass over the picture. */
const MOST_SCANS = 100

/** Frame headers that are not read, by the low digit of their marker; see T.81, table B.1. */
const OTHER_FRAMES: Record<number, string> = {
  3: 'lossless',
  5: 'hierarchical',
  6: 'hierarchical progressive',
  7: 'hierarchical lossless',
  9: 'arithmetic-coded',
  10: 'arithmetic-coded progressive',
  11: 'arithmetic-coded lossless',
  13: 'arithmetic-coded hierarchical',
  14: 'arithmetic-coded hierarchical progressive',
  15: 'arithmetic-coded hierarchical lossless',
}

/** Markers that stand for nothing a picture has (T.81, table B.1); what follows them has no meaning. */
const isUnknown = (marker: number): boolean =>
  (marker > 0x01 && marker < 0xc0) || [0xc8, 0xde, 0xdf].includes(marker) || (marker >= 0xf0 && marker <= 0xfd)

interface Frame {
  progressive: boolean
  width: number
  height: number
  components: Component[]
  maxH: number
  maxV: number
  /** MCUs across and down. */
  mcus: readonly [number, number]
  /** Samples across a block: 8, or fewer for a smaller picture. */
  side: number
}

const ascii = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length))

/**
 * RGB pixels of a JPEG file; gray is replicated. Against libjpeg (Pillow): gray within one level and colour within two
 * (another inverse DCT), enlarged chroma included. A file that is cut or damaged in any way that can be told is
 * refused.
 * @param leastSide the picture may come at a half, a quarter or an eighth, as long as no side is shorter than this: its
 *   gray levels are the means there, chroma that the file has less of is softer.
 * @throws {RadiogradError} beginning with `name`.
 */
export function decodeJpeg(
  bytes: Uint8Array,
  name: string,
  maxPixels: number,
  leastSide: number = Infinity,
): StoredImage {
  const damaged = (what: string): Error => fileError(name, `must be a complete, undamaged JPEG file, got ${what}`)
  const word = (at: number): number => (bytes[at] << 8) | bytes[at + 1]
  const quantization: (Int32Array | undefined)[] = []
  const tables: { dc: (Huffman | undefined)[]; ac: (Huffman | undefined)[] } = { dc: [], ac: [] }
  let frame: Frame | undefined
  let interval = 0
  let scans = 0
  let jfif = false
  let adobe: number | undefined
  let orientation: number | undefined
  let exif = false

  for (let at = 2; ;) {
    // Whatever stands between segments is passed over, as libjpeg does; so are fill bytes.
    at = nextMarker(bytes, at)
    while (bytes[at + 1] === 0xff) at++
    const marker = bytes[at + 1]
    if (marker === undefined) {
      throw damaged(`${bytes.length} bytes without ${!frame ? 'a frame header' : !scans ? 'a scan' : 'an end'}`)
    }
    if (marker === 0xd9) break
    if ((marker >= 0xd0 && marker <= 0xd8) || marker === 0x01) {
      at += 2 // no contents
      continue
    }
    if (isUnknown(marker)) throw damaged(`marker ff ${marker.toString(16).padStart(2, '0')}`)
    const start = at + 4
    const end = at + 2 + word(at + 2)
    if (start > bytes.length || end > bytes.length || end < start) throw damaged('an early end of a segment')
    at = end
    if (marker === 0xe0 && end - start >= 14 && ascii(bytes, start, 5) === 'JFIF\0') jfif = true
    else if (marker === 0xee && end - start >= 12 && ascii(bytes, start, 5) === 'Adobe') adobe = bytes[start + 11]
    else if (marker === 0xe1 && !exif && ascii(bytes, start, 6) === 'Exif\0\0') {
      exif = true
      orientation = readOrientation(bytes.subarray(start + 6, end))
    } else if (marker === 0xdb) readQuantization(bytes.subarray(start, end))
    else if (marker === 0xc4) readHuffman(bytes.subarray(start, end))
    else if (marker === 0xdd) {
      if (end - start !== 2) throw damaged('a bad restart interval')
      interval = word(start)
    } else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) {
      if (frame) throw damaged('a second frame header')
      frame = readFrame(marker, bytes.subarray(start, end), bytes.length - end)
    } else if (marker === 0xda) at = readScan(bytes.subarray(start, end), end)
  }
  if (!frame || scans === 0) throw damaged(`${bytes.length} bytes without ${frame ? 'a scan' : 'a frame header'}`)
  const unfinished = frame.components.find((c) => c.bits.some((low) => low !== 0))
  if (unfinished) throw damaged('scans that leave out part of the picture')
  return { ...toRgb(frame), orientation }

  function readQuantization(segment: Uint8Array): void {
    for (let at = 0; at < segment.length;) {
      const wide = segment[at] >> 4
      const slot = segment[at++] & 15
      if (wide > 1 || slot > 3 || at + 64 * (wide + 1) > segment.length) throw damaged('a bad quantization table')
      const table = new Int32Array(64)
      for (let k = 0; k < 64; k++, at += wide + 1)
        table[ZIGZAG[k]] = wide ? (segment[at] << 8) | segment[at + 1] : segment[at]
      quantization[slot] = table
    }
  }

  function readHuffman(segment: Uint8Array): void {
    for (let at = 0; at < segment.length;) {
      const kind = segment[at] >> 4
      const slot = segment[at] & 15
      const counts = segment.subarray(at + 1, at + 17)
      const total = counts.reduce((sum, n) => sum + n, 0)
      const next = at + 17 + total
      if (kind > 1 || slot > 3 || total > 256 || next > segment.length) throw damaged('a bad Huffman table')
      try {
        const symbols = segment.subarray(at + 17, next)
        if (kind === 0 && symbols.some((bits) => bits > 15)) throw new Error('a bad Huffman table')
        tables[kind === 0 ? 'dc' : 'ac'][slot] = huffman(counts, symbols)
      } catch (error) {
        throw damaged((error as Error).message)
      }
      at = next
    }
  }

  function readFrame(marker: number, segment: Uint8Array, left: number): Frame {
    const kind = OTHER_FRAMES[marker & 15]
    check(
      !kind,
      `${name}: must be a baseline or progressive JPEG, got ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind} one`,
    )
    const [precision, h1, h0, w1, w0, count] = segment
    if (segment.length < 6 || segment.length !== 6 + 3 * count) throw damaged('a frame header of the wrong length')
    const height = (h1 << 8) | h0
    const width = (w1 << 8) | w0
    const cmyk = adobe === 2 ? 'YCCK' : 'CMYK'
    check(count !== 4, `${name}: must be a gray or RGB JPEG, got 4 components (${cmyk}); convert it to RGB`)
    check(count === 1 || count === 3, `${name}: must be a gray or RGB JPEG, got ${count} components`)
    check(precision === 8, `${name}: must be a JPEG of 8 bits per channel, got ${precision}`)
    check(height > 0, `${name}: must give its height in the frame header, got 0 (a DNL segment may, which is not read)`)
    check(width > 0, `${name}: must not be empty, got ${width} × ${height} pixels`)
    checkPixels(name, width, height, maxPixels)

    const progressive = marker === 0xc2
    const specs = Array.from({ length: count }, (_, i) => {
      const [id, sampling, table] = segment.subarray(6 + 3 * i)
      // The factors of a component on its own mean nothing: it is coded by blocks.
      const [h, v] = [sampling >> 4, sampling & 15]
      if (h < 1 || h > 4 || v < 1 || v > 4 || table > 3) throw damaged(`sampling factors ${h} × ${v}`)
      if (count === 1) return { first: true, id, h: 1, v: 1, table }
      return { first: i === 0, id, h, v, table }
    })
    if (new Set(specs.map((c) => c.id)).size < count) throw damaged('two components of one name')
    const maxH = Math.max(...specs.map((c) => c.h))
    const maxV = Math.max(...specs.map((c) => c.v))
    for (const { h, v } of specs)
      check(
        maxH % h === 0 && maxV % v === 0,
        `${name}: must have sampling factors that divide the largest, got ${h} × ${v} of ${maxH} × ${maxV}`,
      )
    const mcus = [Math.ceil(width / (8 * maxH)), Math.ceil(height / (8 * maxV))] as const
    const blocks = specs.reduce((sum, c) => sum + c.h * c.v, 0) * mcus[0] * mcus[1]
    // A block takes one bit for its mean and, in a sequential frame, one to say that no more follow.
    const least = Math.floor((blocks * (progressive ? 1 : 2)) / 16)
    check(left >= least, `${name}: must hold its ${width} × ${height} pixels, got ${left} bytes of coded data`)
    const side = [1, 2, 4].find((n) => Math.floor((Math.min(width, height) * n) / 8) >= leastSide) ?? 8
    const components = specs.map((c): Component => {
      const [stride, rows] = [mcus[0] * c.h, mcus[1] * c.v]
      const [across, down] = [Math.ceil((width * c.h) / maxH), Math.ceil((height * c.v) / maxV)]
      return {
        ...c,
        width: Math.ceil((across * side) / 8),
        height: Math.ceil((down * side) / 8),
        blocksAcross: Math.ceil(across / 8),
        blocksDown: Math.ceil(down / 8),
        stride,
        rows,
        quantization: undefined,
        coefficients: progressive ? new Int16Array(64 * stride * rows) : undefined,
        samples: new Uint8Array(progressive ? 0 : side ** 2 * stride * rows),
        bits: new Int8Array(64).fill(-1),
        dc: undefined,
        ac: undefined,
        prediction: 0,
      }
    })
    const small = (length: number) => Math.ceil((length * side) / 8)
    return { progressive, width: small(width), height: small(height), components, maxH, maxV, mcus, side }
  }

  /** Checks a scan's header against what came before it and decodes it; returns where the next segment begins. */
  function readScan(segment: Uint8Array, at: number): number {
    if (!frame) throw damaged('a scan before the frame header')
    const { progressive, side } = frame
    if (++scans > MOST_SCANS) throw damaged(`more than ${MOST_SCANS} scans`)
    const count = segment[0]
    if (count < 1 || count > 3 || segment.length !== 4 + 2 * count) throw damaged('a bad scan header')
    const components = Array.from({ length: count }, (_, i) => {
      const component = frame!.components.find((c) => c.id === segment[1 + 2 * i])
      if (!component) throw damaged('a scan of a component that the frame does not have')
      component.dc = tables.dc[segment[2 + 2 * i] >> 4]
      component.ac = tables.ac[segment[2 + 2 * i] & 15]
      component.quantization ??= quantization[component.table]
      return component
    })
    if (new Set(components).size < count) throw damaged('a scan with one component twice')
    if (count > 1 && components.reduce((sum, c) => sum + c.h * c.v, 0) > 10) throw damaged('more than 10 blocks an MCU')
    const rest = 1 + 2 * count
    const scan: Scan = progressive
      ? {
          components,
          from: segment[rest],
          to: segment[rest + 1],
          high: segment[rest + 2] >> 4,
          low: segment[rest + 2] & 15,
        }
      : { components, from: 0, to: 63, high: 0, low: 0 }
    const { from, to, high, low } = scan
    const band = from === 0 ? to === 0 || !progressive : count === 1 && from <= to && to < 64
    if (!band || low > 13 || (high > 0 && high !== low + 1)) throw damaged('a bad scan header')
    for (const c of components) {
      if (!c.quantization) throw damaged('no quantization table')
      if (from === 0 && high === 0 && !c.dc) throw damaged('no Huffman table')
      if ((to > 0 || !progressive) && !c.ac) throw damaged('no Huffman table')
      for (let k = from; k <= to; k++) {
        if (c.bits[k] !== (high === 0 ? -1 : high) || (from > 0 && c.bits[0] < 0)) throw damaged('a scan out of order')
        c.bits[k] = low
      }
    }
    try {
      return decodeScan(bytes, at, scan, progressive, frame.mcus, interval, (c, block, last, row, column) =>
        transformOf(c, side)(block, 0, last, c.quantization!, c.samples, ...placeOf(c, side, row, column)),
      )
    } catch (error) {
      throw damaged((error as Error).message)
    }
  }

  function toRgb({ width, height, components, maxH, maxV, side }: Frame): {
    width: number
    height: number
    data: Uint8Array
  } {
    for (const c of components) if (c.coefficients) transformAll(c, side)
    const data = new Uint8Array(3 * width * height)
    const [c0] = components
    if (components.length === 1) {
      for (let y = 0, o = 0; y < height; y++) {
        for (let x = 0, i = side * c0.stride * y; x < width; x++, i++, o += 3) {
          data[o] = data[o + 1] = data[o + 2] = c0.samples[i]
        }
      }
      return { width, height, data }
    }
    const readers = components.map((c) => enlarge(c, maxH, maxV, side))
    const [first, second, third] = readers.map(() => new Uint8Array(width + 4))
    const names = components.map((c) => String.fromCharCode(c.id)).join('')
    const rgb = !jfif && (adobe === undefined ? names === 'RGB' : adobe === 0)
    for (let y = 0, o = 0; y < height; y++) {
      readers[0](y, first)
      readers[1](y, second)
      readers[2](y, third)
      for (let x = 0; x < width; x++, o += 3) {
        if (rgb) {
          data[o] = first[x]
          data[o + 1] = second[x]
          data[o + 2] = third[x]
          continue
        }
        // libjpeg's jdcolor.c: 16-bit fixed point, rounded.
        const luma = first[x]
        const cb = second[x] - 128
        const cr = third[x] - 128
        const r = luma + ((91881 * cr + 32768) >> 16)
        const g = luma + ((-22554 * cb - 46802 * cr + 32768) >> 16)
        const b = luma + ((116130 * cb + 32768) >> 16)
        data[o] = r < 0 ? 0 : r > 255 ? 255 : r
        data[o + 1] = g < 0 ? 0 : g > 255 ? 255 : g
        data[o + 2] = b < 0 ? 0 : b > 255 ? 255 : b
      }
    }
    return { width, height, data }
  }
}

/** See jpegSamples.ts for why there are two of whole size. */
const transformOf = (c: Component, side: number): typeof inverseDct =>
  side < 8 ? reducedInverseDct(side) : c.first ? inverseDct : accurateInverseDct

/** Where a block's samples begin, and how far apart their rows are. */
function placeOf(c: Component, side: number, row: number, column: number): [at: number, stride: number] {
  const line = side * c.stride
  return [side * (line * row + column), line]
}

/** Coefficients that came in several scans to samples. */
function transformAll(c: Component, side: number): void {
  const coefficients = c.coefficients!
  const transform = transformOf(c, side)
  c.samples = new Uint8Array((coefficients.length / 64) * side ** 2)
  for (let row = 0, at = 0; row < c.rows; row++) {
    for (let column = 0; column < c.stride; column++, at += 64) {
      transform(coefficients, at, 63, c.quantization!, c.samples, ...placeOf(c, side, row, column))
    }
  }
  c.coefficients = undefined
}
