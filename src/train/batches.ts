// What training and evaluation share: batches on the GPU, and results that are read a few steps late. Runs in Node and
// in a page.
import type { Batch, DataLoader } from '../data/dataLoader.js'
import { hostSize, views } from '../data/transforms.js'
import { Random } from '../util/random.js'
import { type Tensor, tensor } from '../tensor/tensor.js'

/** Where batches come from: a DataLoader, or anything of its form. */
export type BatchSource = Pick<DataLoader, 'dataset' | 'length' | 'epoch' | 'batchSize'>

/** A batch as kernels see it: images u8 [B, H, W, 3], geometry f32 [B, 6], jitter f32 [B, 8], labels i32 [B]. */
export type BatchTensors = { images: Tensor; geometry: Tensor; jitter?: Tensor; labels: Tensor }

/**
 * Puts batches into tensors that are made once per shape and written over. Safe while earlier steps still run: a write
 * lies behind all submitted work in the queue, and a captured step copies its inputs when it is submitted.
 */
export class Uploader {
  private readonly made = new Map<string, BatchTensors>()

  fill({ images, shape, geometry = unchanged(shape), jitter, labels }: Batch): BatchTensors {
    const key = `${shape} ${Boolean(jitter)}`
    const there = this.made.get(key)
    if (!there) {
      const tensors = {
        images: tensor(images, shape),
        geometry: tensor(geometry, [shape[0], 6]),
        ...(jitter && { jitter: tensor(jitter, [shape[0], 8]) }),
        labels: tensor(labels),
      }
      this.made.set(key, tensors)
      return tensors
    }
    there.images.write(images)
    there.geometry.write(geometry)
    if (jitter) there.jitter!.write(jitter)
    there.labels.write(labels)
    return there
  }

  dispose(): void {
    for (const tensors of this.made.values()) for (const t of Object.values(tensors)) t.dispose()
    this.made.clear()
  }
}

/** The maps of images that stay as they are. */
const unchanged = ([B]: Batch['shape']): Float32Array =>
  Float32Array.from({ length: 6 * B }, (_, i) => Number(i % 6 === 0 || i % 6 === 4))

/** What batches look like. */
export type BatchForm = Pick<BatchSource, 'dataset' | 'batchSize'>

/**
 * A batch of black images, as large as any that `source` will yield: to plan with. Null where images differ in
 * size.
 */
export function emptyBatch({ dataset: { samples, transform }, batchSize }: BatchForm): Batch | null {
  const B = Math.min(batchSize, samples.length)
  const size = hostSize(transform)
  if (!size) return null
  const [height, width] = size
  return {
    images: new Uint8Array(B * height * width * 3),
    shape: [B, height, width, 3],
    labels: new Int32Array(B),
    ...views(transform, [B, height, width], () => new Random(0)),
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
