// Deterministic tensors without files: the same values as test/fixtures/models/formula.py, bit for bit.
import type { Tensor } from '../../src/index.js'
import type { Module } from '../../src/nn/module.js'
import { numel } from '../../src/util/check.js'
import type { TensorData } from '../../src/weights/safetensors.js'
import { hwioToOihw } from '../../src/weights/statedict.js'

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

/**
 * The value of a model's parameter or buffer, in PyTorch's layout: of a size that keeps activations near 1.
 *
 * @param clear deviation of a norm's channels, which lie around 1 or -1, on the same side in all norms of so many
 * channels; 0 for norms as they are
 */
export function parameter(name: string, shape: readonly number[], clear = 0): Float32Array {
  if (clear && shape.length === 1 && !/^(fc|classifier|.*running)/.test(name)) {
    if (name.endsWith('.weight')) return values(name, shape, clear / 5, clear)
    const sides = uniform('side', shape[0])
    return values(name, shape, 0.1, 1).map((v, i) => (sides[i] < 0 ? -v : v))
  }
  if (name.endsWith('num_batches_tracked')) return new Float32Array(numel(shape))
  if (name.endsWith('running_mean') || name.endsWith('.bias')) return values(name, shape, 0.1)
  if (name.endsWith('running_var')) return values(name, shape, 0.5, 1)
  if (shape.length === 1) return values(name, shape, 0.2, 1)
  return values(name, shape, Math.sqrt((shape.length === 4 ? 6 : 0.3) / numel(shape.slice(1))))
}

/** A model's state dict with the formula's values. */
export async function formulaState(model: Module, clear = 0): Promise<Map<string, TensorData>> {
  const state = new Map<string, TensorData>()
  for (const [name, { shape }] of await model.stateDict())
    state.set(name, { dtype: 'f32', shape, data: parameter(name, shape, clear) })
  return state
}

/** Length of a parameter's gradient, and its product with a known direction, which a transposed kernel would change. */
export async function gradientSummary(name: string, p: Tensor): Promise<{ norm: number; probe: number }> {
  const data = await p.grad!.data()
  const [h, w, i, o] = p.shape
  const gradient = o ? hwioToOihw(data, [o, i, h, w]) : data
  const direction = uniform(`probe.${name}`, gradient.length)
  let [squares, probe] = [0, 0]
  gradient.forEach((g, k) => {
    squares += g * g
    probe += g * direction[k]
  })
  return { norm: Math.sqrt(squares), probe }
}
