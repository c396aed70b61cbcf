// What all optimizers share: parameter groups, runs of neighbours, a step counter that survives replay.
import { gpu } from '../gpu/gpu.js'
import type { Storage } from '../gpu/storage.js'
import { type Run, contiguousRuns } from '../tensor/arena.js'
import { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'

/** Parameters that share settings; settings left out are the optimizer's. */
export type ParameterGroup<Options> = Partial<Options> & { params: readonly Tensor[] }

/** A run to update and its slices of the optimizer's buffers, laid out like the parameters. */
export interface Slot extends Run {
  buffers: Storage[]
}

/** A group with all settings. They may be changed between steps (schedules set `lr`); replayed steps see the change. */
export type Group<Options> = Options & { params: readonly Tensor[] }

/** Word of a scaler's state that counts the steps left out (shaders/lib/scaler.wgsl). */
const SKIPPED = 3

export abstract class Optimizer<Options extends { lr: number }> {
  readonly groups: Group<Options>[]
  /** Steps taken, and those that a `GradScaler` left out. */
  steps = 0
  /** State of the gradient scaler that decides about steps, if there is one. */
  private scaler: Tensor | null = null
  private readonly buffers = new Map<Group<Options>, { run: Run; storages: Storage[] }[]>()

  /** `bufferCount`: buffers of the parameters' size that the optimizer keeps. */
  constructor(
    params: readonly Tensor[] | readonly ParameterGroup<Options>[],
    defaults: Options,
    private readonly bufferCount: number,
  ) {
    const name = this.constructor.name
    check(params.length > 0, `${name}: needs at least one parameter, got none`)
    const groups = params[0] instanceof Tensor ? [{ params }] : params
    this.groups = (groups as ParameterGroup<Options>[]).map((group) => ({ ...defaults, ...group }))
    for (const group of this.groups) {
      check(group.lr >= 0, `${name}: lr must be at least 0, got ${group.lr}`)
      for (const p of group.params)
        check(p instanceof Tensor && !p.node && p.gradStorage, `${name}: parameters must be leaves made by a module`)
    }
  }

  /** Learning rate of the first group; setting it sets all groups. */
  get lr(): number {
    return this.groups[0].lr
  }

  set lr(value: number) {
    for (const group of this.groups) group.lr = value
  }

  /** Forgets all gradients: the next backward pass writes instead of adding. */
  zeroGrad(): void {
    for (const { params } of this.groups) for (const p of params) p.grad = null
  }

  /** Updates every parameter that has a gradient, neighbours in one dispatch. `scaler` comes from `GradScaler.step`. */
  step(scaler: Tensor | null = null): void {
    this.scaler = scaler ?? this.scaler
    gpu.host(() => {
      this.steps++
    })
    for (const group of this.groups) {
      const active = group.params.filter((p) => p.grad)
      for (const run of contiguousRuns(active)) this.update({ ...run, buffers: this.slices(group, run) }, group, scaler)
    }
  }

  /** Records the update of one run. Settings are read in a parameter function, so that replays follow them. */
  protected abstract update(slot: Slot, group: Group<Options>, scaler: Tensor | null): void

  /** The optimizer's own numbers, for resuming: each buffer of each parameter, row-major in the engine's layout. */
  async stateDict(): Promise<{ steps: number; buffers: Float32Array[][] }> {
    const buffers: Float32Array[][] = []
    for (const group of this.groups) {
      for (const p of group.params) {
        const slices = this.slices(group, contiguousRuns([p])[0])
        buffers.push(await Promise.all(slices.map((s) => new Tensor(s, p.shape).data())))
      }
    }
    const skipped = this.scaler ? (await this.scaler.data('u32'))[SKIPPED] : 0
    return { steps: this.steps - skipped, buffers }
  }

  loadStateDict({ steps, buffers }: { steps: number; buffers: readonly (readonly Float32Array[])[] }): void {
    const params = this.groups.flatMap((group) => group.params.map((p) => ({ group, p })))
    check(
      buffers.length === params.length,
      `${this.constructor.name}: state of ${params.length} parameters expected, got ${buffers.length}`,
    )
    this.steps = steps
    if (this.scaler) gpu.write(this.scaler.storage, Uint32Array.of(0), 4 * SKIPPED)
    params.forEach(({ group, p }, i) => {
      this.slices(group, contiguousRuns([p])[0]).forEach((s, b) => new Tensor(s, p.shape).write(buffers[i][b]))
    })
  }

  /**
   * The part of this group's buffers that belongs to `run`. They cover all its parameters, made at first use and zero.
   */
  private slices(group: Group<Options>, run: Run): Storage[] {
    let entries = this.buffers.get(group)
    if (!entries) {
      entries = contiguousRuns(group.params).map((whole) => ({
        run: whole,
        storages: Array.from({ length: this.bufferCount }, () => {
          const storage = gpu.memory.allocate(4 * whole.floats, 'optimizer state')
          gpu.write(storage, new Uint8Array(storage.byteLength))
          return storage
        }),
      }))
      this.buffers.set(group, entries)
    }
    const { offset, buffer, byteLength } = run.parameters
    const home = entries.find(
      ({ run: { parameters: p } }) =>
        p.buffer === buffer && p.offset <= offset && offset + byteLength <= p.offset + p.byteLength,
    )!
    return home.storages.map((s) => s.slice(offset - home.run.parameters.offset, byteLength, s.label, s))
  }
}
