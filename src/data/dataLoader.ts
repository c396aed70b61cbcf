// Batches of bytes for the GPU: order, prefetching, and a memory of what was decoded. The random and the floating-point
// part of the transforms is not done here but by the GPU, from `geometry`, `tones`, `jitter`, `effects` and the data
// set's `transform.device`.
import { check } from '../util/check.js'
import { checkWhole, withDefaults } from '../util/options.js'
import { rangeOf } from '../util/ranges.js'
import { DecodePool, defaultWorkers } from './decodePool.js'
import { type Image, packed, unpack } from './image.js'
import type { Dataset, Sample } from './imageFolder.js'
import { Random } from '../util/random.js'
import { deviceOptions, vary } from './transforms.js'

/** One batch; B is the batch size (less in a last batch that is kept). */
export interface Batch {
  /** [B, H, W, 3] bytes. */
  readonly images: Uint8Array
  readonly shape: readonly [batch: number, height: number, width: number, channels: 3]
  /** [B · F], what frozen layers have made of the images, where that is known: see `cacheTrunk`. */
  readonly features?: Float32Array
  /** [B] class indices. */
  readonly labels: Int32Array
  /** [B, 9], a map from the result to each image (`F.normalizeImages`); left out, images stay as they are. */
  readonly geometry?: Float32Array
  /** [B, curves], how strong each tone curve is (`F.toneImages`); left out where the pipeline has none. */
  readonly tones?: Float32Array
  /** [B, 8], each image's colour jitter; left out where the pipeline has none. */
  readonly jitter?: Float32Array
  /** [B, 16], what each image is given at the end (`F.imageEffects`); left out where the pipeline has no such. */
  readonly effects?: Float32Array
  /** [B, classes], the mixture of classes that each image is; left out where images are not mixed. */
  readonly targets?: Float32Array
  /** [B] positions in `dataset.samples`. */
  readonly indices: Int32Array
  /** Labels of the whole batch, where this is a process's part of it. */
  readonly whole?: Int32Array
}

/** Options of {@link DataLoader}. */
export interface DataLoaderOptions {
  /** Images per batch. Default 1. */
  batchSize?: number
  /** A new order each epoch. Default false. */
  shuffle?: boolean
  /** Leave out a last batch that is not full. Default false. */
  dropLast?: boolean
  /** Decoding workers. Default one a core; 0 decodes in this thread. A pool may be shared between loaders. */
  workers?: number | DecodePool
  /** The most pixels a picture may have. Default 25 million. A pool that is given has its own limit. */
  maxPixels?: number
  /** Batches decoded ahead of the one in use. Default 4. */
  prefetch?: number
  /** Determines order and augmentation together with the epoch's number. Default 0. */
  seed?: number
  /**
   * Which of the processes that share every batch this is (a `Group` will do): batches are of all, this loader yields
   * its part of each. A last batch that has not an image for each is left out.
   */
  group?: { readonly rank: number; readonly size: number }
  /**
   * Bytes of decoded pictures to remember, default 2 GiB, in a page 160 MiB, of all loaders together that share a pool.
   * A gray picture takes one for each pixel, others three. Pictures beyond are decoded again each epoch.
   */
  cacheBytes?: number
}

/**
 * Iterates a data set in batches. `epoch(e)` depends on (seed, e) alone; iterating the loader itself runs epochs
 * 0, 1, 2, …. A file that cannot be decoded ends the epoch with an error naming it.
 * @throws when an option makes no sense or is unknown; while iterating, for an image that cannot be decoded, by its
 * path.
 */
export class DataLoader {
  readonly dataset: Dataset
  readonly batchSize: number
  private readonly shuffle: boolean
  private readonly dropLast: boolean
  private readonly prefetch: number
  private readonly seed: number
  private readonly group: { readonly rank: number; readonly size: number }
  private readonly pool: DecodePool
  private readonly ownsPool: boolean
  private readonly cache = new Map<Sample, Uint8Array>()
  /** What counts the bytes that may still be remembered. */
  private readonly room: { cacheRoom: number }
  private size: { height: number; width: number; path: string } | undefined
  private nextEpoch = 0

  constructor(dataset: Dataset, options: DataLoaderOptions = {}) {
    const settings = withDefaults<DataLoaderOptions>('DataLoader', options, {
      batchSize: 1,
      prefetch: 4,
      seed: 0,
      shuffle: false,
      dropLast: false,
      group: { rank: 0, size: 1 },
      workers: undefined,
      maxPixels: undefined,
      cacheBytes: undefined,
    }) as Required<DataLoaderOptions>
    const { batchSize, prefetch, seed } = settings
    checkWhole('DataLoader', { batchSize }, 1)
    checkWhole('DataLoader', { prefetch }, 0)
    checkWhole('DataLoader', { seed })
    check(dataset.samples.length > 0, 'DataLoader: the data set must hold samples, got none')
    check(
      'host' in dataset.transform,
      'DataLoader: transform must be made by transforms.compose([…]), got a single step',
    )
    this.dataset = dataset
    this.batchSize = batchSize
    this.prefetch = prefetch
    this.seed = seed
    this.shuffle = settings.shuffle
    this.dropLast = settings.dropLast
    this.group = settings.group
    const { rank, size } = this.group
    check(rank >= 0 && rank < size, `DataLoader: group must be one of its processes, got rank ${rank} of ${size}`)
    check(
      this.batchSize % size === 0,
      `DataLoader: batchSize must be a multiple of the ${size} processes, got ${this.batchSize}`,
    )
    const { workers = defaultWorkers(), cacheBytes } = options
    this.ownsPool = typeof workers === 'number'
    this.pool = typeof workers === 'number' ? new DecodePool(workers, { maxPixels: options.maxPixels }) : workers
    this.room = cacheBytes === undefined ? this.pool : { cacheRoom: cacheBytes }
    check(
      this.length > 0,
      `DataLoader: must yield a batch, got ${dataset.samples.length} samples, batchSize ${this.batchSize} and dropLast`,
    )
  }

