// What the frozen layers in front of the trained ones (the trunk) make of each image, computed once and kept: later
// epochs run only what is trained, with the same bits. Loaded where it is wanted.
//
// A row of features belongs to an image, the numbers that its augmentation drew, and the size of the batch it was
// computed in: kernels are chosen by that size, so another one may give other last bits. Images that no row is known of
// are gathered from some batches ahead and computed in a batch of that size, in whatever place.
import { CACHE_BYTES } from '#platform/pool'
import { Spill } from '#platform/spill'
import type { Batch } from '../data/dataLoader.js'
import type { Sample } from '../data/imageFolder.js'
import { type DeviceOptions, type Pipeline, deviceOptions, hostSize, vary } from '../data/transforms.js'
import type { Captured } from '../engine/index.js'
import { gpu } from '../gpu/gpu.js'
import { type Command, accesses } from '../gpu/recording.js'
import * as F from '../ops/index.js'
import { autocast, noGrad } from '../tensor/mode.js'
import type { Tensor } from '../tensor/tensor.js'
import { SettingError, check, numel } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { Random } from '../util/random.js'
import { type BatchSource, type BatchTensors, Uploader, emptyBatch, networkInput, take } from './batches.js'
import type { TrainerOptions } from './loop.js'
import { trainingMode } from './step.js'

/** Options of {@link cacheTrunk}. */
export interface CacheTrunkOptions {
  /** The most that features may take, in memory and then in a temporary file (not in a page). Default 4 GiB. */
  bytes?: number
  /** The most of it in memory. Default 2 GiB, in a page 192 MiB. */
  memoryBytes?: number
}

/** What {@link cacheTrunk} gives. */
export interface CachedTrunk {
  /** For the `Trainer`: the same, but that batches come as features. */
  readonly options: TrainerOptions
  /** What is kept so far. */
  readonly kept: { readonly rows: number; readonly bytes: number; readonly onDisk: number }
  /** Forgets all features; the model takes images alone again. */
  close(): Promise<void>
}

/** Views that may be drawn of one image; more would hardly ever be met again. */
const MOST_VIEWS = 32
/** Batches that are looked ahead for images to compute together. */
const AHEAD = 8

type Options = Pick<
  TrainerOptions,
  'engine' | 'model' | 'train' | 'validation' | 'freezeBatchNorm' | 'precision' | 'gradAccumulation'
>

/** What flows from the trunk to the rest: the tensors' shapes for one image, and their type. */
interface Flow {
  shapes: readonly (readonly number[])[]
  dtype: Tensor['dtype']
}

const refused = (rule: string, got: unknown) => new SettingError('cacheTrunk', `${rule}, got ${got}`)

/**
 * Has a `Trainer` compute the frozen first layers of a model once for each image and each view of it that
 * augmentation draws. The trained weights are the same to the bit as without. The test images, seen once, gain nothing.
 *
 * @throws SettingError where that cannot be: no frozen layers in front, layers among them that draw random numbers or
 * take a batch's statistics, or augmentation from a range of numbers, of which no view comes twice.
 */
export async function cacheTrunk(options: TrainerOptions, limits: CacheTrunkOptions = {}): Promise<CachedTrunk> {
  checkOptions('cacheTrunk', limits, ['bytes', 'memoryBytes'])
  const { bytes = 2 ** 32, memoryBytes = CACHE_BYTES } = limits
  check(bytes > 0, `cacheTrunk: bytes must be above 0, got ${bytes}`)
  check(memoryBytes >= 0, `cacheTrunk: memoryBytes must be 0 or more, got ${memoryBytes}`)
  const { gradAccumulation = 1, train, validation } = options
  if (gradAccumulation > 1) throw refused('takes batches that are computed in one part', `${gradAccumulation} parts`)
  for (const { dataset } of validation ? [train, validation] : [train]) checkViews(dataset.transform)
  const trunk = new Trunk(options, { bytes, memoryBytes })
  try {
    const sources = {
      train: await trunk.source(train, true),
      validation: validation && (await trunk.source(validation)),
    }
    return {
      options: { ...options, ...sources },
      get kept() {
        return trunk.kept
      },
      close: () => trunk.close(),
    }
  } catch (error) {
    await trunk.close()
    throw error
  }
}

