// Initial values of parameters, drawn on the host so that every adapter starts from the same ones.
import { gpu, perEngine } from '../gpu/gpu.js'
import { Tensor } from '../tensor/tensor.js'
import { type Shape, numel } from '../util/check.js'
import { parameter } from '../tensor/arena.js'

/** How many parameters were drawn. */
const drawn = perEngine(() => ({ count: 0 }))

/**
 * A generator of its own for each parameter, keyed by the engine's seed and how many parameters were made before it.
 */
function generator(): () => number {
  // SplitMix32 (Steele, Lea, Flood 2014) over a hashed start.
  let state = (Math.imul(gpu.seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(++drawn().count, 0xc2b2ae35)) | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state ^ (state >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296
  }
}

/** A parameter with the values that `draw` gives; a dry engine needs none. */
function filled(shape: Shape, label: string, draw: () => Float32Array): Tensor {
  const made = parameter(shape, label)
  return gpu.dry ? made : made.write(draw())
}

/** A parameter whose elements are `value`. */
export function constant(shape: Shape, value: number, label: string): Tensor {
  return filled(shape, label, () => new Float32Array(numel(shape)).fill(value))
}

/** Uniform on [-bound, bound). */
export function uniform(shape: Shape, bound: number, label: string): Tensor {
  const random = generator()
  return filled(shape, label, () => Float32Array.from({ length: numel(shape) }, () => (2 * random() - 1) * bound))
}

/** Normal with mean 0 and the given standard deviation (Box-Muller). */
export function normal(shape: Shape, std: number, label: string): Tensor {
  const random = generator()
  return filled(shape, label, () => {
    const values = new Float32Array(numel(shape))
    for (let i = 0; i < values.length; i += 2) {
      const radius = std * Math.sqrt(-2 * Math.log(1 - random()))
      const angle = 2 * Math.PI * random()
      values[i] = radius * Math.cos(angle)
      if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle)
    }
    return values
  })
}
