// Deterministic tensors without files: the same values as test/fixtures/models/formula.py, bit for bit.
import { numel } from '../../src/util/check.js'

/** `count` values in [-1, 1), multiples of 2^-23: murmur3's finalizer over FNV-1a of the name plus a Weyl sequence. */
export function uniform(name: string, count: number): Float64Array {
  let seed = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193)
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    let h = (Math.imul(i, 0x9e3779b9) + seed) | 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    h ^= h >>> 16
    values[i] = (h >>> 8) / 2 ** 23 - 1
  }
  return values
}

/** offset + scale · uniform, rounded to f32. */
export function values(name: string, shape: readonly number[], scale = 1, offset = 0): Float32Array {
  return Float32Array.from(uniform(name, numel(shape)), (u) => u * scale + offset)
}

/** The value of a model's parameter or buffer, in PyTorch's layout: of a size that keeps activations near 1. */
export function parameter(name: string, shape: readonly number[]): Float32Array {
  if (name.endsWith('num_batches_tracked')) return new Float32Array(numel(shape))
  if (name.endsWith('running_mean') || name.endsWith('.bias')) return values(name, shape, 0.1)
  if (name.endsWith('running_var')) return values(name, shape, 0.5, 1)
  if (shape.length === 1) return values(name, shape, 0.2, 1)
  return values(name, shape, Math.sqrt((shape.length === 4 ? 6 : 0.3) / numel(shape.slice(1))))
}
