// Tensor: storage + shape + dtype, and the hooks of the tape. The operators are in src/ops.
import { gpu } from '../gpu/gpu.js'
import type { Bindable, Storage } from '../gpu/storage.js'
import { type Shape, check, formatShape, numel } from '../util/check.js'
import { fromHalf, toHalf } from '../util/half.js'
import type { Node } from './tape.js'

export type DType = 'f32' | 'f16' | 'i32' | 'u32' | 'u8'
export type TypedArray = Float32Array | Int32Array | Uint32Array | Uint8Array

const BYTES = { f32: 4, f16: 2, i32: 4, u32: 4, u8: 1 } as const
/** What elements are on the host; f16 are widened. */
const ARRAYS = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array } as const

/** An n-dimensional array on the GPU. Activations are NHWC: channels last. */
export class Tensor implements Bindable {
  /** Whether `backward()` computes a gradient for it. Set on leaves; operators pass it on. */
  requiresGrad = false
  /** Sum of the gradients that `backward()` has brought since it was last null. Leaves only. */
  grad: Tensor | null = null
  /** Where the gradient's bytes go; made at first use (parameters have theirs in an arena). */
  gradStorage: (() => Storage) | null = null
  /** The operator that made it, when a gradient may flow back through it, and the name of the output it is. */
  node: Node | null = null
  output = ''

  constructor(
    readonly storage: Storage,
    readonly shape: Shape,
    readonly dtype: DType = 'f32',
  ) {}

  get size(): number {
    return numel(this.shape)
  }

  get bytes(): number {
    return this.size * BYTES[this.dtype]
  }

  /** What kernels read the elements as. Integers travel as f32. */
  get element(): 'f32' | 'f16' {
    return this.dtype === 'f16' ? 'f16' : 'f32'
  }

  /**
   * Computes the gradients of all leaves it depends on (PyTorch's `Tensor.backward`). `gradient` may be left out for
   * one element.
   */
  declare backward: (gradient?: Tensor) => void // given by tape.ts, which stands above this file

  /** The same numbers in another dtype (`torch.Tensor.to`); differentiable between f32 and f16. */
  declare to: (dtype: DType) => Tensor // given by ops/cast.ts

  /** The elements, row-major, as an array of the dtype; f16 as a Float32Array. */
  async data<T extends TypedArray = Float32Array>(): Promise<T> {
    const bytes = await gpu.read(this.storage.use('data'), this.bytes)
    return (this.dtype === 'f16' ? fromHalf(new Uint16Array(bytes)) : new ARRAYS[this.dtype](bytes)) as T
  }

  /** The only element, as a number. */
  async item(): Promise<number> {
    check(this.size === 1, () => `item: needs a tensor of one element, got ${formatShape(this.shape)}`)
    return (await this.data())[0]
  }

  /** Overwrites the elements. The tensor keeps its place, so a captured step that reads it stays valid. */
  write(data: TypedArray): this {
    check(
      data.length === this.size,
      () => `write: tensor ${formatShape(this.shape)} holds ${this.size} elements, got ${data.length}`,
    )
    gpu.write(this.storage.use('write'), this.dtype === 'f16' ? toHalf(data) : data)
    return this
  }

  /** The same elements without a history. */
  detach(): Tensor {
    return new Tensor(this.storage, this.shape, this.dtype)
  }

  /** Gives the memory back at once instead of when it is collected. */
  dispose(): void {
    if (this.storage.state === 'live') gpu.memory.release(this.storage)
  }
}

/**
 * A tensor with the given elements (row-major). The dtype follows the array's type: Float32Array or numbers → f32, …;
 * f16 must be asked for.
 */
export function tensor(
  data: TypedArray | readonly number[],
  shape?: Shape,
  options: { dtype?: DType; requiresGrad?: boolean } = {},
): Tensor {
  const dtype =
    options.dtype ??
    (data instanceof Int32Array
      ? 'i32'
      : data instanceof Uint32Array
        ? 'u32'
        : data instanceof Uint8Array
          ? 'u8'
          : 'f32')
  const dims = shape ?? [data.length]
  check(
    numel(dims) === data.length,
    () => `tensor: shape ${formatShape(dims)} holds ${numel(dims)} elements, got ${data.length}`,
  )
  const array =
    dtype === 'f16'
      ? toHalf(data)
      : data instanceof ARRAYS[dtype]
        ? data
        : ARRAYS[dtype].from(data as ArrayLike<number>)
  const made = new Tensor(gpu.memory.allocate(array.byteLength, `tensor ${formatShape(dims)}`), [...dims], dtype)
  gpu.write(made.storage, array)
  made.requiresGrad = options.requiresGrad ?? false
  return made
}

/** An uninitialised tensor, for an operator to fill: transient inside a step, live outside. */
export function empty(shape: Shape, dtype: DType = 'f32', label = 'tensor'): Tensor {
  return new Tensor(gpu.allocate(numel(shape) * BYTES[dtype], `${label} ${formatShape(shape)}`), [...shape], dtype)
}

/** A tensor of zeros. */
export function zeros(shape: Shape, dtype: DType = 'f32'): Tensor {
  const made = empty(shape, dtype)
  gpu.zero(made)
  return made
}
