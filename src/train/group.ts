// Processes that train one model together. What carries their bytes is made for it elsewhere (MPI, in src/mpi.ts); what
// follows from it is here: sums of gradients, and values that all know of each other.
import { Tensor } from '../tensor/tensor.js'
import type { Dataset } from '../data/imageFolder.js'
import type { Module } from '../nn/module.js'
import { check } from '../util/check.js'
import { rangeOf } from '../util/ranges.js'
import type { Outputs } from './metrics.js'
import type { Exchange } from './step.js'

/**
 * Processes that do the same work on different images. Each call is made by all of them, in the same order, and waits
 * for all.
 */
export interface Group {
  /** Which of them this one is, from 0. */
  readonly rank: number
  readonly size: number
  /** Adds up the values of all processes, in the order of their ranks, and leaves the sums in each. */
  sum(values: Float32Array): Promise<void>
  /** The bytes of every process, by rank. */
  gather(bytes: Uint8Array): Promise<Uint8Array[]>
  /** The bytes of process 0; what the others give is not looked at. */
  broadcast(bytes: Uint8Array): Promise<Uint8Array>
}

/** Floats that are summed at once: meanwhile the next ones are read back from the GPU. */
const BUCKET = 1 << 20

/** What training does with a group. */
export class Team implements Group {
  readonly rank: number
  readonly size: number
  /** Floats of gradients and statistics that were summed. */
  private floats = 0
  /** In which steps waited for it. */
  private seconds = 0

  constructor(private readonly group: Group) {
    this.rank = group.rank
    this.size = group.size
  }

  sum(values: Float32Array): Promise<void> {
    return this.group.sum(values)
  }

  gather(bytes: Uint8Array): Promise<Uint8Array[]> {
    return this.group.gather(bytes)
  }

  broadcast(bytes: Uint8Array): Promise<Uint8Array> {
    return this.group.broadcast(bytes)
  }

  /** A value of every process, by rank: plain data, as JSON. */
  async values<T>(value: T): Promise<T[]> {
    const texts = await this.gather(new TextEncoder().encode(JSON.stringify(value)))
    return texts.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as T)
  }

  /** Sums values of a step, such as statistics, while it waits. */
  readonly reduce = async (values: Float32Array): Promise<void> => {
    const start = performance.now()
    await this.sum(values)
    this.floats += values.length
    this.seconds += (performance.now() - start) / 1000
  }

  /** Sums gradients. */
  readonly exchange: Exchange = async (gradients) => {
    const start = performance.now()
    const buckets = gradients.flatMap(cut)
    const read = (bucket: Tensor<'f32'> | undefined) => {
      const values = bucket?.data()
      values?.catch(() => {}) // it is awaited in its turn; until then a failure must not count as unhandled
      return values
    }
    let next = read(buckets[0])
    for (const [at, bucket] of buckets.entries()) {
      const values = (await next)!
      next = read(buckets[at + 1])
      await this.sum(values)
      bucket.write(values)
      this.floats += values.length
    }
    this.seconds += (performance.now() - start) / 1000
  }

  /** What that took in so many steps and seconds of training. */
  cost(steps: number, seconds: number): { processes: number; bytesPerStep: number; share: number } {
    const bytesPerStep = (4 * this.floats) / Math.max(steps, 1)
    return { processes: this.size, bytesPerStep, share: this.seconds / Math.max(seconds, 1e-9) }
  }

  /** Outputs of all processes, one part of the images after the other; null where one of them was stopped. */
  async outputs(own: Outputs | null): Promise<Outputs | null> {
    if ((await this.values(own === null)).includes(true)) return null
    const { logits, labels, numClasses } = own!
    const all = async (values: ArrayLike<number>) => {
      const parts = await this.gather(new Uint8Array(Float32Array.from(values).buffer))
      return parts.flatMap((bytes) => [...floatsOf(bytes)])
    }
    return { logits: Float32Array.from(await all(logits)), labels: Int32Array.from(await all(labels)), numClasses }
  }

  /**
   * What this process evaluates of a data set: as many images as the others, in their order.
   * @throws when there are fewer images than processes.
   */
  partOf(set: Dataset): Dataset {
    const { samples } = set
    const { rank, size } = this
    const { start, end } = rangeOf(samples.length, rank, size)
    check(samples.length >= size, `evaluation: needs an image for each of ${size} processes, got ${samples.length}`)
    return { ...set, samples: samples.slice(start, end) }
  }

  /** Gives all processes the buffers of process 0: each has seen other images. */
  async shareBuffers(model: Module): Promise<void> {
    for (const [, buffer] of model.namedBuffers()) {
      const own = (await buffer.data()) as Float32Array
      const bytes = await this.broadcast(new Uint8Array(own.buffer, own.byteOffset, own.byteLength))
      if (this.rank > 0) buffer.write(floatsOf(bytes))
    }
  }
}

/** A run of gradients in pieces of one bucket each. */
function cut({ storage, size }: Tensor): Tensor<'f32'>[] {
  return Array.from({ length: Math.ceil(size / BUCKET) }, (_, i) => {
    const floats = Math.min(BUCKET, size - i * BUCKET)
    return new Tensor(storage.slice(4 * i * BUCKET, 4 * floats, 'gradients'), [floats])
  })
}

/** Bytes of another process as what they were there; copied, as they may begin anywhere. */
const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer)
