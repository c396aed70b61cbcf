// The engine: runs steps, and tells what it has, what it takes and how long that takes.
import { type Gpu, gpu, setGpu } from '../gpu/gpu.js'
import type { Counters } from '../gpu/memory.js'
import type { PlanMemory } from '../gpu/plan.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Measurement } from '../tune/measure.js'
import type { TuneOptions, Tuner } from '../tune/tuner.js'
import { check } from '../util/check.js'
import { checkOptions, checkWhole } from '../util/options.js'
import { type Arguments, Capture, type Captured, type Input } from './capture.js'
import type { KernelTime } from './profile.js'
import { type Result, record } from './record.js'
import { Runner } from './runner.js'
import { tidy } from './tidy.js'

/** Bytes on the GPU: all buffers now and at most; what the largest plan placed and could not do without. */
export interface MemoryReport extends PlanMemory {
  bytes: number
  peakBytes: number
  /** Bytes now by what they are for: parameters, gradients, optimizer, arena (activations and workspace), … */
  uses: Record<string, number>
}

/** What an adapter calls itself. */
export const nameOf = ({ description, device, vendor, architecture }: GPUAdapterInfo) =>
  description || device || `${vendor} ${architecture}`.trim()

/** What {@link init} opens: runs steps on one adapter until it is disposed. */
export class Engine {
  private readonly runner: Runner

  /** @internal */
  constructor(
    private readonly gpu: Gpu,
    /** WebGPU's adapter, for what it says of itself. */
    readonly adapter: GPUAdapter,
    /** 'lavapipe', 'swiftshader', 'gpu', … */
    readonly adapterKind: string,
    /** Whether the CPU does the GPU's work. */
    readonly isSoftware: boolean,
    private readonly tuner: Tuner,
    private readonly release: () => void,
  ) {
    this.runner = new Runner(gpu, (message) => console.warn(`radiograd: ${message}`))
  }

  /** WebGPU's device, for code of your own beside the engine's. */
  get device(): GPUDevice {
    return this.gpu.device
  }

  /** Features that the device has, such as `shader-f16` and `subgroups`. */
  get features(): ReadonlySet<string> {
    return this.device.features as unknown as ReadonlySet<string>
  }

  /** The device's limits. */
  get limits(): GPUSupportedLimits {
    return this.device.limits
  }

  /** What the adapter calls itself. */
  get adapterName(): string {
    return nameOf(this.adapter.info)
  }

  /**
   * Records everything `fn` runs, plans its memory, and executes it in one submission, or in several where it takes a
   * slow adapter longer than a quarter of a second. Tensors made inside die with the step, except those returned. A
   * step of the same structure as an earlier one uses its plan again.
   * @throws (rejects) for what `fn` throws, an `fn` that is async, a step inside of another, and what was done between
   *   call and run.
   */
  step<R extends Result>(fn: () => R): Promise<R> {
    const { runner } = this
    return runner.serially(async (call) => {
      const start = performance.now()
      const recorded = record(fn, { mode: call.mode, replayed: false })
      const { recording, value, results, live, dependencies, structure } = recorded
      const signature = `step\n${structure}\n${results.map((r) => r.index).join()}`
      runner.busyMs += performance.now() - start
      let plan = runner.plans.find(signature)?.plan
      if (!plan) {
        plan = await runner.plan(recorded)
        runner.plans.add(signature, { plan, dispose() {} })
      }
      return runner.execute({ call, plan, value, results, dependencies, recording, live })
    })
  }

  /**
   * Records `fn` once for each set of input shapes and replays that recording at every call: nothing of `fn` runs on
   * the host again but callbacks and dynamic parameters (learning rate, random step). Inputs are copied in; results are
   * new tensors each call.
   *
   * A number may be given where `fn` takes a tensor: it arrives as one of shape []. Booleans and strings are constants:
   * each value has a recording of its own. What else a recording depended on is looked at in every call, and where it
   * has changed `fn` is recorded again: train() and eval(), requiresGrad, layers and numbers of the modules it used,
   * which gradients there were. Variables that `fn` closes over, and `#private` fields, are not seen.
   *
   * Inputs without a type are taken for tensors; those that are not need one: `({ x, wide }: { x: Tensor; wide: boolean
   * }) => …`.
   * @throws when `fn` is no function. A call rejects for inputs that are none of these, for what `fn` throws, and for
   *   what a replay could not repeat.
   */
  capture<R extends Result, I extends Record<string, Input> = Record<string, Tensor>>(
    fn: (inputs: I) => R,
  ): Captured<Arguments<I>, R> {
    this.runner.alive()
    check(typeof fn === 'function', () => `capture: needs a function, got ${String(fn)}`)
    const capture = new Capture(this.runner, this.tuner, fn)
    return Object.assign((given?: Record<string, Input>) => capture.run(given), {
      prepare: (given?: Record<string, Input>) => capture.prepare(given),
      dispose: () => capture.dispose(),
    })
  }

