// What training and evaluation share: batches on the GPU, and results that are read a few steps late. Runs in Node and
// in a page.
import type { Batch, DataLoader } from '../data/dataLoader.js'
import { outputSize } from '../data/transforms.js'
import { type Tensor, tensor } from '../tensor/tensor.js'

/** Where batches come from: a DataLoader, or anything of its form. */
export type BatchSource = Pick<DataLoader, 'dataset' | 'length' | 'epoch' | 'batchSize'>

/** A batch as kernels see it: images u8 [B, H, W, 3], flips u32 [B], labels i32 [B]. */
export type BatchTensors = { images: Tensor; flips: Tensor; labels: Tensor }

/**
 * Puts batches into tensors that are made once per shape and written over. Safe while earlier steps still run: a write
 * lies behind all submitted work in the queue, and a captured step copies its inputs when it is submitted.
 */
export class Uploader {
  private readonly made = new Map<string, BatchTensors>()

  fill({ images, shape, flips, labels }: Batch): BatchTensors {
    const key = shape.join()
    const there = this.made.get(key)
    if (!there) {
      const tensors = { images: tensor(images, shape), flips: tensor(flips), labels: tensor(labels) }
      this.made.set(key, tensors)
      return tensors
    }
    there.images.write(images)
    there.flips.write(flips)
    there.labels.write(labels)
    return there
  }

  dispose(): void {
    for (const tensors of this.made.values()) for (const t of Object.values(tensors)) t.dispose()
    this.made.clear()
  }
}

/**
 * A batch of black pictures, as large as any that `source` will yield: to plan with. Null where pictures differ in
 * size.
 */
export function emptyBatch({ dataset: { samples, transform }, batchSize }: BatchSource): Batch | null {
  const B = Math.min(batchSize, samples.length)
  const size = outputSize(transform)
  if (!size) return null
  const [height, width] = size
  return {
    images: new Uint8Array(B * height * width * 3),
    shape: [B, height, width, 3],
    labels: new Int32Array(B),
    flips: new Uint32Array(B),
    indices: new Int32Array(B),
  }
}

/** Reads a result of a step and gives its memory back. */
export async function take(result: Tensor): Promise<Float32Array> {
  const data = await result.data()
  result.dispose()
  return data
}

/**
 * Steps whose results nobody has waited for yet: enough for the GPU to go on while this thread prepares the next batch.
 */
const IN_FLIGHT = 2

/** A queue of results that are handled in order, each only after a few later steps have been submitted. */
export class Lagging<T> {
  private readonly pending: Promise<T>[] = []

  constructor(private readonly handle: (value: T) => void) {}

  async push(result: Promise<T>): Promise<void> {
    result.catch(() => {}) // it is awaited in its turn; until then a failure must not count as unhandled
    this.pending.push(result)
    while (this.pending.length > IN_FLIGHT) this.handle(await this.pending.shift()!)
  }

  async drain(): Promise<void> {
    while (this.pending.length) this.handle(await this.pending.shift()!)
  }
}
