// A recorded step made ready to run again and again: memory placed, bind groups made, uniforms written.
import { SizeError, check } from '../util/check.js'
import { Cuts } from './cuts.js'
import type { ParamValues } from './kernel.js'
import type { Memory } from './memory.js'
import type { Pipeline, Pipelines } from './pipelines.js'
import { type Block, type Placement, lowerBound, place } from './planner.js'
import { type Command, type Dispatch, type HostExchange, type Recording, accesses, labelOf } from './recording.js'
import { Storage } from './storage.js'

/**
 * Arenas that are both read and written in a dispatch must save this much: `read` bindings may be faster on some GPUs.
 */
const WORTH_MIXING = 1.05

/** Memory of a plan in bytes: what it placed, and what no plan could do without. */
export interface PlanMemory {
  planned: number
  lowerBound: number
}

export class Plan {
  readonly memory: PlanMemory
  /** Dispatches a run encodes. */
  readonly dispatches: number
  readonly cuts: Cuts
  /** The recorded ones, but for live storages: those are replaced by the ones of the latest run. */
  private readonly commands: Command[]
  private readonly placement: Placement
  private readonly uniforms: Uniforms
  private pipelines: Pipeline[] = []
  private groups: (GPUBindGroup | null)[] = []
  private live: Storage[] = []
  private arenaVersion = -1

  constructor(
    private readonly device: GPUDevice,
    private readonly store: Memory,
    private readonly cache: Pipelines,
    recording: Recording,
    results: readonly Storage[],
  ) {
    this.commands = recording.commands.map((c) => ({ ...c }))
    for (const c of this.commands) if (c.type === 'dispatch') checkSizes(device, c)
    this.cuts = new Cuts(this.commands.length)
    this.dispatches = this.commands.filter((c) => c.type === 'dispatch').length
    const { apart, together, placed } = lifetimes(recording, results)
    const most = Math.min(device.limits.maxBufferSize, 1 << 30)
    const packed = [apart, together]
      .map((blocks) => place(blocks, most))
      .reduce((a, b) => (total(b) * WORTH_MIXING < total(a) ? b : a))
    this.placement = { arena: [], offset: [], arenas: packed.arenas }
    placed.forEach((index, i) => {
      this.placement.arena[index] = packed.arena[i]
      this.placement.offset[index] = packed.offset[i]
    })
    this.memory = { planned: total(packed), lowerBound: lowerBound(apart) }
    this.uniforms = new Uniforms(device, store, this.commands)
  }

  /** Waits for the pipelines. */
  async ready(): Promise<void> {
    if (this.store.dry) return
    this.pipelines = await Promise.all(
      this.commands.map((c) => {
        if (c.type !== 'dispatch') return null as unknown as Pipeline
        return this.cache.soon(c.variant, c.overrides, this.mixes(c))
      }),
    )
  }

  /** Makes room and binds. */
  place(live: readonly Storage[]): void {
    this.store.reserveArenas(this.placement.arenas)
    if (!this.store.dry) this.bind(live)
  }

  /**
   * Encodes the step. `recording` may be a later one of the same structure: its host calls and parameter functions are
   * the ones that count, and `live` its live storages. With `timestamps` every dispatch gets a pass of its own that
   * writes its two.
   */
  encode(
    encoder: GPUCommandEncoder,
    recording: Recording | null,
    live: readonly Storage[] | null,
    timestamps?: (dispatch: number) => GPUComputePassTimestampWrites,
  ): void {
    this.begin(recording, live)
    const next = this.encodeFrom(0, encoder, timestamps)
    check(next === null, 'profile: a step that exchanges values with other processes has no timings, got one')
  }

  /** What comes before the first command is encoded; see {@link encode}. */
  begin(recording: Recording | null, live: readonly Storage[] | null): void {
    const commands = recording?.commands ?? this.commands
    if (live && (this.arenaVersion !== this.store.arenaVersion || live.some((s, i) => s !== this.live[i])))
      this.bind(live)
    else if (this.arenaVersion !== this.store.arenaVersion) this.bind(this.live)
    for (const storage of this.live) storage.use('step') // a bind group would silently keep a disposed tensor's buffer
    for (const c of commands) if (c.type === 'host') c.call()
    this.uniforms.update(commands)
  }

