// Decodes files on several workers, or in this thread. Queues tasks, spreads them, and turns replies into promises;
// knows nothing of data sets or batches.
import { openImageCache } from '#platform/imageCache'
import { CACHE_BYTES, startWorker, usableCores, workerUrl } from '#platform/pool'
import { check, printable, RadiogradError } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import {
  READY,
  runTask,
  type DecodeReply,
  type DecodeTask,
  type DecodeWorker,
  type ImageCache,
  type StartWorker,
} from './decodeTask.js'
import type { Image } from './image.js'

/** Seconds a worker may take to load. */
const LOAD_LIMIT = 60

/** Tasks posted to a worker at once: enough to stay busy while this thread records a step, few enough to cancel. */
const IN_FLIGHT = 8

interface Pending {
  task: DecodeTask
  signal: AbortSignal | undefined
  resolve(image: Image): void
  reject(error: Error): void
}

interface Lane {
  worker: DecodeWorker
  /** In the order in which the worker takes them. */
  tasks: Map<number, Pending>
  /** Whether the worker has answered at all. */
  ready: boolean
  timer: ReturnType<typeof setTimeout> | undefined
}

/** Options of {@link DecodePool}. */
export interface DecodePoolOptions {
  /** The most pixels a picture may have. Default 25 million. */
  maxPixels?: number
  /** Seconds a worker may take for one picture before it is stopped and replaced. Default 30. Not for `size` 0. */
  timeLimit?: number
  /**
   * A folder that keeps what became of pictures from one run to the next, `bytes` at most: several runs may share it.
   * Not in a page. Left out, nothing is kept.
   */
  imageCache?: ImageCache
  /**
   * What decodes JPEG: `own`, or the package `sharp` where it is installed, which is faster; gray within one level.
   * Default `own`.
   */
  decoder?: 'own' | 'sharp'
  /** Gets what the user should know, one line each. Default `console.warn`. */
  onWarning?: (message: string) => void
}

/** The same contract as a worker, without one: decodes between other work of this thread. */
const startInline: StartWorker = (onMessage) => {
  let last = Promise.resolve(onMessage(READY))
  return {
    post: (task) => {
      last = last.then(async () => onMessage(await runTask(task)))
    },
    keepAlive() {},
    async stop() {},
  }
}

/** A worker per core, as far as memory bears them; in a page at most four. */
export const defaultWorkers = (): number => usableCores()

/**
 * A pool of `size` decoding workers, started when first needed; 0 decodes in this thread. Idle workers do not keep the
 * process alive. A worker that dies or takes too long costs the one picture it was at, and is replaced; where workers
 * cannot be loaded at all (a bundler that leaves their file out), this thread decodes, with one warning.
 * @throws when an option makes no sense or is unknown.
 */
export class DecodePool {
  private readonly lanes = new Set<Lane>()
  private readonly queue: Pending[] = []
  /** As given; undefined for the limit of decodeImage. */
  readonly maxPixels: number | undefined
  /** Bytes of pictures that the loaders which share this pool may still remember. */
  cacheRoom = CACHE_BYTES
  private readonly timeLimit: number
  private readonly cache: ImageCache | undefined
  private readonly decoder: DecodePoolOptions['decoder']
  private readonly onWarning: (message: string) => void
  private readonly warned = new Set<string>()
  private inline: boolean
  private nextId = 0
  private closed = false

  constructor(
    /** Workers; 0 decodes in the calling thread. */
    readonly size: number = defaultWorkers(),
    options: DecodePoolOptions = {},
  ) {
    checkOptions('DecodePool', options, ['maxPixels', 'timeLimit', 'imageCache', 'decoder', 'onWarning'])
    const { maxPixels, timeLimit = 30, imageCache, decoder, onWarning = (message) => console.warn(message) } = options
    check(Number.isInteger(size) && size >= 0, `workers: must be a whole number, 0 or more, got ${size}`)
    check(maxPixels === undefined || maxPixels > 0, `maxPixels: must be above 0, got ${maxPixels}`)
    check(timeLimit > 0, `timeLimit: must be above 0 seconds, got ${timeLimit}`)
    if (imageCache) openImageCache(imageCache)
    this.cache = imageCache
    this.decoder = decoder
    this.maxPixels = maxPixels
    this.timeLimit = timeLimit
    this.onWarning = onWarning
    this.inline = size === 0
  }

  /**
   * One file as an upright RGB picture after the host transforms. Rejects with a RadiogradError naming the file; a task
   * still queued when `signal` aborts is dropped and rejects.
   * @throws (rejects) RadiogradError as {@link loadImage}, or when its worker stopped or took longer than the time
   * limit.
   */
  decode(task: Omit<DecodeTask, 'id'>, signal?: AbortSignal): Promise<Image> {
    return new Promise((resolve, reject) => {
      if (this.closed)
        return reject(new RadiogradError(`${task.path}: must be decoded before the pool is closed, got a closed pool`))
      this.queue.push({
        task: { maxPixels: this.maxPixels, cache: this.cache, decoder: this.decoder, ...task, id: this.nextId++ },
        signal,
        resolve,
        reject,
      })
      this.dispatch()
    })
  }

