// The recorder that operators talk to. Inside a step it notes commands; outside it encodes them at once.
import { RadiogradError, SizeError, check, formatShape } from '../util/check.js'
import type { Caps } from './caps.js'
import { Choices, type Implementation, type Pass } from './choices.js'
import type { Bindings, ConstantValues, Constants, Extent, Kernel, ParamValues, Params, Size } from './kernel.js'
import { Memory } from './memory.js'
import { Pipelines } from './pipelines.js'
import { bindGroup, checkSizes } from './plan.js'
import { touch } from './meanwhile.js'
import { type Command, type Dispatch, type HostExchange, Recording, accesses } from './recording.js'
import { type Bindable, Storage } from './storage.js'

/** Stands where no engine runs: whatever is asked of it throws one line. */
const absent = (state: string) =>
  new Proxy({} as Gpu, {
    get: () => check(false, `engine: ${state}`),
    set: () => check(false, `engine: ${state}`) as never,
  })

/** The running engine's recorder; set by `init()`. */
export let gpu: Gpu = absent('none is running; call await init() first')
let running = false
const forgetters: (() => void)[] = []

/** Whether there is an engine that was not disposed. */
export const isRunning = () => running

/** Makes `next` the running engine's; null when it is disposed. */
export function setGpu(next: Gpu | null): void {
  running = next !== null
  gpu = next ?? absent('it was disposed; await init() opens another')
  for (const forget of forgetters) forget()
}

/** State that every engine has of its own, made at first use. */
export function perEngine<T>(make: () => T): () => T {
  let owner: Gpu | null = null
  let own: T
  forgetters.push(() => {
    owner = null
    own = undefined as T
  })
  return () => {
    if (owner === gpu) return own
    own = make()
    gpu.seed // throws where no engine runs
    owner = gpu
    return own
  }
}

const EAGER_BATCH = 64
const MAX_GROUPS = 65535

/** What the collector is told that a closed device is worth. Its thread and memory end with its object only. */
const CLOSED_BYTES = 16 << 20

/** Likewise, of a bind group and a uniform buffer that one eager command takes. */
const EAGER_BYTES = 4096

export class Gpu {
  readonly memory: Memory
  readonly pipelines: Pipelines
  /** The step being recorded, if any. */
  recording: Recording | null = null
  /** While an implementation records what it would run, to be measured: not that it is the one that is run. */
  isDrafting = false
  /** What was made since the innermost `tidy` began; null outside of one. */
  scope: Set<Storage> | null = null
  /** Executions so far; random numbers are keyed by it. */
  stepCounter = 0
  /** Of all products, convolutions and attentions that were recorded or run, forward and backward. */
  multiplyAdds = 0
  private eagerStreams = 0
  private encoder: GPUCommandEncoder | null = null
  private pass: GPUComputePassEncoder | null = null
  private encoded = 0
  private uniforms: GPUBuffer[] = []
  private readonly checks: Promise<GPUError | null>[] = []
  /** Why the device does nothing any more, if that is so. */
  lost: string | null = null

  /** `dry`: records and plans, but makes no buffer, moves no byte and runs nothing. */
  constructor(
    readonly device: GPUDevice,
    readonly caps: Caps,
    /** Of random numbers that are drawn from here on. */
    public seed: number,
    readonly dry = false,
    readonly choices = new Choices(),
  ) {
    this.memory = new Memory(
      device,
      dry,
      (failure) => this.checks.push(failure),
      (message) => console.warn(`radiograd: ${message}`),
    )
    this.pipelines = new Pipelines(device, this.memory.counters)
    device.lost.then(({ message, reason }) => {
      const why = message.replace(/\s+/g, ' ') || reason || 'no reason given'
      this.lost ??= `GPU device lost: ${why}; dispose() the engine and init() another`
      this.memory.close(this.lost)
    })
  }

  /** Ends everything: the device is destroyed, and whatever lives on it says so when it is used. */
  close(): void {
    this.lost ??= 'engine: it was disposed'
    this.memory.close('it belongs to an engine that was disposed')
    this.device.destroy()
    this.pressure = new ArrayBuffer(CLOSED_BYTES)
  }

