// The engine, and the two ways to run a step: recorded each time, or recorded once and replayed.
import { gpu, setGpu } from '../gpu/gpu.js'
import type { Counters } from '../gpu/memory.js'
import { Plan, type PlanMemory } from '../gpu/plan.js'
import type { Recording } from '../gpu/recording.js'
import type { Storage } from '../gpu/storage.js'
import { Timings } from '../gpu/timings.js'
import { Tensor, empty } from '../tensor/tensor.js'
import type { Measurement } from '../tune/measure.js'
import type { TuneOptions, Tuner } from '../tune/tuner.js'
import { check } from '../util/check.js'
import { type Result, mapTensors, record } from './record.js'

/** Bytes on the GPU: all buffers now and at most; what the largest plan placed and could not do without. */
export interface MemoryReport extends PlanMemory {
  bytes: number
  peakBytes: number
  /** Bytes now by what they are for: parameters, gradients, optimizer, arena (activations and workspace), … */
  uses: Record<string, number>
}

/** A step function that is recorded once and then replayed. */
export interface Captured<Arguments extends unknown[], R> {
  (...inputs: Arguments): Promise<R>
  /** Records, plans and compiles for inputs of these shapes without running: the first call is then as fast as any. */
  prepare(...inputs: Arguments): Promise<void>
}

const MAX_PLANS = 32

/** What an adapter calls itself. */
export const nameOf = ({ description, device, vendor, architecture }: GPUAdapterInfo) =>
  description || device || `${vendor} ${architecture}`.trim()

export class Engine {
  private readonly plans = new Map<string, Plan>()
  private last: Promise<unknown> = Promise.resolve()
  private readonly largest: PlanMemory = { planned: 0, lowerBound: 0 }
  private busyMs = 0

  constructor(
    readonly adapter: GPUAdapter,
    /** 'lavapipe', 'swiftshader', 'gpu', … */
    readonly adapterKind: string,
    readonly isSoftware: boolean,
    readonly device: GPUDevice,
    private readonly tuner: Tuner,
    private readonly release: () => void,
  ) {}

  get features(): ReadonlySet<string> {
    return this.device.features as unknown as ReadonlySet<string>
  }

  get limits(): GPUSupportedLimits {
    return this.device.limits
  }

  /** What the adapter calls itself. */
  get adapterName(): string {
    return nameOf(this.adapter.info)
  }

  /**
   * Records everything `fn` runs, plans its memory, and executes it in one submission. Tensors made inside die with the
   * step, except those returned. A step of the same structure as an earlier one uses its plan again.
   */
  step<R extends Result>(fn: () => R): Promise<R> {
    return this.serially(async () => {
      const start = performance.now()
      const { recording, value, results } = record(fn)
      const { key, live } = recording.structure()
      const signature = `${key}\n${results.map((r) => r.index).join()}`
      this.busyMs += performance.now() - start
      let plan = this.plans.get(signature)
      if (plan)
        this.plans.delete(signature) // and back in at the end: the map keeps the order of last use
      else plan = await this.plan(recording, results, live)
      this.plans.set(signature, plan)
      if (this.plans.size > MAX_PLANS) {
        const [oldest, unused] = this.plans.entries().next().value!
        unused.destroy()
        this.plans.delete(oldest)
      }
      return this.execute(plan, recording, live, value, results)
    })
  }

  /**
   * Records `fn` once for each set of input shapes and replays that recording at every call: nothing of `fn` runs on
   * the host again but callbacks and dynamic parameters (learning rate, random step). Inputs are copied in; results are
   * new tensors each call.
   */
  capture<R extends Result>(fn: () => R): Captured<[], R>
  capture<I extends Record<string, Tensor>, R extends Result>(fn: (inputs: I) => R): Captured<[I], R>
  capture<R extends Result>(fn: (inputs: never) => R): Captured<[Record<string, Tensor>?], R> {
    type Entry = { plan: Plan; inputs: Record<string, Tensor>; value: R; results: Storage[] }
    const entries = new Map<string, Entry>()
    const entryFor = async (given: Record<string, Tensor>): Promise<Entry> => {
      const names = Object.keys(given)
      const signature = names.map((name) => `${name} ${given[name].dtype} ${given[name].shape}`).join('; ')
      const there = entries.get(signature)
      if (there) return there
      const inputs: Record<string, Tensor> = {}
      for (const name of names) inputs[name] = empty(given[name].shape, given[name].dtype, `input ${name}`)
      const { recording, value, results } = await this.tuner.recorded(() =>
        record(() => fn(inputs as never), Object.values(inputs)),
      )
      const plan = await this.plan(recording, results, recording.structure().live)
      const entry = { plan, inputs, value, results }
      entries.set(signature, entry)
      return entry
    }
    const run = (given: Record<string, Tensor> = {}) =>
      this.serially(async () => {
        const { plan, inputs, value, results } = await entryFor(given)
        const copies = Object.keys(given).map((name) => ({
          from: given[name].storage.use('capture'),
          to: inputs[name].storage,
        }))
        return this.execute(plan, null, null, value, results, copies)
      })
    return Object.assign(run, {
      prepare: (given: Record<string, Tensor> = {}) =>
        this.serially(async () => {
          await entryFor(given)
        }),
    })
  }