  /** Stops the workers; what is still waiting rejects. */
  async close(): Promise<void> {
    this.closed = true
    const lanes = [...this.lanes]
    for (const { task, reject } of this.queue.splice(0)) reject(dropped(task))
    for (const lane of lanes) {
      for (const { task, reject } of lane.tasks.values())
        reject(new RadiogradError(`${task.path}: must be decodable, got a closed pool`))
    }
    await Promise.all(lanes.map((lane) => this.retire(lane)))
  }

  private dispatch(): void {
    while (this.queue.length > 0) {
      const pending = this.queue[0]
      const lane = pending.signal?.aborted ? undefined : this.freeLane()
      if (!lane && !pending.signal?.aborted) return
      this.queue.shift()
      if (!lane) {
        pending.reject(dropped(pending.task))
        continue
      }
      lane.tasks.set(pending.task.id, pending)
      lane.worker.keepAlive(true)
      lane.worker.post(pending.task)
      if (lane.tasks.size === 1) this.watch(lane)
    }
  }

  /** The least busy worker with room, a new one while there are fewer than allowed and none is idle. */
  private freeLane(): Lane | undefined {
    const [best] = [...this.lanes].sort((a, b) => a.tasks.size - b.tasks.size)
    if (this.lanes.size < (this.inline ? 1 : this.size) && !(best?.tasks.size === 0)) return this.startLane()
    return best && best.tasks.size < IN_FLIGHT ? best : undefined
  }

  private startLane(): Lane {
    const start = this.inline ? startInline : startWorker
    const early: (DecodeReply | typeof READY)[] = []
    let lane: Lane | undefined
    const receive = (message: DecodeReply | typeof READY): void => {
      if (!lane) early.push(message)
      else if (message !== READY) this.settle(lane, message)
      else {
        lane.ready = true
        this.watch(lane)
      }
    }
    const worker = start(receive, (reason) => this.crashed(lane!, reason))
    lane = { worker, tasks: new Map(), ready: false, timer: undefined }
    this.lanes.add(lane)
    early.forEach(receive)
    return lane
  }

  /** Gives the lane's worker its time anew, for the first of its tasks. */
  private watch(lane: Lane): void {
    clearTimeout(lane.timer)
    const [first] = lane.tasks.values()
    if (!first || this.inline) return
    const limit = lane.ready ? this.timeLimit : LOAD_LIMIT
    lane.timer = setTimeout(() => {
      if (!lane.ready) return this.crashed(lane, `no answer in ${limit} s`)
      this.failFirst(lane, `${first.task.path}: must be decoded within ${limit} s, got a picture that takes longer`)
    }, limit * 1000)
  }

  private settle(lane: Lane, reply: DecodeReply): void {
    const pending = lane.tasks.get(reply.id)
    if (!pending) return
    lane.tasks.delete(reply.id)
    this.watch(lane)
    if (lane.tasks.size === 0) lane.worker.keepAlive(false)
    if ('error' in reply) pending.reject(new RadiogradError(reply.error))
    else {
      if (reply.warning !== undefined) this.warnOnce('picture', reply.warning)
      pending.resolve(reply.image)
    }
    this.dispatch()
  }

  private crashed(lane: Lane, reason: string): void {
    if (!this.lanes.has(lane)) return
    if (!lane.ready) {
      this.inline = true
      this.warnOnce(
        'worker',
        `workers: the decoding worker could not be loaded from ${workerUrl} (${reason}); decoding in this thread`,
      )
      return this.replace(lane)
    }
    const [first] = lane.tasks.values()
    this.failFirst(lane, `${first?.task.path}: must be decodable, got a decoding worker that stopped (${reason})`)
  }

  /** Gives up the picture that the lane's worker is at, and the worker. */
  private failFirst(lane: Lane, message: string): void {
    const [first] = lane.tasks.values()
    if (first) {
      lane.tasks.delete(first.task.id)
      first.reject(new RadiogradError(message))
    }
    this.replace(lane)
  }

  /** Stops a lane and hands its tasks to the others. */
  private replace(lane: Lane): void {
    this.queue.unshift(...lane.tasks.values())
    void this.retire(lane)
    this.dispatch()
  }

  private retire(lane: Lane): Promise<void> {
    this.lanes.delete(lane)
    clearTimeout(lane.timer)
    lane.tasks.clear()
    return lane.worker.stop()
  }

  private warnOnce(kind: string, message: string): void {
    if (this.warned.has(kind)) return
    this.warned.add(kind)
    this.onWarning(printable(message))
  }
}

const dropped = (task: DecodeTask): RadiogradError =>
  new RadiogradError(`${task.path}: must be decoded while its epoch runs, got an epoch that was stopped`)