  /**
   * Runs `fn` outside of a step and gives back all tensors made on the way, but for those it returns (and what their
   * backward pass needs). What is left to the garbage collector otherwise goes at once.
   */
  tidy<R extends Result>(fn: () => R): R {
    this.runner.alive()
    return tidy(this.gpu, fn)
  }

  /**
   * Time of a step by kernel: runs `fn` twice, the second time with a timestamp before and after every dispatch.
   * Milliseconds, slowest kernel first. Needs the device feature `timestamp-query`.
   * @throws (rejects) without `timestamp-query`.
   */
  profile(fn: () => Result): Promise<KernelTime[]> {
    check(this.features.has('timestamp-query'), 'profile: this adapter has no timestamp-query')
    return this.runner.serially(async ({ mode }) => {
      const { profile } = await import('./profile.js') // few programs do
      return profile(this.runner, () => record(fn, { mode, replayed: true, name: 'profile' }))
    })
  }

  /**
   * Measures all implementations of every product and convolution that `fn` runs at a shape new to this adapter, and
   * keeps the fastest of those that compute the right thing, for this process and later ones. Runs nothing of `fn`
   * itself. Needs the device feature `timestamp-query`.
   * @throws (rejects) without `timestamp-query`, and on a dry engine.
   */
  tune(fn: () => Result, options: TuneOptions = {}): Promise<Measurement[]> {
    checkOptions('tune', options, ['force', 'onMeasurement'])
    check(this.features.has('timestamp-query'), 'tune: this adapter has no timestamp-query')
    check(!this.gpu.dry, 'tune: a dry engine runs nothing')
    return this.runner.serially(({ mode }) =>
      this.tuner.tune(() => record(fn, { mode, replayed: false, name: 'tune' }), options),
    )
  }

  /** Waits until the GPU has done everything submitted. Throws what went wrong on the way. */
  idle(): Promise<void> {
    return this.runner.serially(() => this.gpu.idle())
  }

  /** Bytes on the GPU now and at most, by what they are for. */
  memory(): MemoryReport {
    this.runner.alive()
    const { bytes, peakBytes, byUse } = this.gpu.memory
    return { bytes, peakBytes, uses: Object.fromEntries(byUse), ...this.runner.largest }
  }

  /** GPU objects made since init(). */
  counters(): Counters {
    this.runner.alive()
    return { ...this.gpu.memory.counters }
  }

  /**
   * Milliseconds this thread has worked on steps since init(): recording, encoding, submitting; not planning and
   * compiling.
   */
  get hostMs(): number {
    return this.runner.busyMs
  }

  /** Of all products, convolutions and attentions that were recorded or run since init(), forward and backward. */
  get multiplyAdds(): number {
    return this.gpu.multiplyAdds
  }

  /**
   * What random numbers on the GPU follow from, dropout's for one; that of init() until it is set.
   * @throws when it is set to what is no whole number.
   */
  get seed(): number {
    return this.gpu.seed
  }

  set seed(seed: number) {
    checkWhole('engine', { seed })
    this.gpu.seed = seed
  }

  /**
   * Steps run since init(). With the seed it decides what dropout draws in the next one: set it to go on where another
   * engine stopped.
   * @throws when it is set to what is no whole number of 0 or more.
   */
  get stepCounter(): number {
    return this.gpu.stepCounter
  }

  set stepCounter(steps: number) {
    checkWhole('engine', { stepCounter: steps }, 0)
    this.gpu.stepCounter = steps
  }

  /**
   * Ends the engine: the device is destroyed and all tensors are dead. Then another one may be opened.
   * @throws inside of a step.
   */
  dispose(): void {
    if (gpu !== this.gpu) return
    check(!gpu.recording, 'engine: dispose() it outside of steps')
    this.gpu.close()
    setGpu(null)
    this.release()
  }

  /** As {@link dispose}: `using engine = …` calls it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}
