// Parameters and model state in a few flat chunks: an optimizer then updates many parameters in one dispatch.
import { gpu, perEngine } from '../gpu/gpu.js'
import type { Memory } from '../gpu/memory.js'
import { Storage, roundUp } from '../gpu/storage.js'
import { type Shape, check, numel, shown } from '../util/check.js'
import { Tensor, checkShape, gradientStorage } from './tensor.js'

/** Of parameters, in bytes, so that their halves begin where bindings may. */
const ALIGNMENT = 512
/** The first chunks; later ones grow with all: a small model takes little, a large one has few gaps and few runs. */
const CHUNK_BYTES = [1 << 20, 15 << 20, 32 << 20] as const
/** Chunks that may still be filled; older ones are let go, so that a dropped model's memory is not held by its gaps. */
const MAX_OPEN = 8

/**
 * A buffer that tensors are slices of, and its twins of the same layout for gradients and for its values in f16 (made
 * when the first one arrives).
 */
class Chunk {
  readonly buffer: GPUBuffer
  used = 0
  private gradients: GPUBuffer | null = null
  private halves: GPUBuffer | null = null

  constructor(
    readonly bytes: number,
    readonly label: string,
  ) {
    this.buffer = gpu.memory.createStorageBuffer(bytes, label)
    collected.register(this, { memory: gpu.memory, buffer: this.buffer })
  }

  get room(): number {
    return this.bytes - this.used
  }

  /** Next free slice, or null when it does not fit. */
  take(bytes: number, label: string): Storage | null {
    const size = roundUp(bytes, ALIGNMENT)
    if (this.used + size > this.bytes) return null
    const storage = new Storage(bytes, 'live', label, this.buffer, this.used, this, gpu.memory)
    this.used += size
    return storage
  }

  /** The slice of the gradient twin that belongs to `parameter`. */
  gradientOf(parameter: Storage): Storage {
    this.gradients ??= this.twin(this.bytes, 'gradients')
    const { byteLength, label, offset, memory } = parameter
    return new Storage(byteLength, 'live', `gradient of ${label}`, this.gradients, offset, this, memory)
  }

  /** Places for the bytes from `begin` to `end` in f16. */
  halvesOf(begin: number, end: number): Storage {
    this.halves ??= this.twin(this.bytes / 2, 'halves')
    return new Storage((end - begin) / 2, 'live', 'rounded parameters', this.halves, begin / 2, this, gpu.memory)
  }

  private twin(bytes: number, of: string): GPUBuffer {
    const buffer = gpu.memory.createStorageBuffer(bytes, `${of} of ${this.label}`)
    collected.register(this, { memory: gpu.memory, buffer })
    return buffer
  }
}

const collected = new FinalizationRegistry<{ memory: Memory; buffer: GPUBuffer }>(({ memory, buffer }) =>
  memory.destroy(buffer),
)

/**
 * Allocates slices one after another in the first chunk with room, so that what is made together mostly lies together.
 */
class Arena {
  private open: Chunk[] = []
  private made = 0
  private bytes = 0

  constructor(private readonly label: string) {}

  take(shape: Shape, label: string): Storage {
    const bytes = roundUp(numel(shape) * 4, ALIGNMENT)
    const limit = gpu.caps.limits.maxStorageBufferBindingSize
    check(bytes <= limit, () => `parameter ${label}: needs ${bytes} bytes, this adapter binds at most ${limit}`)
    for (const chunk of this.open) {
      const slice = chunk.take(bytes, label)
      if (slice) return slice
    }
    const usual = CHUNK_BYTES[this.made++] ?? Math.max(CHUNK_BYTES[2], roundUp(this.bytes / 2, ALIGNMENT))
    const chunk = new Chunk(Math.max(Math.min(usual, limit), bytes), this.label)
    this.bytes += chunk.bytes
    this.open = [...this.open.filter((c) => c.room > 0), chunk].slice(-MAX_OPEN)
    return chunk.take(bytes, label)!
  }
}

/** Where the f16 values of what lies in an arena from `begin` to `end`, both in bytes, have their place. */
export const halvesOf = ({ owner }: Storage, begin: number, end: number): Storage | null =>
  owner instanceof Chunk ? owner.halvesOf(begin, end) : null

const arenas = perEngine(() => ({ parameters: new Arena('parameters'), state: new Arena('state') }))

/** A trainable leaf of the given shape, with uninitialised elements, beside those made before it. */
export function parameter(shape: Shape, label: string): Tensor<'f32'> {
  checkShape(`parameter ${label}`, shape)
  const storage = arenas().parameters.take(shape, label)
  const made = new Tensor<'f32'>(storage, [...shape])
  made.requiresGrad = true
  let gradient: Storage | null = null
  made.gradStorage = () => (gradient ??= (storage.owner as Chunk).gradientOf(storage))
  return made
}

/** A tensor that belongs to a model without being trained (PyTorch's buffer), with uninitialised elements. */
export function buffer(shape: Shape, label: string): Tensor<'f32'> {
  checkShape(`buffer ${label}`, shape)
  const made = new Tensor<'f32'>(arenas().state.take(shape, label), [...shape])
  made.role = 'buffer'
  return made
}

/**
 * Parameters, or a model's buffers, that lie side by side: `parameters`, `gradients` cover the same run of `floats`
 * elements. Gradients have memory once they are asked for.
 */
export interface Run {
  parameters: Storage
  readonly gradients: Storage
  floats: number
}

/** Throws unless these are a list of tensors. */
export function checkParameters(name: string, params: readonly Tensor[]): void {
  check(
    Array.isArray(params) && params.every((p) => p instanceof Tensor),
    () => `${name}: needs a list of parameters, got ${shown(params)}`,
  )
}

/**
 * Joins parameters into as few runs as their places allow; gaps of alignment between two neighbours are part of a run.
 */
export function contiguousRuns(tensors: readonly Tensor[]): Run[] {
  for (const { dtype } of tensors) check(dtype === 'f32', () => `optimizer: parameters must be f32, got ${dtype}`)
  const limit = gpu.caps.limits.maxStorageBufferBindingSize
  const sorted = [...tensors].sort((a, b) => order(a, b))
  const runs: Run[] = []
  let first: Tensor | null = null
  let end = 0
  const close = () => {
    if (!first) return
    const leaf = first
    const bytes = end - leaf.storage.offset
    runs.push({
      parameters: leaf.storage.slice(0, bytes, 'parameters'),
      get gradients() {
        return gradientStorage(leaf).slice(0, bytes, 'gradients')
      },
      floats: bytes / 4,
    })
  }
  for (const t of sorted) {
    const adjoins =
      first &&
      first.storage.buffer === t.storage.buffer &&
      t.storage.offset === roundUp(end, ALIGNMENT) &&
      first.storage.owner &&
      t.storage.offset + t.storage.byteLength - first.storage.offset <= limit
    if (!adjoins) {
      close()
      first = t
    }
    end = t.storage.offset + t.storage.byteLength
  }
  close()
  return runs
}

const bufferIds = new WeakMap<GPUBuffer, number>()
let nextBufferId = 0

/** By buffer in order of appearance, then by place. */
function order(a: Tensor, b: Tensor): number {
  const id = (t: Tensor) => {
    const buffer = t.storage.buffer!
    if (!bufferIds.has(buffer)) bufferIds.set(buffer, nextBufferId++)
    return bufferIds.get(buffer)!
  }
  return id(a) - id(b) || a.storage.offset - b.storage.offset
}
