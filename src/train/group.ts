// Processes that train one model together. What carries their bytes is made for it elsewhere (MPI, in src/mpi.ts); what
// follows from it is here: sums of gradients, and values that all know of each other.
import { Tensor } from '../tensor/tensor.js'
import type { Dataset } from '../data/imageFolder.js'
import type { Module } from '../nn/module.js'
import { check } from '../util/check.js'
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

/** Sums gradients over a group, and knows what that took. */
export class GradientSum {
  /** Floats that were summed. */
  floats = 0
  /** Seconds in which the step waited for it. */
  seconds = 0

  constructor(private readonly group: Group) {}

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
      await this.group.sum(values)
      bucket.write(values)
      this.floats += values.length
    }
    this.seconds += (performance.now() - start) / 1000
  }
}

/** A run of gradients in pieces of one bucket each. */
function cut({ storage, size }: Tensor): Tensor<'f32'>[] {
  return Array.from({ length: Math.ceil(size / BUCKET) }, (_, i) => {
    const floats = Math.min(BUCKET, size - i * BUCKET)
    return new Tensor(storage.slice(4 * i * BUCKET, 4 * floats, 'gradients'), [floats])
  })
}

/** Outputs of all processes, one part of the images after the other; null where one of them was stopped. */
export async function gatherOutputs(group: Group, own: Outputs | null): Promise<Outputs | null> {
  if ((await gatherValues(group, own === null)).includes(true)) return null
  const { logits, labels, numClasses } = own!
  const all = async (values: ArrayLike<number>) => {
    const parts = await group.gather(new Uint8Array(Float32Array.from(values).buffer))
    return parts.flatMap((bytes) => [...new Float32Array(bytes.slice().buffer)])
  }
  return { logits: Float32Array.from(await all(logits)), labels: Int32Array.from(await all(labels)), numClasses }
}

/** What a process evaluates of a data set: as many images as the others, in their order. */
export function partOf<T extends Pick<Dataset, 'samples'>>(set: T, group: Group | undefined): T {
  if (!group) return set
  const { samples } = set
  const from = (rank: number) => Math.floor((rank * samples.length) / group.size)
  check(
    samples.length >= group.size,
    `evaluation: needs an image for each of ${group.size} processes, got ${samples.length}`,
  )
  return { ...set, samples: samples.slice(from(group.rank), from(group.rank + 1)) }
}

/** Gives all processes the buffers of process 0: each has seen other images. */
export async function shareBuffers(group: Group, model: Module): Promise<void> {
  for (const [, buffer] of model.namedBuffers()) {
    const own = (await buffer.data()) as Float32Array
    const bytes = await group.broadcast(new Uint8Array(own.buffer, own.byteOffset, own.byteLength))
    if (group.rank > 0) buffer.write(new Float32Array(bytes.slice().buffer))
  }
}

/** A value of every process, by rank: plain data, as JSON. */
export async function gatherValues<T>(group: Group, value: T): Promise<T[]> {
  const texts = await group.gather(new TextEncoder().encode(JSON.stringify(value)))
  return texts.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)) as T)
}