  /** Batches per epoch. */
  get length(): number {
    const { samples } = this.dataset
    const full = Math.floor(samples.length / this.batchSize)
    const left = samples.length % this.batchSize
    return !this.dropLast && left >= this.group.size ? full + 1 : full
  }

  /** Pictures remembered so far: once it equals the number of different samples, an epoch decodes nothing. */
  get cached(): number {
    return this.cache.size
  }

  /** The order of samples in epoch `e`. */
  order(e: number): Int32Array {
    const order = Int32Array.from(this.dataset.samples, (_, i) => i)
    return this.shuffle ? new Random(this.seed, e, 1).shuffle(order) : order
  }

  /**
   * Batches of epoch `e`, the first `from` of them left out. Stopping early drops what was queued ahead.
   * @throws (rejects) for an image that cannot be decoded, or has another size than the first.
   */
  async *epoch(e: number, from = 0): AsyncGenerator<Batch, void, void> {
    const order = this.order(e)
    const abort = new AbortController()
    const ahead: Promise<Batch>[] = []
    let started = from
    const fill = (most: number): void => {
      for (; started < this.length && ahead.length < most; started++) {
        const batch = this.assemble(
          order.subarray(started * this.batchSize, (started + 1) * this.batchSize),
          { e, batch: started },
          abort.signal,
        )
        // A failure is reported when its turn comes; until then it must not count as unhandled.
        batch.catch(() => {})
        ahead.push(batch)
      }
    }
    try {
      for (fill(this.prefetch + 1); ahead.length > 0; fill(this.prefetch + 1)) {
        const batch = await ahead.shift()!
        // Refill before handing over, so that the workers decode while the GPU trains on this batch.
        fill(this.prefetch)
        yield batch
      }
    } finally {
      abort.abort()
    }
  }

  /** The batches of the next epoch: `for await (const batch of loader)`. */
  [Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    return this.epoch(this.nextEpoch++)
  }

  /** Stops the workers, unless the pool was given, and forgets the pictures. An epoch that is running fails. */
  async close(): Promise<void> {
    for (const { length } of this.cache.values()) this.room.cacheRoom += length
    this.cache.clear()
    if (this.ownsPool) await this.pool.close()
  }

  /** This process's part of the batch with the samples `all`. */
  private async assemble(
    all: Int32Array,
    { e, batch }: { e: number; batch: number },
    signal: AbortSignal,
  ): Promise<Batch> {
    const { samples, transform, classes } = this.dataset
    const { rank, size } = this.group
    const { start, end } = rangeOf(all.length, rank, size)
    const indices = all.slice(start, end)
    const whole = size > 1 ? { whole: Int32Array.from(all, (i) => samples[i].label) } : {}
    const chosen = Array.from(indices, (i) => samples[i])
    const pictures = await Promise.all(chosen.map((sample) => this.cache.get(sample) ?? this.decode(sample, signal)))
    const { height, width } = this.size!
    const images = new Uint8Array(indices.length * height * width * 3)
    pictures.forEach((data, slot) =>
      unpack(data, images.subarray(slot * height * width * 3, (slot + 1) * height * width * 3)),
    )
    const labels = Int32Array.from(chosen, ({ label }) => label)
    const B = indices.length
    const varied = vary(transform, [B, height, width], (at) => new Random(this.seed, e, 2, indices[at]))
    const { mix } = transform.device
    if (!mix) return { images, shape: [B, height, width, 3], labels, ...whole, ...varied, indices }
    const { drawMix, mixBatch } = await import('./mix.js')
    const [H, W] = deviceOptions(transform).size ?? [height, width]
    const mixed = drawMix(mix, [B, H, W], new Random(this.seed, e, 3, batch))
    const targets = mixBatch(mixed, labels, classes.length, varied.effects!)
    return { images, shape: [B, height, width, 3], labels, ...whole, ...varied, targets, indices }
  }

  private async decode(sample: Sample, signal: AbortSignal): Promise<Uint8Array> {
    const { path, file } = sample
    const image = await this.pool.decode({ path, file, steps: this.dataset.transform.host }, signal)
    this.checkSize(image, path)
    const data = packed(image.data)
    if (!this.cache.has(sample) && data.length <= this.room.cacheRoom) {
      this.cache.set(sample, data)
      this.room.cacheRoom -= data.length
    }
    return data
  }

  private checkSize({ height, width }: Image, path: string): void {
    this.size ??= { height, width, path }
    const first = this.size
    check(
      height === first.height && width === first.width,
      `${path}: must have the size of ${first.path} after the transforms ` +
        `(add Resize([height, width]) or CenterCrop), ` +
        `got ${height} × ${width} and ${first.height} × ${first.width}`,
    )
  }
}