  /** The last that the collector was told of. */
  pressure: ArrayBuffer | null = null

  /** Throws when the device is lost. */
  alive(): void {
    if (this.lost) throw new RadiogradError(this.lost)
  }

  /**
   * Runs (or records) a kernel. `bindings` by WGSL name, null for an optional input left out; `params` may be a
   * function, evaluated at every execution; `constants` are the variants and overrides that do not follow from what is
   * bound.
   */
  run<K extends Kernel>(
    kernel: K,
    bindings: Bindings<K, Bindable>,
    params: Params<K> | (() => Params<K>),
    size: Size,
    ...[constants = {}]: {} extends Constants<K> ? [Constants<K>?] : [Constants<K>]
  ): void {
    const { template, name } = kernel
    const given = template.bindings.map((b) => (bindings as Record<string, Bindable | null>)[b.name] ?? null)
    const variant = kernel.variant(
      constants as ConstantValues,
      given.map((b) => b?.dtype),
    )
    given.forEach((b, i) => {
      const half = variant.isHalf(i)
      check(
        b?.dtype === undefined || (b.dtype === 'f16') === half,
        () => `${name}: '${template.bindings[i].name}' takes ${half ? 'f16' : 'f32'}, got ${b!.dtype}`,
      )
    })
    const workgroups = fold(variant.groups(size))
    if (workgroups.some((g) => g === 0)) return
    if (workgroups.some((g) => !Number.isInteger(g) || g > MAX_GROUPS))
      throw new SizeError(
        `${name}: workgroups must be whole numbers up to ${MAX_GROUPS}, got ${formatShape(workgroups)}; ` +
          'lower the batch size',
      )
    this.issue({
      type: 'dispatch',
      variant,
      overrides: kernel.overrides(
        constants as ConstantValues,
        given,
        this.caps.fixesShapes && typeof params !== 'function' ? (params as ParamValues) : null,
      ),
      params: params as ParamValues | (() => ParamValues),
      workgroups,
      bindings: given.map((b) => b?.storage.use(name) ?? null),
    })
  }

  /** Runs the implementation of a pass that is chosen for a problem. */
  compute<P>(pass: Pass<P>, problem: P): void {
    const before = this.multiplyAdds
    this.choose(pass, problem).run(problem)
    this.multiplyAdds = before + pass.work(problem) // whatever the products count that it is made of
  }

  /** The implementation of a pass that is chosen for a problem. */
  choose<P>(pass: Pass<P>, problem: P): Implementation<P> {
    if (this.recording && !this.recording.draft) this.choices.add(pass, problem, (record) => this.draft(record))
    return this.choices.choose(pass, problem)
  }

  /** What `record` would record; nothing is compiled for it. */
  private draft(record: () => void): Recording {
    const outer = this.recording
    const draft = (this.recording = new Recording(true))
    this.isDrafting = true
    try {
      record()
    } finally {
      this.recording = outer
      this.isDrafting = false
    }
    return draft
  }

  /** Copies the bytes of `source` over those of `target` (the smaller of the two). */
  copy(source: Bindable, target: Bindable): void {
    const from = source.storage.use('copy')
    const to = target.storage.use('copy')
    this.issue({ type: 'copy', source: from, target: to, bytes: Math.min(from.byteLength, to.byteLength) })
  }

  /** Fills `target` with zero bytes. */
  zero(target: Bindable): void {
    this.issue({ type: 'zero', target: target.storage.use('zero') })
  }

  /** Calls `call` once per execution, before any dynamic params are evaluated: for counters that live on the host. */
  host(call: () => void): void {
    this.issue({ type: 'host', call })
  }

