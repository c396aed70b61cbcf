// Tensors made of numbers: constant, counting, random. Inside a step they are transient, as what operators make.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { type DType, RANGES, type Tensor, checkShape, checkTensors, empty, zeros } from '../tensor/tensor.js'
import { type Shape, check } from '../util/check.js'
import { toHalf } from '../util/half.js'
import { checkNumbers } from '../util/options.js'
import { cast } from './cast.js'
import { copyStrided } from './layout.js'
import { randomKey } from './randomkey.js'

/** Throws unless a dtype can hold a number. */
function checkValue(name: string, value: number, dtype: DType): void {
  check(typeof value === 'number', () => `${name}: the value must be a number, got ${value}`)
  if (dtype === 'f32' || dtype === 'f16') return
  const { low, most } = RANGES[dtype] ?? check(false, () => `${name}: there is no dtype ${dtype}`)
  check(
    Number.isInteger(value) && value >= low && value <= most,
    () => `${name}: ${dtype} holds whole numbers from ${low} to ${most}, got ${value}`,
  )
}

/** A number as a dtype's bytes, repeated to fill 32 bits. */
function bitsOf(value: number, dtype: DType): number {
  if (dtype === 'f32') return new Uint32Array(Float32Array.of(value).buffer)[0]
  if (dtype === 'f16') return toHalf(Float32Array.of(value))[0] * 0x10001
  return dtype === 'u8' ? value * 0x1010101 : value >>> 0
}

/** A tensor of one number everywhere (`torch.full`). @throws when the dtype cannot hold it. */
export function full<D extends DType = 'f32'>(shape: Shape, value: number, dtype: D = 'f32' as D): Tensor<D> {
  return filled('full', shape, value, dtype)
}

/** The same for a function called `name`. */
export function filled<D extends DType>(name: string, shape: Shape, value: number, dtype: D): Tensor<D> {
  checkShape(name, shape)
  checkValue(name, value, dtype)
  const y = empty(shape, dtype, name)
  const n = Math.ceil(y.bytes / 4)
  // By its storage alone: the kernel writes words, whatever they hold.
  gpu.run(shaders.fill, { y: { storage: y.storage } }, { n, bits: bitsOf(value, dtype) }, { elements: n })
  return y
}

/**
 * A tensor of ones (`torch.ones`).
 * @throws unless sizes are positive whole numbers.
 */
export function ones<D extends DType = 'f32'>(shape: Shape, dtype: D = 'f32' as D): Tensor<D> {
  return filled('ones', shape, 1, dtype)
}

/**
 * Zeros with the shape and dtype of x (`torch.zeros_like`).
 * @throws when x is no tensor.
 */
export function zerosLike<D extends DType>(x: Tensor<D>): Tensor<D> {
  checkTensors('zerosLike', { x })
  return zeros(x.shape, x.dtype)
}

/**
 * Ones with the shape and dtype of x (`torch.ones_like`).
 * @throws when x is no tensor.
 */
export function onesLike<D extends DType>(x: Tensor<D>): Tensor<D> {
  checkTensors('onesLike', { x })
  return full(x.shape, 1, x.dtype)
}

/**
 * start, start + step, … below `end` (above it for a negative step), one axis; `arange(n)` is 0 … n - 1. f32 by
 * default, where PyTorch chooses by its arguments. `torch.arange`.
 * @throws when nothing lies between start and end: there are no empty tensors.
 */
export function arange<D extends DType = 'f32'>(
  start: number,
  end?: number,
  step = 1,
  dtype: D = 'f32' as D,
): Tensor<D> {
  const [first, stop] = end === undefined ? [0, start] : [start, end]
  checkNumbers('arange', { start: first, end: stop, step })
  const n = Math.ceil((stop - first) / step)
  check(
    n > 0 && Number.isFinite(n),
    () => `arange: step must lead from start to end, got ${step} from ${first} to ${stop}`,
  )
  checkValue('arange', first, dtype)
  checkValue('arange', first + (n - 1) * step, dtype)
  const wide = dtype === 'u8' ? 'u32' : dtype
  const y = empty([n], wide as DType, 'arange')
  const whole = wide === 'i32' || wide === 'u32'
  const params = {
    n,
    start: whole ? 0 : first,
    step: whole ? 0 : step,
    whole_start: whole ? first : 0,
    whole_step: whole ? step : 0,
  }
  gpu.run(shaders.range, { y }, params, { invocations: n })
  return cast(y, dtype) as Tensor<D>
}

/**
 * Ones on the main diagonal of [n, m], m = n by default, zeros elsewhere (`torch.eye`).
 * @throws for u8, and sizes that are not positive.
 */
export function eye<D extends Exclude<DType, 'u8'> = 'f32'>(n: number, m = n, dtype: D = 'f32' as D): Tensor<D> {
  checkShape('eye', [n, m])
  check((dtype as DType) !== 'u8', 'eye: dtype must be f32, f16, i32 or u32, got u8')
  const y = zeros([n, m], dtype)
  const k = Math.min(n, m)
  copyStrided(full([k], 1, dtype), y, [k], { offset: 0, strides: [1] }, { offset: 0, strides: [m + 1] })
  return y
}

function random(name: string, shape: Shape, dtype: 'f32' | 'f16', DISTRIBUTION: Distribution): Tensor {
  checkShape(name, shape)
  check(dtype === 'f32' || dtype === 'f16', () => `${name}: dtype must be f32 or f16, got ${dtype}`)
  const y = empty(shape, dtype, name)
  const key = randomKey()
  gpu.run(shaders.random, { y }, () => ({ n: y.size, ...key() }), { elements: y.size }, { DISTRIBUTION })
  return y
}

type Distribution = Constants<typeof shaders.random>['DISTRIBUTION']

/**
 * Uniform random numbers from [0, 1), of 24 bits each: the same for the same seed of `init`, the same call and, in a
 * step, the same execution, on every adapter. Not PyTorch's numbers. `torch.rand`.
 * @throws for another dtype than f32 and f16, and sizes that are not positive.
 */
export function rand<D extends 'f32' | 'f16' = 'f32'>(shape: Shape, dtype: D = 'f32' as D): Tensor<D> {
  return random('rand', shape, dtype, 'uniform')
}

/**
 * Standard normal random numbers, seeded as {@link rand}; on other adapters the same to rounding. `torch.randn`.
 * @throws as {@link rand}.
 */
export function randn<D extends 'f32' | 'f16' = 'f32'>(shape: Shape, dtype: D = 'f32' as D): Tensor<D> {
  return random('randn', shape, dtype, 'normal')
}
