// Tensor: storage + shape + dtype, and the hooks of the tape. The operators are in src/ops.
import { gpu } from '../gpu/gpu.js'
import { before } from '../gpu/meanwhile.js'
import type { Storage } from '../gpu/storage.js'
import { type Shape, check, formatShape, kindOf, numel, sameShape, shown } from '../util/check.js'
import { fromHalf, toHalf } from '../util/half.js'
import { LateArray } from '../util/late.js'
import { checkFlags, checkOptions } from '../util/options.js'
import { dependencies, making, reading, setting } from './dependencies.js'
import type { Node } from './tape.js'

/** Element types: floats of 32 and 16 bits, whole numbers of 32 bits with and without sign, bytes. */
export type DType = 'f32' | 'f16' | 'i32' | 'u32' | 'u8'
export type TypedArray = Float32Array | Int32Array | Uint32Array | Uint8Array

const BYTES = { f32: 4, f16: 2, i32: 4, u32: 4, u8: 1 } as const
/** What integers hold, and floats are clamped to: the least, the largest f32 not above the most, and the most. */
export const RANGES = {
  i32: { low: -(2 ** 31), high: 2 ** 31 - 2 ** 7, most: 2 ** 31 - 1 },
  u32: { low: 0, high: 2 ** 32 - 2 ** 8, most: 2 ** 32 - 1 },
  u8: { low: 0, high: 255, most: 255 },
} as const

/** What elements are on the host; f16 are widened. */
const ARRAYS = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array, u8: Uint8Array } as const

/**
 * The array that holds a dtype's elements on the host; Float32Array where the dtype is not known to the compiler (any,
 * which alone takes '').
 */
export type ArrayOf<D extends DType> = '' extends D ? Float32Array<ArrayBuffer> : InstanceType<(typeof ARRAYS)[D]>

/** Numbers in nested lists, all of one length at each depth. */
export type Nested = number | readonly Nested[]

export interface BackwardOptions {
  /** Keep what the backward pass reads, so that another one can follow. Default false. */
  retainGraph?: boolean
}

/** What a module takes a tensor for: it is trained and saved, or only saved. */
export type Role = 'parameter' | 'buffer'

type Named = Readonly<Record<string, unknown>>

/** Throws unless all of `given` are tensors, and all of `optional` tensors or null; `op` names them. */
export function checkTensors(op: string, given: Named, optional: Named = {}): void {
  for (const [name, value] of Object.entries({ ...optional, ...given })) {
    const left = name in optional && (value ?? null) === null
    check(left || value instanceof Tensor, () => `${op}: '${name}' must be a tensor, got ${shown(value)}`)
  }
}

/** Values that are shown when a tensor is printed. */
const SHOWN = 6

/** An n-dimensional array on the GPU. Activations are NHWC: channels last. */
export class Tensor<D extends DType = any> {
  /** @internal What a module takes it for; null for neither. A leaf that requires a gradient is a parameter. */
  role: Role | null = null
  /** @internal Where the gradient's bytes go; made at first use (parameters have theirs in an arena). */
  gradStorage: (() => Storage) | null = null
  /** @internal The operator that made it, when a gradient may flow back through it, and the output it is. */
  node: Node | null = null
  /** @internal */
  output = ''
  private wanted = false
  private gradient: Tensor | null = null
  /** The first elements as they were when last seen on the host. */
  private seen: { values: number[]; version: number } | null = null

  /** @internal */
  constructor(
    /** @internal */
    readonly storage: Storage,
    /** Its axes, images as [N, H, W, C]; [] of a single number. */
    readonly shape: Shape,
    /** Type of its elements. */
    readonly dtype: D = 'f32' as D,
  ) {
    making(this)
  }

  /**
   * Whether `backward()` computes a gradient for it. Set on leaves; operators pass it on.
   * @throws for integers, and when it is taken from what an operator made.
   */
  get requiresGrad(): boolean {
    reading(this, 'wanted')
    return this.wanted
  }

