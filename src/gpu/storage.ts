// A run of bytes on the GPU, known or still to be placed. Knows bytes, not tensors.
import { check } from '../util/check.js'

/** Everything that can be bound to a kernel: a storage, or something that has one (a tensor). */
export interface Bindable {
  readonly storage: Storage
  /** What the bytes hold, where that is known: kernels are checked against it. */
  readonly dtype?: string
}

/** Sizes are rounded up so that any storage can be bound as an array of vec4<f32>. */
export const roundUp = (bytes: number, to: number) => Math.ceil(bytes / to) * to

/** What a storage knows of the memory that it lies in. */
export interface Home {
  /** Why nothing in it can be used any more; null while all can. */
  readonly closed: string | null
  /** Takes the bytes of a live storage back. */
  release(storage: Storage): void
}

let nextId = 0

/**
 * Bytes that a kernel reads or writes.
 * `live`: has a buffer until disposed. `transient`: made inside a step; the plan places it. `dead`: its step has ended.
 */
export class Storage implements Bindable {
  readonly id = nextId++
  readonly byteLength: number
  /** Times that its bytes were written over from the host or by an optimizer; a backward pass wants none since. */
  version = 0
  /** Memory of the host as large as a large live storage, never touched: what the garbage collector goes by. */
  pressure: ArrayBuffer | null = null
  /** Position among the transients of its recording; -1 for a live storage. */
  index = -1

  constructor(
    bytes: number,
    public state: 'live' | 'transient' | 'dead',
    public label: string,
    public buffer: GPUBuffer | null = null,
    public offset = 0,
    /** What must stay alive as long as this storage does (the arena chunk it is a slice of). */
    readonly owner: object | null = null,
    /** The memory that its buffer is of; null for a transient. */
    readonly memory: Home | null = null,
  ) {
    this.byteLength = Math.max(16, roundUp(bytes, 16))
  }

  /** `bytes` bytes of a live storage from `at` on. */
  slice(at: number, bytes: number, label: string, owner: object | null = this.owner): Storage {
    return new Storage(bytes, 'live', label, this.buffer, this.offset + at, owner, this.memory)
  }

  get storage(): this {
    return this
  }

  /** Throws unless the bytes may still be used by `user`. */
  use(user: string): this {
    check(!this.memory?.closed, () => `${user}: ${this.label} is gone, ${this.memory!.closed}`)
    check(
      this.state !== 'dead',
      () =>
        `${user}: ${this.label} is no longer alive, it was disposed or made inside a step ` +
        'that has ended; return it from the step function to keep it',
    )
    return this
  }
}