  /**
   * Encodes the commands from `first` to the next one that exchanges values, or that is one of `cuts`, and gives its
   * place; null at the end.
   */
  encodeFrom(
    first: number,
    encoder: GPUCommandEncoder,
    timestamps?: (dispatch: number) => GPUComputePassTimestampWrites,
    cuts?: ReadonlySet<number>,
  ): number | null {
    let pass: GPUComputePassEncoder | null = null
    let current: GPUComputePipeline | null = null
    let dispatch = 0
    let i = first
    for (; i < this.commands.length; i++) {
      const c = this.commands[i]
      if (c.type === 'exchange' || (i > first && cuts?.has(i))) break
      if (c.type === 'dispatch') {
        if (timestamps) {
          pass?.end()
          pass = encoder.beginComputePass({ timestampWrites: timestamps(dispatch++) })
          current = null
        }
        pass ??= encoder.beginComputePass()
        const { pipeline } = this.pipelines[i]
        if (pipeline !== current) pass.setPipeline((current = pipeline))
        pass.setBindGroup(0, this.groups[i])
        pass.dispatchWorkgroups(...c.workgroups)
        continue
      }
      if (c.type === 'host') continue
      pass?.end()
      pass = current = null
      const target = this.resolve(c.target)
      if (c.type === 'zero') encoder.clearBuffer(target.buffer, target.offset, target.size)
      else {
        const source = this.resolve(c.source)
        encoder.copyBufferToBuffer(source.buffer, source.offset!, target.buffer, target.offset!, c.bytes)
      }
    }
    ;(pass as GPUComputePassEncoder | null)?.end()
    return i < this.commands.length ? i : null
  }

  /** What the command at this place exchanges, and with what; null for another. `recording` as for {@link encode}. */
  exchangeAt(at: number, recording: Recording | null): { values: Storage; floats: number; call: HostExchange } | null {
    const c = this.commands[at]
    const own = recording?.commands[at] ?? c
    if (c.type !== 'exchange' || own.type !== 'exchange') return null
    const { buffer, offset } = this.resolve(c.target)
    const { byteLength, label } = c.target
    return { values: new Storage(byteLength, 'live', label, buffer, offset), floats: c.floats, call: own.call }
  }

  /** Whether a dispatch reads from an arena that it also writes to. */
  private mixes(c: Dispatch): boolean {
    const { read, written } = accesses(c)
    const arenas = (storages: readonly Storage[]) =>
      storages.filter((s) => s.index >= 0).map((s) => this.placement.arena[s.index])
    const targets = arenas(written)
    return arenas(read).some((arena) => targets.includes(arena))
  }

  /** Names of the kernels in the order of their dispatches. */
  kernels(): string[] {
    return this.commands.flatMap((c) => (c.type === 'dispatch' ? [labelOf(c)] : []))
  }

  /** Where the bytes of a storage of this plan are. */
  resolve(storage: Storage): { buffer: GPUBuffer; offset: number; size: number } {
    const i = storage.index
    if (i >= 0)
      return {
        buffer: this.store.arenas[this.placement.arena[i]],
        offset: this.placement.offset[i],
        size: storage.byteLength,
      }
    check(storage.buffer, () => `step: ${storage.label} was disposed, but the step still uses it`)
    return { buffer: storage.buffer, offset: storage.offset, size: storage.byteLength }
  }

  destroy(): void {
    this.uniforms.destroy()
  }

