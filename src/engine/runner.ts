// Runs recorded steps one after another: plans them, encodes and submits them, hands out what they return.
import { gpu, type Gpu } from '../gpu/gpu.js'
import { called, checkOrder, ended, queue } from '../gpu/meanwhile.js'
import { Plan, type PlanMemory } from '../gpu/plan.js'
import type { Recording } from '../gpu/recording.js'
import type { Storage } from '../gpu/storage.js'
import type { Dependencies } from '../tensor/dependencies.js'
import { type Mode, currentMode } from '../tensor/mode.js'
import { Tensor } from '../tensor/tensor.js'
import { RadiogradError, check } from '../util/check.js'
import { Plans } from './plans.js'
import { type Recorded, type Result, mapTensors } from './record.js'

/** A step that is ready to run. */
export interface Run<R> {
  call: Call
  plan: Plan
  value: R
  results: readonly Storage[]
  dependencies: Dependencies
  recording: Recording
  /** Given where the recording is another of the same structure as the plan's: its own live storages. */
  live?: readonly Storage[]
  /** Copied before the step. */
  copies?: readonly { from: Storage; to: Storage }[]
}

/** A call of a step: the mode it was made in, and when. */
export interface Call {
  mode: Mode
  at: number
}

export class Runner {
  readonly plans: Plans
  /** Of the largest plan so far. */
  readonly largest: PlanMemory = { planned: 0, lowerBound: 0 }
  /** Milliseconds this thread has worked on steps. */
  busyMs = 0
  private last: Promise<unknown> = Promise.resolve()

  constructor(
    readonly gpu: Gpu,
    warn: (message: string) => void,
  ) {
    this.plans = new Plans(warn)
  }

  /** Throws when the engine can do nothing any more. */
  alive(): void {
    this.gpu.alive()
  }

  /** Runs pieces of work one after another, in the order of the calls. */
  serially<T>(work: (call: Call) => Promise<T>): Promise<T> {
    if (gpu !== this.gpu) return Promise.reject(new RadiogradError('engine: it was disposed'))
    check(!this.gpu.recording, 'engine: steps do not nest; call the functions directly')
    const call = { mode: currentMode(), at: called() }
    const next = this.last
      .then(() => {
        this.alive()
        return work(call)
      })
      .finally(ended)
    queue((this.last = next.catch(() => {})))
    return next
  }

  async plan({ recording, results, live }: Recorded<unknown>): Promise<Plan> {
    const { gpu } = this
    let plan!: Plan
    gpu.guarded(() => {
      plan = new Plan(gpu.device, gpu.memory, gpu.pipelines, recording, results)
    })
    await plan.ready()
    gpu.guarded(() => plan.place(live))
    await gpu.settle()
    if (plan.memory.planned > this.largest.planned) Object.assign(this.largest, plan.memory)
    return plan
  }

  /** Has values of a step that waits changed on the host. */
  private async exchange({ values, floats, call }: NonNullable<ReturnType<Plan['exchangeAt']>>): Promise<void> {
    const own = new Float32Array(await this.gpu.read(values, 4 * floats))
    await call(own)
    this.gpu.upload(values, own)
  }

  async execute<R extends Result>(run: Run<R>): Promise<R> {
    const { call, plan, value, results, dependencies, recording, live, copies = [] } = run
    const { gpu } = this
    check(!gpu.dry, 'engine: it was started with dryRun, which runs no step; prepare() plans one')
    checkOrder(call.at, {
      recording,
      inputs: copies.map(({ from }) => from),
      reads: (holder, key) => dependencies.include(holder, key),
    })
    const start = performance.now()
    gpu.flush()
    const kept = new Map<Storage, Storage>()
    const other = live ? recording : null
    const timer = plan.cuts.timer(gpu.device.queue)
    let at: number | null = 0
    while (at !== null) {
      let next = null as number | null
      gpu.guarded(() => {
        const encoder = gpu.device.createCommandEncoder({ label: 'step' })
        if (at === 0) {
          for (const { from, to } of copies)
            encoder.copyBufferToBuffer(from.buffer!, from.offset, to.buffer!, to.offset, to.byteLength)
          plan.begin(other, live ?? null)
        }
        next = plan.encodeFrom(at!, encoder, undefined, plan.cuts.starts)
        for (const storage of next === null ? results : []) {
          const from = plan.resolve(storage)
          const copy = gpu.memory.allocateResult(storage.byteLength, `result ${storage.label}`)
          encoder.copyBufferToBuffer(from.buffer, from.offset, copy.buffer!, copy.offset, storage.byteLength)
          kept.set(storage, copy)
        }
        gpu.device.queue.submit([encoder.finish()])
        gpu.memory.counters.submits++
        timer?.submitted(at!)
      })
      // Where it is only cut nothing else gets a turn: no write may come between.
      const waiting = next === null ? null : plan.exchangeAt(next, other)
      if (waiting) await this.exchange(waiting)
      at = waiting ? next! + 1 : next
    }
    timer?.end()
    dependencies.apply()
    gpu.stepCounter++
    this.busyMs += performance.now() - start
    await gpu.settle()
    return mapTensors(value, (t) => {
      const copy = kept.get(t.storage)
      return copy ? new Tensor(copy, t.shape, t.dtype) : t
    })
  }
}
