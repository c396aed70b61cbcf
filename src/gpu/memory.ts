// Buffers: pooled live ones, arenas shared by all plans, small slots for results, staging for read-back. Everything is
// counted.
import { SizeError, check } from '../util/check.js'
import { type Home, Storage, roundUp } from './storage.js'

/** GPU objects made so far. In a steady state none of these grows. */
export interface Counters {
  buffers: number
  bindGroups: number
  pipelines: number
  shaderModules: number
  submits: number
}

const STORAGE_USAGE = 0x80 | 0x04 | 0x08 // STORAGE | COPY_SRC | COPY_DST
const UNIFORM_USAGE = 0x40 | 0x08 // UNIFORM | COPY_DST
const STAGING_USAGE = 0x01 | 0x08 // MAP_READ | COPY_DST
const SLOT_BYTES = 256
const SLAB_BYTES = 64 << 10

/** Buffers from here on are watched for failures; the collector is told of so many bytes at a time. */
const LARGE_BYTES = 1 << 20
/** Live tensors above this, and above this share of the largest buffer that the adapter allows, are worth a warning. */
const LIVE_BYTES = 1 << 30
const LIVE_SHARE = 0.5
/** What is as large as the parameters and lives as long as they: nobody forgot it. */
const KEPT = ['optimizer state', 'moving average', 'start of the round']

interface Slot {
  buffer: GPUBuffer
  offset: number
}

interface Freed extends Slot {
  /** The operator or function that made the storage: its label without the shape. */
  source: string
  bytes: number
}

export class Memory implements Home {
  readonly counters: Counters = { buffers: 0, bindGroups: 0, pipelines: 0, shaderModules: 0, submits: 0 }
  /** Bytes of all buffers that exist, and the most there ever were. */
  bytes = 0
  peakBytes = 0
  /** Buffers into which plans place intermediates; `arenaVersion` changes when one had to grow. */
  readonly arenas: GPUBuffer[] = []
  arenaVersion = 0

  closed: string | null = null
  /** Bytes of live tensors and results outside of the chunks of parameters, by what made them. */
  private readonly liveBy = new Map<string, number>()
  private liveBytes = 0
  private warned = false
  /** Bytes that the collector was not told of yet. */
  private untold = 0
  private readonly failed = new WeakSet<GPUBuffer>()
  private readonly free = new Map<number, GPUBuffer[]>()
  private readonly slots: Slot[] = []
  private readonly staging = new Map<number, GPUBuffer[]>()
  private zeros: GPUBuffer | null = null
  private scratch: GPUBuffer | null = null
  private readonly collected = new FinalizationRegistry<Freed>((freed) => this.recycle(freed))
  /** Bytes of the largest buffer that the adapter allows. */
  private readonly largestBuffer: number

  /** Bytes of the buffers that exist, by what they are for. */
  readonly byUse = new Map<string, number>()

  /**
   * `dry`: buffers are counted but not made. `watch` is given what tells later whether a buffer could be made; `warn`
   * gets a line for the user.
   */
  constructor(
    private readonly device: GPUDevice,
    readonly dry: boolean,
    private readonly watch: (failure: Promise<GPUError | null>) => void,
    private readonly warn: (message: string) => void,
  ) {
    this.largestBuffer = device.limits.maxBufferSize
  }

  /** A buffer for a live tensor; freed ones of the same size are used again. */
  allocate(bytes: number, label: string): Storage {
    const size = Math.max(16, roundUp(bytes, 16))
    const buffer = this.free.get(size)?.pop() ?? this.create(size, STORAGE_USAGE, label)
    return this.adopt(new Storage(bytes, 'live', label, buffer, 0, null, this))
  }

  /** Room for what a step returns: small results share one buffer, so that a loss per step makes no GPU object. */
  allocateResult(bytes: number, label: string): Storage {
    if (bytes > SLOT_BYTES) return this.allocate(bytes, label)
    if (this.slots.length === 0) {
      const buffer = this.create(SLAB_BYTES, STORAGE_USAGE, 'results')
      for (let offset = SLAB_BYTES - SLOT_BYTES; offset >= 0; offset -= SLOT_BYTES) this.slots.push({ buffer, offset })
    }
    const { buffer, offset } = this.slots.pop()!
    return this.adopt(new Storage(bytes, 'live', label, buffer, offset, null, this))
  }

  /** Gives the bytes of a live storage back; `use()` then refuses it. */
  release(storage: Storage): void {
    if (storage.state !== 'live' || !storage.buffer || this.closed) return
    storage.state = 'dead'
    if (storage.owner) return
    this.collected.unregister(storage)
    this.recycle(freedBy(storage))
    storage.buffer = null
    if (!storage.pressure) this.untold = Math.max(0, this.untold - storage.byteLength)
    storage.pressure = null
  }

  /** Says of everything in it that it is gone, and why. */
  close(why: string): void {
    this.closed ??= why
  }

  /** A buffer of its own, e.g. an arena chunk. */
  create(size: number, usage: number, label: string): GPUBuffer {
    check(!this.closed, () => `${label}: cannot be made, ${this.closed}`)
    this.checkSize(size, label)
    const buffer = this.dry ? ({ size, usage, label, destroy() {} } as GPUBuffer) : this.make({ size, usage, label })
    this.counters.buffers++
    this.account(buffer, size)
    return buffer
  }

