// Blocks of JPEG coefficients to samples, and components of fewer samples to the picture's size. There are two inverse
// transforms. Gray and luma go through jpeg-js's (and poppler's), to the bit, so that radiographs decoded before this
// file existed stay the same; it is within one level of libjpeg's. Chroma goes through libjpeg's own, because one level
// there becomes two in blue. The enlarging is libjpeg's to the bit.
import type { Component } from './jpegScan.js'

const COS1 = 4017 // cos(π/16) · 4096, and so on
const SIN1 = 799
const COS3 = 3406
const SIN3 = 2276
const COS6 = 1567
const SIN6 = 3784
const SQRT2 = 5793
const SQRT1_2 = 2896

const p = new Int32Array(64)

/**
 * Dequantizes and transforms the block at `from` into `samples` at `at`, rows `stride` apart.
 * @param last the last coefficient in zigzag order that is not 0, or 63.
 */
type InverseDct = (
  block: ArrayLike<number>,
  from: number,
  last: number,
  quantization: Int32Array,
  samples: Uint8Array,
  at: number,
  stride: number,
) => void

/**
 * The transform of gray and luma (C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical Fast 1-D DCT Algorithms with 11
 * Multiplications", ICASSP 1989).
 */
export const inverseDct: InverseDct = (block, from, last, quantization, samples, at, stride) => {
  if (last === 0) {
    const first = (SQRT2 * (block[from] * quantization[0]) + 512) >> 10
    const level = 128 + ((((SQRT2 * first + 8192) >> 14) + 8) >> 4)
    const value = level < 0 ? 0 : level > 255 ? 255 : level
    for (let y = 0, o = at; y < 8; y++, o += stride) samples.fill(value, o, o + 8)
    return
  }
  for (let i = 0; i < 64; i++) p[i] = block[from + i] * quantization[i]
  for (let r = 0; r < 64; r += 8) {
    if ((p[r + 1] | p[r + 2] | p[r + 3] | p[r + 4] | p[r + 5] | p[r + 6] | p[r + 7]) === 0) {
      p.fill((SQRT2 * p[r] + 512) >> 10, r, r + 8)
      continue
    }
    let v0 = (SQRT2 * p[r] + 128) >> 8
    let v1 = (SQRT2 * p[r + 4] + 128) >> 8
    let v2 = p[r + 2]
    let v3 = p[r + 6]
    let v4 = (SQRT1_2 * (p[r + 1] - p[r + 7]) + 128) >> 8
    let v7 = (SQRT1_2 * (p[r + 1] + p[r + 7]) + 128) >> 8
    let v5 = p[r + 3] << 4
    let v6 = p[r + 5] << 4
    let t = (v0 - v1 + 1) >> 1
    v0 = (v0 + v1 + 1) >> 1
    v1 = t
    t = (v2 * SIN6 + v3 * COS6 + 128) >> 8
    v2 = (v2 * COS6 - v3 * SIN6 + 128) >> 8
    v3 = t
    t = (v4 - v6 + 1) >> 1
    v4 = (v4 + v6 + 1) >> 1
    v6 = t
    t = (v7 + v5 + 1) >> 1
    v5 = (v7 - v5 + 1) >> 1
    v7 = t
    t = (v0 - v3 + 1) >> 1
    v0 = (v0 + v3 + 1) >> 1
    v3 = t
    t = (v1 - v2 + 1) >> 1
    v1 = (v1 + v2 + 1) >> 1
    v2 = t
    t = (v4 * SIN3 + v7 * COS3 + 2048) >> 12
    v4 = (v4 * COS3 - v7 * SIN3 + 2048) >> 12
    v7 = t
    t = (v5 * SIN1 + v6 * COS1 + 2048) >> 12
    v5 = (v5 * COS1 - v6 * SIN1 + 2048) >> 12
    v6 = t
    p[r] = v0 + v7
    p[r + 7] = v0 - v7
    p[r + 1] = v1 + v6
    p[r + 6] = v1 - v6
    p[r + 2] = v2 + v5
    p[r + 5] = v2 - v5
    p[r + 3] = v3 + v4
    p[r + 4] = v3 - v4
  }
  for (let c = 0; c < 8; c++) {
    if ((p[c + 8] | p[c + 16] | p[c + 24] | p[c + 32] | p[c + 40] | p[c + 48] | p[c + 56]) === 0) {
      const t = (SQRT2 * p[c] + 8192) >> 14
      for (let r = c; r < 64; r += 8) p[r] = t
      continue
    }
    let v0 = (SQRT2 * p[c] + 2048) >> 12
    let v1 = (SQRT2 * p[c + 32] + 2048) >> 12
    let v2 = p[c + 16]
    let v3 = p[c + 48]
    let v4 = (SQRT1_2 * (p[c + 8] - p[c + 56]) + 2048) >> 12
    let v7 = (SQRT1_2 * (p[c + 8] + p[c + 56]) + 2048) >> 12
    let v5 = p[c + 24]
    let v6 = p[c + 40]
    let t = (v0 - v1 + 1) >> 1
    v0 = (v0 + v1 + 1) >> 1
    v1 = t
    t = (v2 * SIN6 + v3 * COS6 + 2048) >> 12
    v2 = (v2 * COS6 - v3 * SIN6 + 2048) >> 12
    v3 = t
    t = (v4 - v6 + 1) >> 1
    v4 = (v4 + v6 + 1) >> 1
    v6 = t
    t = (v7 + v5 + 1) >> 1
    v5 = (v7 - v5 + 1) >> 1
    v7 = t
    t = (v0 - v3 + 1) >> 1
    v0 = (v0 + v3 + 1) >> 1
    v3 = t
    t = (v1 - v2 + 1) >> 1
    v1 = (v1 + v2 + 1) >> 1
    v2 = t
    t = (v4 * SIN3 + v7 * COS3 + 2048) >> 12
    v4 = (v4 * COS3 - v7 * SIN3 + 2048) >> 12
    v7 = t
    t = (v5 * SIN1 + v6 * COS1 + 2048) >> 12
    v5 = (v5 * COS1 - v6 * SIN1 + 2048) >> 12
    v6 = t
    p[c] = v0 + v7
    p[c + 56] = v0 - v7
    p[c + 8] = v1 + v6
    p[c + 48] = v1 - v6
    p[c + 16] = v2 + v5
    p[c + 40] = v2 - v5
    p[c + 24] = v3 + v4
    p[c + 32] = v3 - v4
  }
  for (let y = 0, i = 0, o = at; y < 8; y++, o += stride) {
    for (let x = 0; x < 8; x++, i++) {
      const level = 128 + ((p[i] + 8) >> 4)
      samples[o + x] = level < 0 ? 0 : level > 255 ? 255 : level
    }
  }
}

