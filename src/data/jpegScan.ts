// The entropy-coded part of a JPEG: Huffman codes to blocks of coefficients, sequential and progressive (ITU T.81,
// annexes F and G). Strict: what libjpeg would paper over with a warning is an error here, so that a damaged picture is
// never taken for a whole one. Headers and colour are in jpeg.ts, blocks to samples in jpegSamples.ts.

/** Position in a block of the k-th coefficient in zigzag order. */
// oxfmt-ignore
export const ZIGZAG = Uint8Array.of(
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45,
  38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
  62, 63,
)

/** Codes up to this length are looked up at once. */
const LOOKUP_BITS = 9

/** The largest numbers of bits of a difference of means and of another coefficient, for 8-bit samples (T.81 F.1.2). */
const MOST_DC_BITS = 11
const MOST_AC_BITS = 10

/** A Huffman table: `lookup` holds length · 256 + symbol of every code of up to nine bits, 0 where there is none. */
export interface Huffman {
  lookup: Uint16Array
  /** For each longer length: one more than its largest code, and what to add to a code for its place in `symbols`. */
  ends: Int32Array
  offsets: Int32Array
  symbols: Uint8Array
}

/** @param counts the number of codes of each length 1 to 16. @throws Error where they are more than fit. */
export function huffman(counts: Uint8Array, symbols: Uint8Array): Huffman {
  const lookup = new Uint16Array(1 << LOOKUP_BITS)
  const ends = new Int32Array(18)
  const offsets = new Int32Array(18)
  for (let length = 1, code = 0, k = 0; length <= 16; length++, code <<= 1) {
    offsets[length] = k - code
    for (let i = 0; i < counts[length - 1]; i++, code++, k++) {
      if (length > LOOKUP_BITS) continue
      const free = LOOKUP_BITS - length
      lookup.fill((length << 8) | symbols[k], code << free, (code + 1) << free)
    }
    // No code may be all ones.
    if (code >= 1 << length) throw new Error('a Huffman table with more codes than fit')
    ends[length] = code
  }
  return { lookup, ends, offsets, symbols }
}

/** One colour component of the frame. Blocks are rows of `stride`, `blocksDown` of which have pixels. */
export interface Component {
  /** Gray or luma, mostly. */
  readonly first: boolean
  readonly id: number
  /** Sampling factors, across and down. */
  readonly h: number
  readonly v: number
  /** Samples that belong to the picture. */
  readonly width: number
  readonly height: number
  /** Blocks that hold them, and all that are stored: whole MCUs. */
  readonly blocksAcross: number
  readonly blocksDown: number
  readonly stride: number
  readonly rows: number
  readonly table: number
  /** Factors of the coefficients, in the order of a block; those in force at the component's first scan. */
  quantization: Int32Array | undefined
  /** Progressive: 64 coefficients for each block. */
  coefficients: Int16Array | undefined
  /** [8 · rows, 8 · stride] samples. */
  samples: Uint8Array
  /** For each coefficient the lowest bit decoded so far; −1 before the first. All zero once it is complete. */
  readonly bits: Int8Array
  dc: Huffman | undefined
  ac: Huffman | undefined
  prediction: number
}

/** What a scan header says. */
export interface Scan {
  components: Component[]
  /** First and last coefficient, in zigzag order. */
  from: number
  to: number
  /** The bit above those decoded before (0 in a first scan), and the lowest bit decoded in this one. */
  high: number
  low: number
}

/** Bits of an entropy-coded stretch, most significant first; past its end they are zeros, which `overrun` tells. */
class Bits {
  private held = 0
  private count = 0
  private invented = 0

  constructor(
    private readonly data: Uint8Array,
    private at: number,
    private readonly end: number,
  ) {}

  private fill(): void {
    while (this.count <= 24) {
      let byte = 0
      if (this.at < this.end) {
        byte = this.data[this.at++]
        if (byte === 0xff) this.at++ // a zero was stuffed behind it
      } else this.invented += 8
      this.held = (this.held << 8) | byte
      this.count += 8
    }
  }

  /** Whether bits were used that the file does not hold. */
  get overrun(): boolean {
    return this.invented > this.count
  }

  /** `n` bits, 0 to 16. */
  take(n: number): number {
    if (this.count < n) this.fill()
    this.count -= n
    return (this.held >>> this.count) & ((1 << n) - 1)
  }

  /** A signed number of `n` bits, 1 to 16 (T.81 F.2.2.1). */
  signed(n: number): number {
    const value = this.take(n)
    return value < 1 << (n - 1) ? value - (1 << n) + 1 : value
  }

  symbol(table: Huffman): number {
    if (this.count < 16) this.fill()
    const hit = table.lookup[(this.held >>> (this.count - LOOKUP_BITS)) & ((1 << LOOKUP_BITS) - 1)]
    if (hit !== 0) {
      this.count -= hit >> 8
      return hit & 255
    }
    for (let length = LOOKUP_BITS + 1; length <= 16; length++) {
      const code = (this.held >>> (this.count - length)) & ((1 << length) - 1)
      if (code < table.ends[length]) {
        this.count -= length
        return table.symbols[code + table.offsets[length]]
      }
    }
    throw new Error('a code that stands for nothing')
  }
}

/**
 * What becomes of a block of a sequential scan once its 64 coefficients are there; `last` is its last that is not 0.
 */
type Finish = (component: Component, block: Int32Array, last: number, row: number, column: number) => void