  /**
   * Makes the bind groups anew: those of dispatches whose live storages lie elsewhere now, or all when an arena moved.
   */
  private bind(live: readonly Storage[]): void {
    const moved = this.arenaVersion !== this.store.arenaVersion
    const replaced = new Map<Storage, Storage>()
    this.live.forEach((s, i) => {
      if (s !== live[i]) replaced.set(s, live[i])
    })
    this.commands.forEach((c, i) => {
      if (c.type === 'copy' || c.type === 'zero' || c.type === 'exchange') {
        c.target = replaced.get(c.target) ?? c.target
        if (c.type === 'copy') c.source = replaced.get(c.source) ?? c.source
      }
      if (c.type !== 'dispatch') return
      const touched = c.bindings.some((s) => s && replaced.has(s))
      const elsewhere = touched && c.bindings.some((s) => s && replaced.has(s) && !samePlace(s, replaced.get(s)!))
      if (touched) c.bindings = c.bindings.map((s) => (s && replaced.get(s)) ?? s)
      if (moved || elsewhere || !this.groups[i]) {
        this.groups[i] = bindGroup(
          this.device,
          this.store,
          c,
          this.pipelines[i],
          (s) => this.resolve(s),
          this.uniforms.block(i),
        )
      }
    })
    this.live = [...live]
    this.arenaVersion = this.store.arenaVersion
  }
}

const total = ({ arenas }: Placement) => arenas.reduce((a, b) => a + b, 0)

/** Whether two live storages are the same bytes, as the slices are that an optimizer cuts anew for each step. */
const samePlace = (a: Storage, b: Storage) =>
  a.buffer === b.buffer && a.offset === b.offset && a.byteLength === b.byteLength

/**
 * The uniform blocks of a plan's dispatches, in one buffer: equal static ones share a place, dynamic ones lie together
 * behind them, so that one write serves them all.
 */
class Uniforms {
  private readonly stride: number
  private readonly buffer: GPUBuffer | null
  /** Where the block of a command begins, -1 for those without one. */
  private readonly offsets: number[]
  private readonly dynamic: number[] = []
  private readonly dynamicOffset: number
  private readonly dynamicBlocks: DataView

  constructor(
    private readonly device: GPUDevice,
    private readonly store: Memory,
    commands: readonly Command[],
  ) {
    const stride = (this.stride = device.limits.minUniformBufferOffsetAlignment)
    const places = new Map<string, number>()
    const blocks: Uint8Array[] = []
    this.offsets = commands.map((c, i) => {
      if (c.type !== 'dispatch' || !c.variant.kernel.uniformBytes) return -1
      if (typeof c.params === 'function') {
        this.dynamic.push(i)
        return -1 // known below
      }
      const block = new Uint8Array(stride)
      c.variant.kernel.pack(c.params, c.bindings, new DataView(block.buffer), 0)
      const key = block.join()
      let place = places.get(key)
      if (place === undefined) places.set(key, (place = blocks.push(block) - 1))
      return place * stride
    })
    this.dynamicOffset = blocks.length * stride
    this.dynamic.forEach((i, n) => (this.offsets[i] = this.dynamicOffset + n * stride))
    this.dynamicBlocks = new DataView(new ArrayBuffer(this.dynamic.length * stride))
    const bytes = this.dynamicOffset + this.dynamicBlocks.byteLength
    this.buffer = bytes ? store.createUniformBuffer(bytes, 'uniforms') : null
    const all = new Uint8Array(this.dynamicOffset)
    blocks.forEach((block, i) => all.set(block, i * stride))
    if (this.buffer && all.length && !store.dry) device.queue.writeBuffer(this.buffer, 0, all)
  }

  /** Where the block of a command is. */
  block(command: number): { buffer: GPUBuffer; offset: number } | null {
    const offset = this.offsets[command]
    return offset < 0 ? null : { buffer: this.buffer!, offset }
  }

  /** Evaluates the dynamic parameters. */
  update(commands: readonly Command[]): void {
    if (!this.dynamic.length) return
    this.dynamic.forEach((i, n) => {
      const { variant, params, bindings } = commands[i] as Dispatch
      variant.kernel.pack((params as () => ParamValues)(), bindings, this.dynamicBlocks, n * this.stride)
    })
    this.device.queue.writeBuffer(this.buffer!, this.dynamicOffset, this.dynamicBlocks.buffer as ArrayBuffer)
  }