/**
 * One pass of libjpeg's accurate integer transform (jidctint.c) over eight values `step` apart, which loses `shift`
 * bits.
 */
function accuratePass(at: number, step: number, shift: number): void {
  const [i1, i2, i3, i4] = [at + step, at + 2 * step, at + 3 * step, at + 4 * step]
  const [i5, i6, i7] = [at + 5 * step, at + 6 * step, at + 7 * step]
  const round = 1 << (shift - 1)
  const e = (p[i2] + p[i6]) * 4433
  const e2 = e - p[i6] * 15137
  const e3 = e + p[i2] * 6270
  const sum = (p[at] + p[i4]) * 8192 + round
  const gap = (p[at] - p[i4]) * 8192 + round
  const z5 = (p[i1] + p[i3] + p[i5] + p[i7]) * 9633
  const z1 = (p[i7] + p[i1]) * -7373
  const z2 = (p[i5] + p[i3]) * -20995
  const z3 = (p[i7] + p[i3]) * -16069 + z5
  const z4 = (p[i5] + p[i1]) * -3196 + z5
  const o0 = p[i7] * 2446 + z1 + z3
  const o1 = p[i5] * 16819 + z2 + z4
  const o2 = p[i3] * 25172 + z2 + z3
  const o3 = p[i1] * 12299 + z1 + z4
  p[at] = (sum + e3 + o3) >> shift
  p[i7] = (sum + e3 - o3) >> shift
  p[i1] = (gap + e2 + o2) >> shift
  p[i6] = (gap + e2 - o2) >> shift
  p[i2] = (gap - e2 + o1) >> shift
  p[i5] = (gap - e2 - o1) >> shift
  p[i3] = (sum - e3 + o0) >> shift
  p[i4] = (sum - e3 - o0) >> shift
}

