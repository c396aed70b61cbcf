// What training and evaluation share: batches on the GPU, and results that are read a few steps late. Runs in Node and
// in a page.
import type { Batch, DataLoader } from '../data/dataLoader.js'
import { IDENTITY } from '../data/augment.js'
import { type DeviceOptions, hostSize, vary } from '../data/transforms.js'
import * as F from '../ops/index.js'
import { loadAugmentShaders } from '../shaders.late.js'
import { Random } from '../util/random.js'
import { type Tensor, tensor } from '../tensor/tensor.js'

/** Where batches come from: a DataLoader, or anything of its form. */
export interface BatchSource extends Pick<DataLoader, 'dataset' | 'length' | 'epoch' | 'batchSize'> {
  /** How many numbers an image has in batches that hold features; see `cacheTrunk` of `radiograd/trunk`. */
  readonly features?: number
}

/**
 * A batch as kernels see it: images u8 [B, H, W, 3] or their features f32 [B, F], geometry f32 [B, 9], tones f32 [B,
 * curves], jitter f32 [B, 8], effects f32 [B, 16], labels i32 [B], targets f32 [B, classes].
 */
export type BatchTensors = {
  images: Tensor
  geometry: Tensor
  tones?: Tensor
  jitter?: Tensor
  effects?: Tensor
  labels: Tensor
  targets?: Tensor
}

/**
 * Puts batches into tensors that are made once per shape and written over. Safe while earlier steps still run: a write
 * lies behind all submitted work in the queue, and a captured step copies its inputs when it is submitted.
 */
export class Uploader {
  private readonly made = new Map<string, BatchTensors>()

  async fill(batch: Batch): Promise<BatchTensors> {
    const { images, shape, features, geometry = unchanged(shape), tones, jitter, effects, labels, targets } = batch
    const B = shape[0]
    if (tones || effects) await loadAugmentShaders()
    const rows = Object.entries({ geometry, tones, jitter, effects, targets }).filter(([, values]) => values)
    const arrays: [name: string, values: Uint8Array | Int32Array | Float32Array, shape: readonly number[]][] = [
      features ? ['images', features, [B, features.length / B]] : ['images', images, shape],
      ['labels', labels, [B]],
      ...rows.map(([name, values]): [string, Float32Array, number[]] => [name, values!, [B, values!.length / B]]),
    ]
    const key = `${arrays[0][2]} ${rows.map(([name]) => name)}`
    const there = this.made.get(key)
    if (there) for (const [name, values] of arrays) there[name as keyof BatchTensors]!.write(values)
    const tensors = there ?? Object.fromEntries(arrays.map(([name, values, of]) => [name, tensor(values, of)]))
    this.made.set(key, tensors as BatchTensors)
    return tensors as BatchTensors
  }

  dispose(): void {
    for (const tensors of this.made.values()) for (const t of Object.values(tensors)) t.dispose()
    this.made.clear()
  }
}

/** The maps of images that stay as they are. */
const unchanged = ([B]: Batch['shape']): Float32Array => Float32Array.from({ length: 9 * B }, (_, i) => IDENTITY[i % 9])

/** What batches look like. */
export type BatchForm = Pick<BatchSource, 'dataset' | 'batchSize' | 'features'>

/**
 * A batch of black images, as large as any that `source` will yield: to plan with. Null where images differ in
 * size.
 */
export function emptyBatch({ dataset: { samples, transform, classes }, batchSize, features }: BatchForm): Batch | null {
  const B = Math.min(batchSize, samples.length)
  const size = hostSize(transform)
  if (!size) return null
  const [height, width] = size
  return {
    images: new Uint8Array(B * height * width * 3),
    shape: [B, height, width, 3],
    ...(features && { features: new Float32Array(B * features) }),
    labels: new Int32Array(B),
    ...vary(transform, [B, height, width], () => new Random(0)),
    ...(transform.device.mix && { targets: new Float32Array(B * classes.length) }),
    indices: new Int32Array(B),
  }
}

/** What the network sees of a batch that an {@link Uploader} was filled with, [B, H, W, 3] or features as they are. */
export function networkInput(
  { images, geometry, tones: strengths, jitter, effects }: Omit<BatchTensors, 'labels' | 'targets'>,
  { tones, kernelSize, ...normalization }: DeviceOptions,
): Tensor {
  if (images.shape.length === 2) return images
  const toned = strengths && tones ? F.toneImages(images, strengths, tones) : images
  const x = F.normalizeImages(toned, geometry, { ...normalization, jitter })
  return effects ? F.imageEffects(x, effects, { ...normalization, kernelSize }) : x
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
