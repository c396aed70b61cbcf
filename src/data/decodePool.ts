// Decodes files on several workers, or in this thread. Queues tasks, spreads them, and turns replies into promises;
// knows nothing of data sets or batches.
import { availableCores, startWorker } from '#platform/pool'
import { check, RadiogradError } from '../util/check.js'
import { runTask, type DecodeReply, type DecodeTask, type DecodeWorker, type StartWorker } from './decodeTask.js'
import type { Image } from './image.js'

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
  tasks: Map<number, Pending>
}

/** The same contract as a worker, without one: decodes between other work of this thread. */
const startInline: StartWorker = (onReply) => {
  let last = Promise.resolve()
  return {
    post: (task) => {
      last = last.then(async () => onReply(await runTask(task)))
    },
    keepAlive() {},
    async stop() {},
  }
}

/** A worker per core, at most four. */
export const defaultWorkers = (): number => Math.min(4, availableCores())

/**
 * A pool of `size` decoding workers, started when first needed; 0 decodes in this thread. Idle workers do not keep the
 * process alive.
 */
export class DecodePool {
  private readonly lanes = new Set<Lane>()
  private readonly queue: Pending[] = []
  private nextId = 0
  private closed = false

  constructor(readonly size: number = defaultWorkers()) {
    check(Number.isInteger(size) && size >= 0, `workers: must be a whole number, 0 or more, got ${size}`)
  }

  /**
   * One file as an upright RGB picture after the host transforms. Rejects with a RadiogradError naming the file; a task
   * still queued when `signal` aborts is dropped and rejects.
   */
  decode(task: Omit<DecodeTask, 'id'>, signal?: AbortSignal): Promise<Image> {
    return new Promise((resolve, reject) => {
      if (this.closed)
        return reject(new RadiogradError(`${task.path}: must be decoded before the pool is closed, got a closed pool`))
      this.queue.push({ task: { ...task, id: this.nextId++ }, signal, resolve, reject })
      this.dispatch()
    })
  }

  /** Stops the workers; what is still waiting rejects. */
  async close(): Promise<void> {
    this.closed = true
    const lanes = [...this.lanes]
    for (const { task, reject } of this.queue.splice(0)) reject(dropped(task))
    await Promise.all(lanes.map((lane) => this.retire(lane, 'a closed pool')))
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
    }
  }

  /** The least busy worker with room, a new one while there are fewer than allowed and none is idle. */
  private freeLane(): Lane | undefined {
    const [best] = [...this.lanes].sort((a, b) => a.tasks.size - b.tasks.size)
    if (this.lanes.size < Math.max(this.size, 1) && !(best?.tasks.size === 0)) return this.startLane()
    return best && best.tasks.size < IN_FLIGHT ? best : undefined
  }

  private startLane(): Lane {
    const tasks = new Map<number, Pending>()
    const start = this.size === 0 ? startInline : startWorker
    const lane: Lane = {
      tasks,
      worker: start(
        (reply) => this.settle(lane, reply),
        (reason) => {
          void this.retire(lane, `a decoding worker that stopped (${reason})`)
          this.dispatch()
        },
      ),
    }
    this.lanes.add(lane)
    return lane
  }

  private settle(lane: Lane, reply: DecodeReply): void {
    const pending = lane.tasks.get(reply.id)
    if (!pending) return
    lane.tasks.delete(reply.id)
    if (lane.tasks.size === 0) lane.worker.keepAlive(false)
    if ('error' in reply) pending.reject(new RadiogradError(reply.error))
    else pending.resolve(reply.image)
    this.dispatch()
  }

  private retire(lane: Lane, reason: string): Promise<void> {
    this.lanes.delete(lane)
    for (const { task, reject } of lane.tasks.values())
      reject(new RadiogradError(`${task.path}: must be decodable, got ${reason}`))
    lane.tasks.clear()
    return lane.worker.stop()
  }
}

const dropped = (task: DecodeTask): RadiogradError =>
  new RadiogradError(`${task.path}: must be decoded while its epoch runs, got an epoch that was stopped`)