/** Refuses pipelines whose views are too many to come again. */
function checkViews(transform: Pipeline): void {
  const size = hostSize(transform)
  if (!size) throw refused('takes images of one size', 'Resize of the shorter side alone')
  const views = vary(transform, [8 * MOST_VIEWS, ...size], (at) => new Random(0, at))
  const rule = 'takes images as they are, or augmentation of few views such as flip=0.5'
  if (views.effects) throw refused(rule, 'blur, noise, erased boxes or mixed images')
  const keys = new Set(Array.from({ length: 8 * MOST_VIEWS }, (_, at) => viewKey(views, at, 8 * MOST_VIEWS)))
  if (keys.size > MOST_VIEWS) throw refused(rule, 'numbers drawn from a range, of which no view comes twice')
}

/** The part of `rows` that is of one image of `count`. */
const rowOf = <T extends Float32Array | Uint8Array>(rows: T, at: number, count: number): T =>
  rows.subarray((at * rows.length) / count, ((at + 1) * rows.length) / count) as T

/** What the augmentation of one image of `count` drew. */
const viewKey = (
  { geometry, tones, jitter }: Pick<Batch, 'geometry' | 'tones' | 'jitter'>,
  at: number,
  count: number,
) => [geometry, tones, jitter].map((rows) => (rows ? rowOf(rows, at, count).join() : '')).join(';')

/** An image of a batch that is to be computed. */
interface Missing {
  batch: Batch
  at: number
  key: string
  /** Of the batch, where the row goes. */
  rows: (Float32Array | null)[]
}

class Trunk {
  private readonly uploader = new Uploader()
  private readonly captures = new Map<string, Captured<[BatchTensors], Tensor[]>>()
  private readonly samples = new Map<Sample, number>()
  private readonly flows: { training?: Flow; evaluation?: Flow } = {}
  private readonly undo: () => void
  /** Stages of the trunk, and the random streams that they take. */
  private length = 0
  private streams = 0
  private rows: Rows | null = null

  constructor(
    private readonly options: Options,
    private readonly limits: Required<CacheTrunkOptions>,
  ) {
    const { model } = options
    if (!model.stages) throw refused('takes a model with stages()', model.constructor.name)
    this.undo = model.wrapForward((x: Tensor, forward: (x: Tensor) => Tensor) =>
      x.shape.length === 2 ? this.rest(x) : forward(x),
    )
  }

  get kept(): CachedTrunk['kept'] {
    return this.rows?.kept ?? { rows: 0, bytes: 0, onDisk: 0 }
  }

  async close(): Promise<void> {
    this.undo()
    this.uploader.dispose()
    for (const capture of this.captures.values()) capture.dispose()
    await this.rows?.close()
  }

  /** A source whose batches hold features. */
  async source(source: BatchSource, training = false): Promise<BatchSource> {
    const { dataset, length, batchSize } = source
    const normalization = deviceOptions(dataset.transform)
    const features = await this.measure(source, normalization, training)
    this.rows ??= new Rows(features, this.limits)
    const epoch = (e: number, from?: number) => this.epoch(source.epoch(e, from), dataset.samples, normalization)
    return { dataset, length, batchSize, epoch, features }
  }

