// Tensors that say what a module takes them for, made by hand.
import { gpu } from '../gpu/gpu.js'
import { buffer, parameter } from '../tensor/arena.js'
import { type Nested, Tensor, type TypedArray, tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkFlags, checkOptions } from '../util/options.js'

/**
 * A parameter with the elements of a tensor, which are copied, or of numbers: trained and saved where it stands in a
 * field of a module (`torch.nn.Parameter`). f32.
 * @throws inside of a step, and for another dtype than f32.
 */
export function Parameter(
  data: Tensor<'f32'> | Float32Array | Nested,
  options: { requiresGrad?: boolean } = {},
): Tensor<'f32'> {
  checkOptions('Parameter', options, ['requiresGrad'])
  const { requiresGrad = true } = options
  checkFlags('Parameter', { requiresGrad })
  const from = source('Parameter', data)
  const made = parameter(from.shape, 'parameter')
  gpu.copy(from, made)
  made.requiresGrad = requiresGrad
  return made
}

/**
 * A tensor that is saved with a module without being trained (`torch.nn.Buffer`), with the elements of another. f32.
 * @throws as {@link Parameter}.
 */
export function Buffer(data: Tensor<'f32'> | Float32Array | Nested): Tensor<'f32'> {
  const from = source('Buffer', data)
  const made = buffer(from.shape, 'buffer')
  gpu.copy(from, made)
  return made
}

function source(name: string, data: Tensor | TypedArray | Nested): Tensor {
  check(!gpu.recording, `${name}: must be made outside of steps`)
  const from = data instanceof Tensor ? data : tensor(data)
  check(from.dtype === 'f32', () => `${name}: takes f32, got ${from.dtype}`)
  return from
}
