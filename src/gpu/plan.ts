// A recorded step made ready to run again and again: memory placed, bind groups made, uniforms written.
import { RadiogradError, check } from '../util/check.js'
import { mixed, packParams } from './kernel.js'
import type { Memory } from './memory.js'
import type { Pipeline, Pipelines } from './pipelines.js'
import { type Block, type Placement, lowerBound, place } from './planner.js'
import { type Command, type Dispatch, type Recording, accesses } from './recording.js'
import type { Storage } from './storage.js'

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
  private readonly commands: Command[]
  private readonly placement: Placement
  private readonly uniformSlots: number[]
  private readonly dynamicBytes: number
  private readonly dynamicOffset: number
  private readonly uniformStride: number
  private readonly uniforms: GPUBuffer | null
  private readonly dynamicView: DataView
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
    this.commands = recording.commands
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

    // Uniforms: equal static blocks share a slot; dynamic ones lie together at the end, so that one write serves them
    // all.
    this.uniformStride = device.limits.minUniformBufferOffsetAlignment
    const slots = new Map<string, number>()
    const statics: DataView[] = []
    let dynamic = 0
    this.uniformSlots = this.commands.map((c) => {
      if (c.type !== 'dispatch' || Object.keys(c.kernel.params).length === 0) return -1
      if (typeof c.params === 'function') return -2 - dynamic++
      const view = new DataView(new ArrayBuffer(this.uniformStride))
      packParams(c.kernel, c.params, view, 0)
      const key = new Uint32Array(view.buffer).join()
      let slot = slots.get(key)
      if (slot === undefined) slots.set(key, (slot = statics.push(view) - 1))
      return slot
    })
    this.dynamicOffset = statics.length * this.uniformStride
    this.dynamicBytes = dynamic * this.uniformStride
    this.dynamicView = new DataView(new ArrayBuffer(this.dynamicBytes))
    this.uniformSlots = this.uniformSlots.map((slot) => (slot < -1 ? statics.length - 2 - slot : slot))
    const bytes = this.dynamicOffset + this.dynamicBytes
    this.uniforms = bytes ? store.createUniformBuffer(bytes, 'uniforms') : null
    const all = new Uint8Array(this.dynamicOffset)
    statics.forEach((view, i) => all.set(new Uint8Array(view.buffer), i * this.uniformStride))
    if (this.uniforms && all.length && !store.dry) device.queue.writeBuffer(this.uniforms, 0, all)
  }

  /** Waits for the pipelines. */
  async ready(): Promise<void> {
    if (this.store.dry) return
    this.pipelines = await Promise.all(
      this.commands.map((c) => {
        if (c.type !== 'dispatch') return null as unknown as Pipeline
        const { kernel, variant } = this.mixes(c) ? mixed(c.kernel, c.variant) : c
        return this.cache.soon(kernel, variant, c.overrides)
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
    const commands = recording?.commands ?? this.commands
    if (live && (this.arenaVersion !== this.store.arenaVersion || live.some((s, i) => s !== this.live[i])))
      this.bind(live)
    else if (this.arenaVersion !== this.store.arenaVersion) this.bind(this.live)
    for (const storage of this.live) storage.use('step') // a bind group would silently keep a disposed tensor's buffer
    for (const c of commands) if (c.type === 'host') c.call()
    if (this.dynamicBytes) {
      commands.forEach((c, i) => {
        if (c.type !== 'dispatch' || typeof c.params !== 'function') return
        packParams(
          c.kernel,
          c.params(),
          this.dynamicView,
          this.uniformSlots[i] * this.uniformStride - this.dynamicOffset,
        )
      })
      this.device.queue.writeBuffer(this.uniforms!, this.dynamicOffset, this.dynamicView.buffer as ArrayBuffer)
    }
    let pass: GPUComputePassEncoder | null = null
    let current: GPUComputePipeline | null = null
    let dispatch = 0
    this.commands.forEach((c, i) => {
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
        return
      }
      if (c.type === 'host') return
      pass?.end()
      pass = current = null
      const target = this.resolve(c.target)
      if (c.type === 'zero') encoder.clearBuffer(target.buffer, target.offset, target.size)
      else {
        const source = this.resolve(c.source)
        encoder.copyBufferToBuffer(source.buffer, source.offset!, target.buffer, target.offset!, c.bytes)
      }
    })
    ;(pass as GPUComputePassEncoder | null)?.end()
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
    return this.commands.flatMap((c) => (c.type === 'dispatch' ? [`${c.kernel.name} ${c.variant}`.trim()] : []))
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
    if (this.uniforms) this.store.destroy(this.uniforms)
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
      if (c.type === 'copy' || c.type === 'zero') {
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
          this.uniformSlots[i] < 0
            ? null
            : { buffer: this.uniforms!, offset: this.uniformSlots[i] * this.uniformStride },
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

/** Binds the storages of one dispatch, and its uniform block. */
export function bindGroup(
  device: GPUDevice,
  store: Memory,
  c: Dispatch,
  { layout }: Pipeline,
  resolve: (s: Storage) => GPUBufferBinding,
  uniform: { buffer: GPUBuffer; offset: number } | null,
): GPUBindGroup {
  const access = Object.values(c.kernel.bindings)
  const entries: GPUBindGroupEntry[] = c.bindings.map((storage, binding) => {
    const resource = storage ? resolve(storage) : store.standIn(binding, access[binding] === 'read_write')
    if (resource.size! > device.limits.maxStorageBufferBindingSize) {
      throw new RadiogradError(
        `${c.kernel.name}: '${Object.keys(c.kernel.bindings)[binding]}' needs ${resource.size} bytes, ` +
          `this adapter binds at most ${device.limits.maxStorageBufferBindingSize}; lower the batch size`,
      )
    }
    return { binding, resource }
  })
  if (uniform) {
    const size = Math.max(16, Object.keys(c.kernel.params).length * 4)
    entries.push({ binding: entries.length, resource: { ...uniform, size: Math.ceil(size / 16) * 16 } })
  }
  store.counters.bindGroups++
  return device.createBindGroup({ label: c.kernel.name, layout, entries })
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