  /** Finds where the trunk ends and what flows there, without computing; gives the length of an image's row. */
  private async measure(source: BatchSource, normalization: DeviceOptions, training: boolean): Promise<number> {
    const { engine, model, freezeBatchNorm } = this.options
    const batch = emptyBatch(source)!
    if (training) trainingMode(model, freezeBatchNorm)
    else model.eval()
    let flow!: Flow
    let steady = true
    const trial = engine.capture((tensors: BatchTensors) => {
      let tensorsNow: readonly Tensor[] = [this.mode(() => networkInput(tensors, normalization))]
      let length = 0
      const commands = gpu.recording!.commands
      for (const stage of model.stages!()) {
        if (!training && length === this.length) break
        const before = commands.length
        const next = this.mode(() => stage(tensorsNow))
        if (training && next.some((t) => t.requiresGrad)) break
        steady &&= commands.slice(before).every(isSteady)
        tensorsNow = next
        length++
        if (training) this.streams = gpu.stream
      }
      this.length = length
      flow = { shapes: tensorsNow.map(({ shape }) => shape.slice(1)), dtype: tensorsNow[0].dtype }
      return [...tensorsNow]
    })
    await trial.prepare(await this.uploader.fill(batch))
    trial.dispose()
    if (!this.length)
      throw refused(
        'takes a model whose first layers are frozen (trainable)',
        'one that learns from the first layer on',
      )
    if (!steady) {
      const rule = 'takes frozen layers that give the same every time (freezeBatchNorm keeps their statistics)'
      throw refused(rule, 'statistics of each batch, or stochastic depth')
    }
    this.flows[training ? 'training' : 'evaluation'] = flow
    return flow.shapes.reduce((sum, shape) => sum + numel(shape), 0)
  }

  /** As the training step, or evaluation, runs the model. */
  private mode<T>(fn: () => T): T {
    const { model, precision } = this.options
    return model.training ? autocast(fn as never, { enabled: precision === 'f16' }) : noGrad(fn)
  }

  /** Features → logits: what of the model is behind the trunk. */
  private rest(x: Tensor): Tensor {
    const { model } = this.options
    const { shapes, dtype } = this.flows[model.training ? 'training' : 'evaluation']!
    gpu.stream += this.streams // dropout draws what it draws behind the trunk
    let start = 0
    const inputs = shapes.map((shape) => {
      const end = start + numel(shape)
      const part = shapes.length > 1 ? F.slice(x, { dim: 1, start, end }) : x
      start = end
      return F.cast(F.reshape(part, [x.shape[0], ...shape]), dtype)
    })
    const stages = model.stages!().slice(this.length)
    return stages.reduce((y: readonly Tensor[], stage) => stage(y), inputs)[0]
  }

  private async *epoch(
    batches: AsyncIterable<Batch>,
    samples: readonly Sample[],
    normalization: DeviceOptions,
  ): AsyncGenerator<Batch, void, void> {
    const waiting: { batch: Batch; rows: Missing['rows'] }[] = []
    let missing: Missing[] = []
    const compute = async () => {
      const now = missing.splice(0, missing[0].batch.labels.length)
      await this.compute(now, normalization)
    }
    const ready = function* () {
      while (waiting.length && waiting[0].rows.every(Boolean)) {
        const { batch, rows } = waiting.shift()!
        const features = new Float32Array(rows.length * rows[0]!.length)
        rows.forEach((row, at) => features.set(row!, at * row!.length))
        yield { ...batch, features }
      }
    }
    for await (const batch of batches) {
      const count = batch.labels.length
      if (waiting.length && waiting[0].batch.labels.length !== count) {
        while (missing.length) await compute()
        yield* ready()
      }
      const phase = this.options.model.training ? 't' : 'e'
      const rows = await Promise.all(
        Array.from(batch.indices, (index, at) => {
          const key = `${phase}${count} ${this.idOf(samples[index])} ${viewKey(batch, at, count)}`
          return this.rows!.get(key) ?? key
        }),
      )
      const known = rows.map((row) => (typeof row === 'string' ? null : row))
      waiting.push({ batch, rows: known })
      rows.forEach((key, at) => typeof key === 'string' && missing.push({ batch, at, key, rows: known }))
      if (missing.length >= count || waiting.length > AHEAD) await compute()
      yield* ready()
    }
    while (missing.length) await compute()
    yield* ready()
  }

  private idOf(sample: Sample): number {
    const id = this.samples.get(sample) ?? this.samples.size
    this.samples.set(sample, id)
    return id
  }