  set requiresGrad(value: boolean) {
    checkFlags('requiresGrad', { value })
    check(
      !value || this.dtype === 'f32' || this.dtype === 'f16',
      () => `requiresGrad: only f32 and f16 tensors have gradients, got ${this.dtype}`,
    )
    check(value || !this.node, 'requiresGrad: can be taken from leaves alone; detach() what an operator made')
    if (value && !this.node) this.role ??= 'parameter'
    setting(this, 'wanted', value !== this.wanted)
    this.wanted = value
  }

  /**
   * Sum of the gradients that `backward()` has brought since it was last null. Leaves only. A tensor that is set is
   * copied, as gradients have places of their own.
   * @throws when it has another shape or dtype than the leaf.
   */
  get grad(): Tensor | null {
    reading(this, 'gradient')
    return this.gradient
  }

  set grad(value: Tensor | null) {
    setting(this, 'gradient', value !== this.gradient)
    this.gradient = value === null || value === undefined ? null : this.placed(value)
  }

  /** Number of elements (`torch.Tensor.numel`). */
  get size(): number {
    return numel(this.shape)
  }

  /** Bytes of its elements on the GPU. */
  get bytes(): number {
    return this.size * BYTES[this.dtype]
  }

  /** @internal What kernels read the elements as. Integers travel as f32. */
  get element(): 'f32' | 'f16' {
    return this.dtype === 'f16' ? 'f16' : 'f32'
  }

  /**
   * Computes the gradients of all leaves it depends on (`torch.Tensor.backward`). `gradient` may be left out for one
   * element.
   * @throws a second time on the same graph, unless the first was given `retainGraph`; and where a tensor that the
   *   backward pass needs was written over.
   */
  declare backward: (gradient?: Tensor | null, options?: BackwardOptions) => void // given by tape.ts, above this file

  /** The same numbers in another dtype (`torch.Tensor.to`); differentiable between f32 and f16. */
  declare to: <E extends DType>(dtype: E) => Tensor<E> // given by ops/cast.ts

  /**
   * The elements, row-major, as an array of the dtype; f16 as a Float32Array. Give the dtype where the compiler does
   * not know it: `labels.data('i32')`.
   * @throws when the tensor has another dtype than the one given.
   */
  data(): Promise<ArrayOf<D>>
  data<E extends DType>(dtype: E): Promise<ArrayOf<E>>
  async data(dtype?: DType): Promise<TypedArray> {
    check(
      dtype === undefined || dtype === (this.dtype as DType),
      () => `data: the tensor holds ${this.dtype}, asked for ${dtype}`,
    )
    const steps = gpu.recording ? null : before()
    if (steps) await steps
    const { version } = this.storage
    const bytes = await gpu.read(this.storage.use('data'), this.bytes)
    const array = this.dtype === 'f16' ? fromHalf(new Uint16Array(bytes)) : new ARRAYS[this.dtype as DType](bytes)
    this.see(array, version)
    return array
  }

  /**
   * @internal What `data()` gives, read when it is wanted and refused once `owner`, which changes when the elements do,
   * was written or updated.
   */
  late(owner: Tensor = this): LateArray {
    const { version } = owner.storage
    return new LateArray(this.size, async () => {
      check(owner.storage.version === version, 'state: must be read before the next step, got a read after one')
      return this.data('f32')
    })
  }

  /**
   * The only element, as a number.
   * @throws unless it has one element.
   */
  async item(): Promise<number> {
    check(this.size === 1, () => `item: needs a tensor of one element, got ${formatShape(this.shape)}`)
    return (await this.data())[0]
  }

  /**
   * Overwrites the elements, with an array of the dtype or with plain numbers. The tensor keeps its place, so a
   * captured step that reads it stays valid.
   * @throws inside of a step, and when the elements are not as many, or not of the dtype.
   */
  write(data: TypedArray | readonly number[]): this {
    check(!gpu.recording, 'write: cannot be part of a step; write before it, or give the step what changes as an input')
    check(
      data?.length === this.size,
      () => `write: tensor ${formatShape(this.shape)} holds ${this.size} elements, got ${data?.length ?? data}`,
    )
    const wanted = ARRAYS[this.dtype as DType]
    const array = Array.isArray(data)
      ? typedArray('write', flat('write', data).values, this.dtype)
      : (data as TypedArray)
    check(
      array instanceof wanted,
      () => `write: a tensor of ${this.dtype} takes a ${wanted.name}, got ${array?.constructor?.name}`,
    )
    gpu.write(this.storage.use('write'), this.dtype === 'f16' ? toHalf(array) : array)
    this.storage.version++
    this.see(array, this.storage.version)
    return this
  }

