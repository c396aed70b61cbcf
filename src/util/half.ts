// 16-bit floats as their bits, on the host: not every JavaScript has a Float16Array.

/** Rounded to the nearest half, ties to even; beyond 65519 infinite. */
export function toHalf(values: ArrayLike<number>): Uint16Array {
  const out = new Uint16Array(values.length)
  const float = new Float32Array(1)
  const bits = new Uint32Array(float.buffer)
  for (let i = 0; i < out.length; i++) {
    float[0] = values[i]
    const sign = (bits[0] >>> 16) & 0x8000
    const size = Math.abs(float[0])
    if (Number.isNaN(size)) out[i] = 0x7e00
    else if (size >= 65520) out[i] = sign | 0x7c00
    // A double near 2⁵² holds whole numbers: this rounds.
    else if (size < 2 ** -14) out[i] = sign | (size * 2 ** 24 + 2 ** 52 - 2 ** 52)
    else out[i] = sign | (((bits[0] & 0x7fffffff) + 0xfff + ((bits[0] >>> 13) & 1) - 0x38000000) >>> 13)
  }
  return out
}

/** Exactly. */
export function fromHalf(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >> 10) & 31
    const fraction = half & 1023
    if (exponent === 0) return sign * fraction * 2 ** -24
    if (exponent === 31) return fraction ? NaN : sign * Infinity
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  })
}