/** {@link inverseDct} as libjpeg does it by default, to the bit. */
export const accurateInverseDct: InverseDct = (block, from, last, quantization, samples, at, stride) => {
  if (last === 0) {
    const level = 128 + ((((block[from] * quantization[0]) << 2) + 16) >> 5)
    const value = level < 0 ? 0 : level > 255 ? 255 : level
    for (let y = 0, o = at; y < 8; y++, o += stride) samples.fill(value, o, o + 8)
    return
  }
  for (let i = 0; i < 64; i++) p[i] = block[from + i] * quantization[i]
  for (let c = 0; c < 8; c++) accuratePass(c, 8, 11)
  for (let r = 0; r < 64; r += 8) accuratePass(r, 1, 18)
  for (let y = 0, i = 0, o = at; y < 8; y++, o += stride) {
    for (let x = 0; x < 8; x++, i++) {
      const level = 128 + p[i]
      samples[o + x] = level < 0 ? 0 : level > 255 ? 255 : level
    }
  }
}

/** Rows of the orthonormal cosine transform of n values, scaled so that n of the 8 frequencies give the same levels. */
const basis = (n: number) =>
  Float64Array.from({ length: n * n }, (_, i) => {
    const [x, u] = [Math.floor(i / n), i % n]
    return Math.cos((Math.PI * (2 * x + 1) * u) / (2 * n)) * Math.sqrt((u === 0 ? 1 : 2) / 8)
  })
const BASES: Record<number, Float64Array> = { 1: basis(1), 2: basis(2), 4: basis(4) }

/** The transform to `side` × `side` samples in place of 8 × 8, from the lowest frequencies alone. */
export const reducedInverseDct = (side: number): InverseDct => {
  const rows = BASES[side]
  return (block, from, _, quantization, samples, at, stride) => {
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        let level = 128.5
        for (let v = 0; v < side; v++)
          for (let u = 0; u < side; u++)
            level += rows[y * side + v] * rows[x * side + u] * block[from + 8 * v + u] * quantization[8 * v + u]
        samples[at + y * stride + x] = level < 0 ? 0 : level > 255 ? 255 : level
      }
  }
}

/** Writes row `y` of a component at the picture's size. */
export type RowReader = (y: number, out: Uint8Array) => void

/**
 * A component's rows at the picture's size, enlarged as libjpeg does by default ("fancy" upsampling, jdsample.c): twice
 * as many by a triangle filter, other factors, which must be whole, by repeating. `out` must hold two samples more than
 * a row.
 * @param side samples across a block.
 */
export function enlarge(component: Component, maxH: number, maxV: number, side: number): RowReader {
  const { h, v, width, height, samples, stride } = component
  const across = maxH / h
  const down = maxV / v
  const line = side * stride
  const row = (y: number): number => Math.min(Math.max(y, 0), height - 1) * line
  if (across === 1 && down === 1) return (y, out) => out.set(samples.subarray(y * line, y * line + width))
  if (across === 1 && down === 2) {
    return (y, out) => {
      const near = row(y >> 1)
      const far = row((y >> 1) + (y & 1 ? 1 : -1))
      const half = y & 1 ? 2 : 1
      for (let x = 0; x < width; x++) out[x] = (3 * samples[near + x] + samples[far + x] + half) >> 2
    }
  }
  if (across === 2 && down <= 2 && width > 2) {
    // Sums of a column's nearer and farther sample, 3 : 1; with one row alone, the sample itself.
    const sums = new Int32Array(width)
    const shift = 2 * down
    const [early, late] = down === 2 ? [8, 7] : [1, 2]
    return (y, out) => {
      const near = row(down === 2 ? y >> 1 : y)
      const far = row((y >> 1) + (y & 1 ? 1 : -1))
      for (let x = 0; x < width; x++)
        sums[x] = down === 2 ? 3 * samples[near + x] + samples[far + x] : samples[near + x]
      for (let x = 0, o = 0; x < width; x++, o += 2) {
        const sum = 3 * sums[x]
        out[o] = (sum + sums[x > 0 ? x - 1 : x] + early) >> shift
        out[o + 1] = (sum + sums[x < width - 1 ? x + 1 : x] + late) >> shift
      }
    }
  }
  return (y, out) => {
    const near = row(Math.floor(y / down))
    for (let x = 0, o = 0; x < width; x++, o += across) out.fill(samples[near + x], o, o + across)
  }
}