  /** The same elements without a history. */
  detach(): Tensor<D> {
    return new Tensor(this.storage, this.shape, this.dtype)
  }

  /** Gives the memory back at once instead of when it is collected. */
  dispose(): void {
    this.storage.memory?.release(this.storage)
  }

  /** As {@link dispose}: `using x = …` calls it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  /** `Tensor(f32 [2, 3])`, and its first elements where the host has seen them. */
  toString(): string {
    const { storage, seen, size } = this
    const gone = storage.state === 'dead' || storage.memory?.closed
    const values = !gone && seen?.version === storage.version ? seen.values : null
    const list = values
      ? ` [${values.map((v) => Number(v.toPrecision(6))).join(', ')}${size > SHOWN ? ', …' : ''}]`
      : ''
    return `Tensor(${this.dtype} ${formatShape(this.shape)})${gone ? ' disposed' : list}`
  }

  /** For Node's console. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  /** A gradient where this leaf's lies. */
  private placed(value: Tensor): Tensor {
    check(
      value instanceof Tensor && value.dtype === this.dtype && sameShape(value.shape, this.shape),
      () => `grad: must be null or a tensor like its leaf, ${this.dtype} ${formatShape(this.shape)}, got ${value}`,
    )
    check(!this.node, 'grad: only leaves have one; this tensor was made by an operator')
    const storage = gradientStorage(this)
    if (value.storage === storage) return value
    gpu.copy(value, storage)
    return new Tensor(storage, this.shape, this.dtype)
  }

  /** Kernels write over parameters and statistics unseen; all other tensors keep what the host has seen. */
  private see(array: TypedArray, version: number): void {
    if (!this.role) this.seen = { values: Array.from(array.subarray(0, SHOWN)), version }
  }
}

export type DTypeOf<T> = T extends Int32Array
  ? 'i32'
  : T extends Uint32Array
    ? 'u32'
    : T extends Uint8Array
      ? 'u8'
      : 'f32'

export interface TensorOptions<D extends DType = DType> {
  /** Default: that of the array; f32 for numbers. */
  dtype?: D
  /** Whether it is a leaf to be trained. Default false. */
  requiresGrad?: boolean
}

/**
 * A tensor with the given elements (row-major): an array with its shape, default one axis, or nested lists whose shape
 * is theirs (`torch.tensor`). The dtype follows the array's type: Float32Array or numbers → f32, …; f16 must be asked
 * for.
 * @throws when the elements are not numbers, not as many as the shape holds, or not what the dtype can hold; and inside
 *   of a captured function, which would see the same elements in every call.
 */
export function tensor<T extends TypedArray | Nested, D extends DType = DTypeOf<T>>(
  data: T,
  shape?: Shape,
  options: TensorOptions<D> = {},
): Tensor<D> {
  checkOptions('tensor', options, ['dtype', 'requiresGrad'])
  checkFlags('tensor', { requiresGrad: options.requiresGrad ?? false })
  check(
    !dependencies()?.replayed,
    'tensor: a captured function may run again without making it anew; make it outside, or pass it as an input',
  )
  const { values, shape: own } = ArrayBuffer.isView(data)
    ? { values: data as TypedArray, shape: [(data as TypedArray).length] }
    : flat('tensor', data as Nested)
  const dtype = options.dtype ?? (dtypeOf(values) as D)
  check(dtype in ARRAYS, () => `tensor: dtype must be one of ${Object.keys(ARRAYS).join(' ')}, got ${dtype}`)
  const dims = shape ?? own
  checkShape('tensor', dims)
  check(
    numel(dims) === values.length,
    () => `tensor: shape ${formatShape(dims)} holds ${numel(dims)} elements, got ${values.length}`,
  )
  return upload(values instanceof ARRAYS[dtype] ? values : typedArray('tensor', values, dtype), dims, options)
}

