// Seeded random numbers for the host: order of batches, flips, splits, generated images, resampling.
// Only integer arithmetic and IEEE basics: the same keys give the same numbers in every JavaScript engine.
// Not the engine's counter-based GPU generator, and not for cryptography.

/** A generator (sfc32) keyed by a list of integers, so that (seed, epoch, index) are independent streams. */
export class Random {
  private a = 0x9e3779b9
  private b = 0x243f6a88
  private c = 0xb7e15162
  private counter = 1

  constructor(...keys: number[]) {
    for (const key of keys) {
      this.a ^= mix(Math.floor(key / 0x100000000) ^ this.b)
      this.b ^= mix((key | 0) + this.c)
      this.c ^= mix(this.a + keys.length)
      for (let i = 0; i < 12; i++) this.next()
    }
  }

  /** 32 random bits as an unsigned integer. */
  next(): number {
    const sum = (this.a + this.b + this.counter++) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.next() / 0x100000000)
  }

  /** Uniform integer in [0, n). */
  integer(n: number): number {
    return Math.floor(this.uniform() * n)
  }

  /** About normal, mean 0 and deviation 1: the sum of four uniforms, without a transcendental function. */
  bell(): number {
    const sum = this.next() + this.next() + this.next() + this.next()
    return (sum / 0x100000000 - 2) * 1.7320508075688772
  }

  /** Shuffles `items` in place (Fisher–Yates) and returns them. */
  shuffle<T extends { [index: number]: unknown; length: number }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const kept = items[i]
      items[i] = items[j]
      items[j] = kept
    }
    return items
  }
}

/** A 32-bit finaliser (murmur3's): every input bit reaches every output bit. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