  destroy(): void {
    if (this.buffer) this.store.destroy(this.buffer)
  }
}

/** @throws SizeError when a storage of a dispatch is larger than the adapter can bind. */
export function checkSizes({ limits }: GPUDevice, { variant: { kernel }, bindings }: Dispatch): void {
  bindings.forEach((storage, i) => {
    if (!storage || storage.byteLength <= limits.maxStorageBufferBindingSize) return
    throw new SizeError(
      `${kernel.name}: '${kernel.template.bindings[i].name}' needs ${storage.byteLength} bytes, ` +
        `this adapter binds at most ${limits.maxStorageBufferBindingSize}; lower the batch size`,
    )
  })
}

/** Binds the storages of one dispatch, and its uniform block. */
export function bindGroup(
  device: GPUDevice,
  store: Memory,
  c: Dispatch,
  { layout }: Pipeline,
  resolve: (s: Storage) => GPUBufferBinding,
  uniform: { buffer: GPUBuffer; offset: number } | null,
): GPUBindGroup {
  const { kernel } = c.variant
  const entries: GPUBindGroupEntry[] = c.bindings.map((storage, binding) => {
    const { access } = kernel.template.bindings[binding]
    const resource = storage ? resolve(storage) : store.standIn(binding, access === 'read_write')
    return { binding, resource }
  })
  if (uniform) entries.push({ binding: entries.length, resource: { ...uniform, size: kernel.uniformBytes } })
  store.counters.bindGroups++
  return device.createBindGroup({ label: kernel.name, layout, entries })
}

/**
 * First and last use of every transient; those never used take no room. Twice, with two rules for what must lie in
 * different buffers: `apart`, whatever a command reads and what it writes, so that its bindings can be declared as they
 * are used; `together`, only where a buffer cannot serve as both: the two of a copy, and those of a dispatch that binds
 * one storage several times, which `read_write` forbids.
 */
function lifetimes(
  recording: Recording,
  results: readonly Storage[],
): { apart: Block[]; together: Block[]; placed: number[] } {
  const placed: number[] = []
  const number = new Map<number, number>()
  const apart: Block[] = []
  const touch = (s: Storage, at: number) => {
    if (s.index < 0) return
    if (!number.has(s.index)) {
      number.set(s.index, placed.push(s.index) - 1)
      apart.push({ bytes: s.byteLength, first: at, last: at, conflicts: new Set() })
    }
    apart[number.get(s.index)!].last = at
  }
  recording.commands.forEach((command, at) => {
    const { read, written } = accesses(command)
    read.forEach((s) => {
      check(s.index < 0 || number.has(s.index), () => `step: ${s.label} is read before anything wrote it`)
      touch(s, at)
    })
    written.forEach((s) => touch(s, at))
  })
  results.forEach((s) => touch(s, recording.commands.length))
  const together = apart.map((block) => ({ ...block, conflicts: new Set<number>() }))
  for (const command of recording.commands) {
    const { read, written } = accesses(command)
    const rules = command.type === 'dispatch' && !overlapping(command.bindings) ? [apart] : [apart, together]
    for (const r of read)
      for (const w of written) {
        const [i, j] = [number.get(r.index), number.get(w.index)]
        if (i === undefined || j === undefined || i === j) continue
        for (const blocks of rules) {
          blocks[i].conflicts.add(j)
          blocks[j].conflicts.add(i)
        }
      }
  }
  return { apart, together, placed }
}

/** Whether two of the storages have bytes in common. */
function overlapping(bindings: readonly (Storage | null)[]): boolean {
  return bindings.some(
    (a, i) =>
      a &&
      bindings.some(
        (b, j) =>
          b &&
          i < j &&
          (a === b ||
            (a.buffer !== null &&
              a.buffer === b.buffer &&
              a.offset < b.offset + b.byteLength &&
              b.offset < a.offset + a.byteLength)),
      ),
  )
}