/** Position of the next marker's 0xff at or after `at`, the end of the data where there is none. */
export function nextMarker(data: Uint8Array, at: number): number {
  for (;;) {
    at = data.indexOf(0xff, at)
    if (at < 0 || at + 1 >= data.length) return data.length
    if (data[at + 1] !== 0) return at
    at += 2
  }
}

/**
 * Decodes one scan that begins at `at` and returns where it ends: at a marker.
 * @param mcus MCUs across and down, for scans of several components. @param interval MCUs between restarts, 0 for none.
 * @throws Error saying how the data are damaged.
 */
export function decodeScan(
  data: Uint8Array,
  at: number,
  scan: Scan,
  progressive: boolean,
  mcus: readonly [across: number, down: number],
  interval: number,
  finish: Finish,
): number {
  const { components, from, to, high, low } = scan
  const block = new Int32Array(64)
  let bits: Bits
  let skip = 0 // blocks that a run of ends of blocks still covers

  function sequential(c: Component, row: number, column: number): void {
    block.fill(0)
    readMean(c)
    block[0] = c.prediction
    let last = 0
    for (let k = 1; k < 64; k++) {
      const symbol = bits.symbol(c.ac!)
      k += symbol >> 4
      const size = symbol & 15
      if (size === 0) {
        if (symbol >> 4 < 15) break
        continue
      }
      if (size > MOST_AC_BITS) throw new Error('a code that stands for nothing')
      if (k > 63) throw new Error('more coefficients than a block has')
      block[ZIGZAG[k]] = bits.signed(size)
      last = k
    }
    finish(c, block, last, row, column)
  }

  /** The block's mean, which is told as the difference to the one before. */
  function readMean(c: Component): void {
    const size = bits.symbol(c.dc!)
    if (size > MOST_DC_BITS) throw new Error('a code that stands for nothing')
    if (size > 0) c.prediction += bits.signed(size)
    // 128 levels from the middle are 1024; decoders differ in what they make of much more.
    if (Math.abs((c.prediction << low) * c.quantization![0]) > 4096) throw new Error('a mean that no picture has')
  }

  function firstDc(c: Component, at: number): void {
    readMean(c)
    c.coefficients![at] = c.prediction << low
  }

  function firstAc(c: Component, at: number): void {
    if (skip > 0) {
      skip--
      return
    }
    for (let k = from; k <= to; k++) {
      const symbol = bits.symbol(c.ac!)
      const run = symbol >> 4
      const size = symbol & 15
      if (size === 0 && run < 15) {
        skip = (1 << run) - 1 + bits.take(run)
        return
      }
      k += run
      if (size === 0) continue
      if (k > to) throw new Error('more coefficients than a block has')
      c.coefficients![at + ZIGZAG[k]] = bits.signed(size) << low
    }
  }

  /** One more bit for each coefficient of which some are known, and new ones between them (T.81 G.1.2.3). */
  function refineAc(c: Component, at: number): void {
    const known = c.coefficients!
    const one = 1 << low
    const refine = (i: number): void => {
      if (bits.take(1) === 1) known[i] += known[i] > 0 ? one : -one
    }
    let k = from
    while (k <= to && skip === 0) {
      const symbol = bits.symbol(c.ac!)
      const size = symbol & 15
      let zeros = symbol >> 4
      let value = 0
      if (size === 0 && zeros < 15) {
        skip = (1 << zeros) + bits.take(zeros)
        break
      }
      if (size > 1) throw new Error('a code that stands for nothing')
      if (size === 1) value = bits.take(1) === 1 ? one : -one
      for (; k <= to; k++) {
        const i = at + ZIGZAG[k]
        if (known[i] !== 0) refine(i)
        else if (zeros-- === 0) break
      }
      if (value !== 0) {
        if (k > to) throw new Error('more coefficients than a block has')
        known[at + ZIGZAG[k]] = value
      }
      k++
    }
    if (skip === 0) return
    for (; k <= to; k++) if (known[at + ZIGZAG[k]] !== 0) refine(at + ZIGZAG[k])
    skip--
  }

  const decode = !progressive
    ? sequential
    : (c: Component, row: number, column: number): void => {
        const at = 64 * (row * c.stride + column)
        if (from > 0) (high === 0 ? firstAc : refineAc)(c, at)
        else if (high === 0) firstDc(c, at)
        else if (bits.take(1) === 1) c.coefficients![at] |= 1 << low
      }

  // One component alone is coded by blocks, without those that only fill up MCUs.
  const [only] = components
  const single = components.length === 1
  const across = single ? only.blocksAcross : mcus[0]
  const total = across * (single ? only.blocksDown : mcus[1])
  const step = interval || total
  for (let mcu = 0, restarts = 0; ; restarts++) {
    const end = nextMarker(data, at)
    bits = new Bits(data, at, end)
    skip = 0
    for (const c of components) c.prediction = 0
    for (const until = Math.min(mcu + step, total); mcu < until; mcu++) {
      const row = Math.floor(mcu / across)
      const column = mcu - row * across
      if (single) decode(only, row, column)
      else {
        for (const c of components)
          for (let y = 0; y < c.v; y++) for (let x = 0; x < c.h; x++) decode(c, row * c.v + y, column * c.h + x)
      }
      if (bits.overrun) throw new Error(end < data.length ? 'too few data before a marker' : 'an early end')
    }
    if (mcu === total) return end
    if (data[end + 1] !== 0xd0 + (restarts & 7)) throw new Error('a restart marker missing or out of order')
    at = end + 2
  }
}