  /** Computes images of batches of one size in a batch of that size. */
  private async compute(missing: readonly Missing[], normalization: DeviceOptions): Promise<void> {
    const { engine } = this.options
    const { batch: like } = missing[0]
    const count = like.labels.length
    const rows = <T extends Float32Array | Uint8Array>(of: (batch: Batch) => T | undefined): T | undefined => {
      const first = of(like)
      if (!first) return undefined
      const all = first.slice() as T // where too few are missing, the rest computes what nobody reads
      const each = all.length / count
      missing.forEach(({ batch, at }, slot) => all.set(rowOf(of(batch)!, at, count), slot * each))
      return all
    }
    const batch: Batch = {
      images: rows((b) => b.images)!,
      shape: like.shape,
      labels: like.labels,
      indices: like.indices,
      geometry: rows((b) => b.geometry),
      tones: rows((b) => b.tones),
      jitter: rows((b) => b.jitter),
    }
    const results = await this.capture(normalization)(await this.uploader.fill(batch))
    engine.stepCounter-- // random numbers of later steps are what they are without this one
    const parts = await Promise.all(results.map(take))
    for (const [slot, { at, key, rows: to }] of missing.entries()) {
      const pieces = parts.map((part) => rowOf(part, slot, count))
      const row = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
      pieces.reduce((start, piece) => (row.set(piece, start), start + piece.length), 0)
      to[at] = row
      await this.rows!.add(key, row)
    }
  }

  private capture(normalization: DeviceOptions): Captured<[BatchTensors], Tensor[]> {
    const { engine, model } = this.options
    const key = `${model.training} ${JSON.stringify(normalization)}`
    let capture = this.captures.get(key)
    if (!capture) {
      const trunk = (batch: BatchTensors): Tensor[] =>
        this.mode(() =>
          model.stages!()
            .slice(0, this.length)
            .reduce((y: readonly Tensor[], stage) => stage(y), [networkInput(batch, normalization)])
            .map((t) => F.cast(t, 'f32')),
        )
      capture = engine.capture(trunk)
      this.captures.set(key, capture)
    }
    return capture
  }
}

/** Whether a command does the same each time: draws no random number, counts nothing, moves no statistics. */
function isSteady(command: Command): boolean {
  if (command.type === 'host' || command.type === 'exchange') return false
  if (command.type === 'dispatch' && typeof command.params === 'function') return false
  return accesses(command).written.every(({ state }) => state !== 'live')
}

/** Rows of features by key: in memory as long as there is room, then on the disk. */
class Rows {
  private readonly inMemory = new Map<string, Float32Array>()
  private readonly onDisk = new Map<string, number>()
  private readonly spill: Spill
  private readonly rowBytes: number
  private full = false

  constructor(
    length: number,
    private readonly limits: Required<CacheTrunkOptions>,
  ) {
    this.rowBytes = 4 * length
    this.spill = new Spill(this.rowBytes)
  }

  get kept(): CachedTrunk['kept'] {
    const onDisk = this.onDisk.size
    const rows = this.inMemory.size + onDisk
    return { rows, bytes: rows * this.rowBytes, onDisk }
  }

  get(key: string): Float32Array | Promise<Float32Array> | undefined {
    const row = this.onDisk.get(key)
    if (row === undefined) return this.inMemory.get(key)
    return this.spill.read(row).then((bytes) => new Float32Array(bytes.buffer))
  }

  /** What there is no room for is computed again. */
  async add(key: string, row: Float32Array): Promise<void> {
    const { rows } = this.kept
    if (this.full || this.inMemory.has(key) || this.onDisk.has(key) || (rows + 1) * this.rowBytes > this.limits.bytes)
      return
    if ((this.inMemory.size + 1) * this.rowBytes <= this.limits.memoryBytes) this.inMemory.set(key, row)
    else if (await this.spill.write(this.onDisk.size, new Uint8Array(row.buffer)))
      this.onDisk.set(key, this.onDisk.size)
    else this.full = true
  }

  close(): Promise<void> {
    this.inMemory.clear()
    return this.spill.close()
  }
}