  /**
   * Gives the f32 values of `target` to `call` on the host, which changes them, and goes on with what they are then: a
   * step is cut in two there. Inside a step only.
   */
  exchange(target: Bindable, floats: number, call: HostExchange): void {
    check(this.recording, 'exchange: values are exchanged inside a step alone, as engine.step or engine.capture run')
    this.issue({ type: 'exchange', target: target.storage.use('exchange'), floats, call })
  }

  /** Key of the next random numbers: `stream` tells calls of one step apart, {@link stepCounter} tells steps apart. */
  rng(): { seed: number; stream: number } {
    return { seed: this.seed, stream: this.stream++ }
  }

  /** The next random stream; set back, the same numbers are drawn again. */
  get stream(): number {
    return this.recording ? this.recording.streams : this.eagerStreams
  }

  set stream(next: number) {
    if (this.recording) this.recording.streams = next
    else this.eagerStreams = next
  }

  /** Room for a result of an operator: transient inside a step, live outside. */
  allocate(bytes: number, label: string): Storage {
    if (!this.recording) return this.allocateLive(bytes, label)
    this.memory.checkSize(bytes, label)
    return this.recording.allocate(bytes, label)
  }

  /** Room for a tensor that outlives steps, but not the `tidy` it was made in. */
  allocateLive(bytes: number, label: string): Storage {
    const storage = this.memory.allocate(bytes, label)
    this.scope?.add(storage)
    return storage
  }

  /** Sends what was encoded outside steps to the GPU. */
  flush(): void {
    const { encoder } = this
    if (!encoder) return
    this.pass?.end()
    this.guarded(() => this.device.queue.submit([encoder.finish()]))
    this.memory.counters.submits++
    this.encoder = this.pass = null
    this.encoded = 0
    for (const buffer of this.uniforms) this.memory.destroy(buffer)
    this.uniforms = []
  }

  /** Uploads bytes into a live storage. */
  write(target: Storage, data: ArrayBufferView, byteOffset = 0): void {
    if (!this.recording) touch(target, true)
    this.upload(target, data, byteOffset)
  }

  /** As {@link write}, for the step that is about to run. */
  upload(target: Storage, data: ArrayBufferView, byteOffset = 0): void {
    check(!this.recording || target.state === 'live', `write: ${target.label} must be made outside the step`)
    if (this.dry) return
    this.flush()
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    if (bytes.length % 4 === 0)
      this.device.queue.writeBuffer(target.buffer!, target.offset + byteOffset, bytes as Uint8Array<ArrayBuffer>)
    else {
      const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
      padded.set(bytes)
      this.device.queue.writeBuffer(target.buffer!, target.offset + byteOffset, padded)
    }
  }

  /** Downloads `bytes` of a live storage. */
  async read(source: Storage, bytes: number): Promise<ArrayBuffer> {
    check(
      !this.recording,
      `data: ${source.label} cannot be read while a step is being recorded; return it from the step`,
    )
    check(source.state === 'live', () => {
      source.use('data')
      return `data: ${source.label} has no bytes yet`
    })
    check(!this.dry, `data: a dry engine has no bytes to read`)
    const size = Math.ceil(bytes / 4) * 4
    this.flush()
    const staging = this.memory.takeStaging(size)
    this.guarded(() => {
      const encoder = this.device.createCommandEncoder({ label: 'read' })
      encoder.copyBufferToBuffer(source.buffer!, source.offset, staging, 0, size)
      this.device.queue.submit([encoder.finish()])
      this.memory.counters.submits++
    })
    await this.settle()
    await staging.mapAsync(1 /* READ */, 0, size).catch(async (error: Error) => {
      await Promise.race([this.device.lost, new Promise((passed) => setTimeout(passed, 100))]) // the likely reason
      throw new RadiogradError(this.lost ?? `data: ${error.message || 'the device gave no reason'}`)
    })
    const copy = staging.getMappedRange(0, size).slice(0, bytes)
    staging.unmap()
    this.memory.giveStaging(staging)
    return copy
  }

  /** Waits until everything submitted so far has run. */
  async idle(): Promise<void> {
    this.flush()
    await this.device.queue.onSubmittedWorkDone().catch(() => {}) // settle says why
    await this.settle()
  }