  /**
   * Time of a step by kernel: runs `fn` twice, the second time with a timestamp before and after every dispatch.
   * Milliseconds, slowest kernel first. Needs the device feature `timestamp-query`.
   */
  profile(fn: () => Result): Promise<{ kernel: string; calls: number; ms: number }[]> {
    check(this.features.has('timestamp-query'), 'profile: this adapter has no timestamp-query')
    return this.serially(async () => {
      const { recording, results } = record(fn)
      const plan = await this.plan(recording, results, recording.structure().live)
      const timings = new Timings(gpu, plan.dispatches)
      for (let run = 0; run < 2; run++) {
        gpu.flush()
        gpu.guarded(() => {
          const encoder = gpu.device.createCommandEncoder({ label: 'profile' })
          plan.encode(encoder, null, null, run ? timings.writes : undefined)
          if (run) timings.resolve(encoder)
          gpu.device.queue.submit([encoder.finish()])
        })
        gpu.stepCounter++
        await gpu.idle()
      }
      plan.destroy()
      return timings.byKernel(plan.kernels())
    })
  }

  /**
   * Measures all implementations of every product and convolution that `fn` runs at a shape new to this adapter, and
   * keeps the fastest of those that compute the right thing, for this process and later ones. Runs nothing of `fn`
   * itself. Needs the device feature `timestamp-query`.
   */
  tune(fn: () => Result, options: TuneOptions = {}): Promise<Measurement[]> {
    check(this.features.has('timestamp-query'), 'tune: this adapter has no timestamp-query')
    check(!gpu.dry, 'tune: a dry engine runs nothing')
    return this.serially(() => this.tuner.tune(() => record(fn), options))
  }

  /** Waits until the GPU has done everything submitted. Throws what went wrong on the way. */
  idle(): Promise<void> {
    return this.serially(() => gpu.idle())
  }

  memory(): MemoryReport {
    const { bytes, peakBytes, byUse } = gpu.memory
    return { bytes, peakBytes, uses: Object.fromEntries(byUse), ...this.largest }
  }

  /** GPU objects made since init(). */
  counters(): Counters {
    return { ...gpu.memory.counters }
  }

  /**
   * Milliseconds this thread has worked on steps since init(): recording, encoding, submitting; not planning and
   * compiling.
   */
  get hostMs(): number {
    return this.busyMs
  }

  /**
   * Steps run since init(). With the seed it decides what dropout draws in the next one: set it to go on where another
   * engine stopped.
   */
  get stepCounter(): number {
    return gpu.stepCounter
  }

  set stepCounter(steps: number) {
    gpu.stepCounter = steps
  }

  /** Ends the engine: the device is destroyed and all tensors are dead. */
  dispose(): void {
    if (gpu?.device !== this.device) return
    this.device.destroy()
    setGpu(undefined)
    this.release()
  }

  /** Steps run one after another, in the order of their calls, even when nobody awaits them. */
  private serially<T>(work: () => Promise<T>): Promise<T> {
    check(gpu?.device === this.device, 'engine: it was disposed')
    check(!gpu.recording, 'engine: steps do not nest; call the functions directly')
    const next = this.last.then(work)
    this.last = next.catch(() => {})
    return next
  }

  private async plan(recording: Recording, results: Storage[], live: readonly Storage[]): Promise<Plan> {
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

  private async execute<R extends Result>(
    plan: Plan,
    recording: Recording | null,
    live: readonly Storage[] | null,
    value: R,
    results: readonly Storage[],
    inputs: readonly { from: Storage; to: Storage }[] = [],
  ): Promise<R> {
    check(!gpu.dry, 'engine: it was started with dryRun, which runs no step; prepare() plans one')
    const start = performance.now()
    gpu.flush()
    const kept = new Map<Storage, Storage>()
    gpu.guarded(() => {
      const encoder = gpu.device.createCommandEncoder({ label: 'step' })
      for (const { from, to } of inputs)
        encoder.copyBufferToBuffer(from.buffer!, from.offset, to.buffer!, to.offset, to.byteLength)
      plan.encode(encoder, recording, live)
      for (const storage of results) {
        const from = plan.resolve(storage)
        const copy = gpu.memory.allocateResult(storage.byteLength, 'result')
        encoder.copyBufferToBuffer(from.buffer, from.offset, copy.buffer!, copy.offset, storage.byteLength)
        kept.set(storage, copy)
      }
      gpu.device.queue.submit([encoder.finish()])
      gpu.memory.counters.submits++
    })
    gpu.stepCounter++
    this.busyMs += performance.now() - start
    await gpu.settle()
    return mapTensors(value, (t) => {
      const copy = kept.get(t.storage)
      return copy ? new Tensor(copy, t.shape, t.dtype) : t
    })
  }
}