  /** Throws when no buffer of this adapter holds so many bytes. */
  checkSize(bytes: number, label: string): void {
    if (bytes <= this.largestBuffer) return
    throw new SizeError(`${label}: needs ${bytes} bytes, this adapter's buffers hold at most ${this.largestBuffer}`)
  }

  /** A large one may fail for want of memory: that is known later, and then it does not count. */
  private make(descriptor: GPUBufferDescriptor): GPUBuffer {
    if (descriptor.size < LARGE_BYTES) return this.device.createBuffer(descriptor)
    this.device.pushErrorScope('out-of-memory')
    const buffer = this.device.createBuffer(descriptor)
    const failure = this.device.popErrorScope()
    this.watch(failure)
    failure.then(
      (error) => {
        if (!error || this.failed.has(buffer)) return
        this.account(buffer, -buffer.size)
        this.failed.add(buffer)
      },
      () => {}, // the device is lost
    )
    return buffer
  }

  private account({ label }: GPUBuffer, bytes: number): void {
    const use = label.split(' ')[0]
    this.byUse.set(use, (this.byUse.get(use) ?? 0) + bytes)
    this.bytes += bytes
    this.peakBytes = Math.max(this.peakBytes, this.bytes)
  }

  createStorageBuffer(size: number, label: string): GPUBuffer {
    return this.create(size, STORAGE_USAGE, label)
  }

  createUniformBuffer(size: number, label: string): GPUBuffer {
    return this.create(size, UNIFORM_USAGE, label)
  }

  destroy(buffer: GPUBuffer): void {
    if (!this.failed.has(buffer)) this.account(buffer, -buffer.size)
    this.failed.add(buffer)
    buffer.destroy()
  }

  /** Makes the shared arenas at least this large. Plans look at `arenaVersion` before they run. */
  reserveArenas(sizes: readonly number[]): void {
    sizes.forEach((size, i) => {
      if (this.arenas[i] && this.arenas[i].size >= size) return
      if (this.arenas[i]) this.destroy(this.arenas[i])
      this.arenas[i] = this.create(size, STORAGE_USAGE, `arena ${i}`)
      this.arenaVersion++
    })
  }

  /**
   * Stand-in for an optional binding: 256 zero bytes. Written ones lie in another buffer, as one dispatch may not read
   * and write the same; all in ranges of their own, as what is bound as `read_write` may not overlap.
   */
  standIn(slot: number, written: boolean): GPUBufferBinding {
    const buffer = written
      ? (this.scratch ??= this.create(256 * 32, STORAGE_USAGE, 'unwanted results'))
      : (this.zeros ??= this.create(256 * 32, STORAGE_USAGE, 'stand-ins'))
    return { buffer, offset: 256 * slot, size: 256 }
  }

  takeStaging(bytes: number): GPUBuffer {
    const size = bytes > SLAB_BYTES ? bytes : Math.max(256, 2 ** Math.ceil(Math.log2(bytes)))
    return this.staging.get(size)?.pop() ?? this.create(size, STAGING_USAGE, 'read-back')
  }

  /** Small ones are kept for the next time; large ones come with whole models, of all sizes, and would pile up. */
  giveStaging(buffer: GPUBuffer): void {
    if (buffer.size > SLAB_BYTES) return this.destroy(buffer)
    const list = this.staging.get(buffer.size)
    if (list) list.push(buffer)
    else this.staging.set(buffer.size, [buffer])
  }

  private adopt(storage: Storage): Storage {
    const freed = freedBy(storage)
    this.collected.register(storage, freed, storage)
    this.count(freed.source, freed.bytes)
    storage.pressure = this.tell(freed.bytes)
    return storage
  }

  /**
   * The collector sees small objects only; so it is told of the bytes that go with them, some at a time, and comes in
   * time. What tells it stays untouched, so it takes no memory.
   */
  tell(bytes: number): ArrayBuffer | null {
    this.untold += bytes
    if (this.untold < LARGE_BYTES || this.dry) return null
    const told = new ArrayBuffer(this.untold)
    this.untold = 0
    return told
  }

  private count(source: string, bytes: number): void {
    if (KEPT.includes(source)) return
    this.liveBytes += bytes
    this.liveBy.set(source, (this.liveBy.get(source) ?? 0) + bytes)
    if (this.warned || this.liveBytes < Math.max(LIVE_BYTES, this.largestBuffer * LIVE_SHARE)) return
    this.warned = true
    const most = [...this.liveBy].sort((x, y) => y[1] - x[1]).slice(0, 3)
    const sources = most.map(([made, size]) => `${made} (${mebibytes(size)})`).join(', ')
    this.warn(
      `${mebibytes(this.liveBytes)} of tensors outside of steps are alive, most of them made by ${sources}; ` +
        'dispose() what is read, use engine.tidy(), or work inside engine.step()',
    )
  }

  private recycle({ buffer, offset, source, bytes }: Freed): void {
    if (this.closed) return
    this.count(source, -bytes)
    if (buffer.label === 'results') {
      this.slots.push({ buffer, offset })
      return
    }
    if (this.failed.has(buffer)) return
    const list = this.free.get(buffer.size)
    if (list) list.push(buffer)
    else this.free.set(buffer.size, [buffer])
  }
}

/** What must be known of a storage to take it back once it is gone. */
const freedBy = (storage: Storage): Freed => ({
  buffer: storage.buffer!,
  offset: storage.offset,
  source: storage.label.replace(/ \[.*/, ''),
  bytes: storage.byteLength,
})

const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