  /** Runs `work` inside validation and out-of-memory scopes; {@link settle} throws what they caught. */
  guarded(work: () => void): void {
    this.device.pushErrorScope('out-of-memory')
    this.device.pushErrorScope('validation')
    try {
      work()
    } finally {
      this.checks.push(this.device.popErrorScope(), this.device.popErrorScope())
    }
  }

  /** Throws the first GPU failure that has happened since the last call. */
  async settle(): Promise<void> {
    const errors = await Promise.all(this.checks.splice(0).map((c) => c.catch(() => null)))
    this.alive()
    const error = errors.find(Boolean)
    if (error) {
      const refused = await this.pipelines.refused()
      if (refused) throw new RadiogradError(refused)
      const kind = error.constructor.name === 'GPUOutOfMemoryError' ? 'GPU out of memory' : 'GPU validation'
      throw new RadiogradError(`${kind}: ${error.message.replace(/\s+/g, ' ').slice(0, 600)}`)
    }
  }

  private issue(command: Command): void {
    if (this.recording) {
      this.recording.commands.push(command)
      if (command.type === 'dispatch' && !this.dry && !this.recording.draft)
        void this.pipelines.soon(command.variant, command.overrides)
    } else if (this.dry) return
    else if (command.type === 'host') command.call()
    else if (command.type !== 'exchange') {
      const { read, written } = accesses(command)
      for (const storage of read) touch(storage, false)
      for (const storage of written) touch(storage, true)
      this.guarded(() => this.encode(command))
    }
  }

  /** Outside a step: encodes one command; uniforms and bind groups are made for it alone. */
  private encode(command: Exclude<Command, { type: 'host' | 'exchange' }>): void {
    this.encoder ??= this.device.createCommandEncoder({ label: 'eager' })
    if (command.type === 'dispatch') this.dispatch(command)
    else {
      this.pass?.end()
      this.pass = null
      const { target } = command
      if (command.type === 'zero') this.encoder.clearBuffer(target.buffer!, target.offset, target.byteLength)
      else
        this.encoder.copyBufferToBuffer(
          command.source.buffer!,
          command.source.offset,
          target.buffer!,
          target.offset,
          command.bytes,
        )
    }
    if (++this.encoded >= EAGER_BATCH) this.flush()
  }

  private dispatch(command: Dispatch): void {
    checkSizes(this.device, command)
    this.pressure = this.memory.tell(EAGER_BYTES) ?? this.pressure
    const pipeline = this.pipelines.now(command.variant, command.overrides)
    let uniform = null
    const { kernel } = command.variant
    if (kernel.uniformBytes) {
      const view = new DataView(new ArrayBuffer(256))
      kernel.pack(typeof command.params === 'function' ? command.params() : command.params, command.bindings, view, 0)
      uniform = { buffer: this.memory.createUniformBuffer(256, 'eager params'), offset: 0 }
      this.uniforms.push(uniform.buffer)
      this.device.queue.writeBuffer(uniform.buffer, 0, view.buffer as ArrayBuffer)
    }
    this.pass ??= this.encoder!.beginComputePass()
    this.pass.setPipeline(pipeline.pipeline)
    const resolve = (s: Storage) => ({ buffer: s.buffer!, offset: s.offset, size: s.byteLength })
    this.pass.setBindGroup(0, bindGroup(this.device, this.memory, command, pipeline, resolve, uniform))
    this.pass.dispatchWorkgroups(...command.workgroups)
  }
}

/** A count as [x, y, 1] with x at most 65535 and little rounding up; others filled up with 1. */
function fold(workgroups: Extent): [number, number, number] {
  if (typeof workgroups !== 'number') return [workgroups[0], workgroups[1] ?? 1, workgroups[2] ?? 1]
  if (workgroups <= MAX_GROUPS) return [workgroups, 1, 1]
  const y = Math.ceil(workgroups / MAX_GROUPS)
  return [Math.ceil(workgroups / y), y, 1]
}