/** Numbers as an array of a dtype. @throws when it cannot hold one of them. */
function typedArray(name: string, values: ArrayLike<number>, dtype: DType): TypedArray {
  const range = RANGES[dtype as keyof typeof RANGES]
  if (range)
    for (let i = 0; i < values.length; i++)
      check(
        Number.isInteger(values[i]) && values[i] >= range.low && values[i] <= range.most,
        () => `${name}: ${dtype} holds whole numbers from ${range.low} to ${range.most}, got ${values[i]}`,
      )
  return ARRAYS[dtype].from(values)
}

/** A tensor of elements that the engine itself knows; see {@link tensor}. */
export function upload<D extends DType>(typed: TypedArray, dims: Shape, options: TensorOptions<D> = {}): Tensor<D> {
  const dtype = options.dtype ?? (dtypeOf(typed) as D)
  const array = dtype === 'f16' ? toHalf(typed as Float32Array) : typed
  const storage = gpu.allocateLive(array.byteLength, `tensor ${formatShape(dims)}`)
  const made = new Tensor<D>(storage, [...dims], dtype)
  gpu.write(made.storage, array)
  if (options.requiresGrad) made.requiresGrad = true
  made['see'](typed, storage.version)
  return made
}

function dtypeOf(values: TypedArray | readonly number[]): DType {
  if (values instanceof Int32Array) return 'i32'
  if (values instanceof Uint32Array) return 'u32'
  if (values instanceof Uint8Array) return 'u8'
  check(
    values instanceof Float32Array || Array.isArray(values),
    () =>
      `tensor: elements come as numbers, Float32Array, Int32Array, Uint32Array or Uint8Array, got ${kindOf(values)}`,
  )
  return 'f32'
}

/** The numbers of nested lists, row-major, and the shape of the lists. */
function flat(name: string, data: Nested): { values: number[]; shape: number[] } {
  const shape: number[] = []
  for (let at = data; Array.isArray(at); at = at[0]) shape.push(at.length)
  const values: number[] = []
  const visit = (value: Nested, depth: number) => {
    if (depth === shape.length) {
      check(typeof value === 'number', () => `${name}: elements must be numbers, got ${kindOf(value)}`)
      values.push(value)
      return
    }
    check(
      Array.isArray(value) && value.length === shape[depth],
      () =>
        `${name}: lists of axis ${depth} must all have ${shape[depth]} elements, got ` +
        (Array.isArray(value) ? value.length : kindOf(value)),
    )
    for (const element of value) visit(element, depth + 1)
  }
  visit(data, 0)
  return { values, shape }
}

/** Throws unless `shape` is a list of whole numbers above 0. */
export function checkShape(name: string, shape: Shape): void {
  check(
    Array.isArray(shape) && shape.every((s) => Number.isInteger(s) && s > 0),
    () => `${name}: sizes must be positive integers, got ${shown(shape)}`,
  )
}

/** An uninitialised tensor, for an operator to fill: transient inside a step, live outside. */
export function empty<D extends DType = 'f32'>(shape: Shape, dtype: D = 'f32' as D, label = 'tensor'): Tensor<D> {
  check(dtype in BYTES, () => `${label}: dtype must be one of ${Object.keys(BYTES).join(' ')}, got ${dtype}`)
  return new Tensor(gpu.allocate(numel(shape) * BYTES[dtype], `${label} ${formatShape(shape)}`), [...shape], dtype)
}

/** A tensor of zeros (`torch.zeros`). @throws when the shape is none, or larger than the adapter's buffers. */
export function zeros<D extends DType = 'f32'>(shape: Shape, dtype: D = 'f32' as D): Tensor<D> {
  checkShape('zeros', shape)
  const made = empty(shape, dtype)
  gpu.zero(made)
  return made
}

/** Where a leaf's gradient lies; made at first use. */
export function gradientStorage(leaf: Tensor): Storage {
  if (!leaf.gradStorage) {
    const storage = gpu.memory.allocate(leaf.bytes, `gradient ${formatShape(leaf.shape)}`)
    leaf.gradStorage = () => storage
  }
  return leaf.gradStorage()
}
