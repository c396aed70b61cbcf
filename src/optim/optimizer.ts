// What all optimizers share: parameter groups, runs of neighbours, counts of steps that survive replay.
import { gpu } from '../gpu/gpu.js'
import { change } from '../gpu/meanwhile.js'
import type { Storage } from '../gpu/storage.js'
import * as shaders from '../shaders.gen.js'
import { type Run, contiguousRuns } from '../tensor/arena.js'
import { dependOn, dependencies } from '../tensor/dependencies.js'
import { Tensor } from '../tensor/tensor.js'
import { check, formatShape, shown } from '../util/check.js'
import { type Late, type LateArray, readLate } from '../util/late.js'
import { checkNumbers, checkOptions, checkWhole, given } from '../util/options.js'

/** Parameters that share settings; settings left out are the optimizer's. */
export type ParameterGroup<Options> = Partial<Options> & { params: readonly Tensor[] }

/** A run to update and its slices of the optimizer's buffers, laid out like the parameters. */
export interface Slot extends Run {
  buffers: Storage[]
  /** Steps that each 64 elements have taken, this one included; those of the run begin at `block`. */
  counts: Storage
  block: number
}

/** What is the same for all optimizers: the learning rate, and what a group's is multiplied by; 1. */
export interface Rates {
  lr: number
  lrScale?: number
}

/** A group with all settings. They may be changed between steps (schedules set `lr`); replayed steps see the change. */
export type Group<Options> = Options & { params: readonly Tensor[] }

/** All that an optimizer knows besides the parameters: plain numbers and arrays of them. */
export interface OptimizerState {
  /** Calls of `step()`, those that a `GradScaler` left out included. */
  steps: number
  /** The settings of each group, and its parameters by their place in `state`. */
  groups: { params: number[]; [setting: string]: unknown }[]
  /**
   * By parameter, in the order of the groups: the steps it has taken, and its buffers by name (Adam: `expAvg` and
   * `expAvgSq`; SGD: `momentumBuffer`), row-major like the parameter in the engine (a convolution's weight is
   * [KH, KW, in / groups, out]).
   */
  state: { step: number; buffers: Record<string, Float32Array> }[]
}

/** Elements that share a count: parameters begin at multiples of it. */
const BLOCK = 64

const blocksOf = ({ floats }: Run) => Math.ceil(floats / BLOCK)

/** What belongs to a run of a group's parameters. Counts are one buffer for the group. */
interface Home {
  run: Run
  buffers: Storage[]
  counts: Storage
  block: number
}

/**
 * What all optimizers do (`torch.optim.Optimizer`): one dispatch updates all parameters of a group that lie together.
 */
export abstract class Optimizer<Options extends Rates> {
  readonly groups: Group<Options>[] = []
  /** Calls of `step()`, those that a `GradScaler` left out included. */
  steps = 0
  private readonly defaults: Options
  private readonly homes = new Map<Group<Options>, Home[]>()

  /**
   * `defaults` names all settings there are; `bufferNames`, the buffers of the parameters' size that it keeps.
   * @throws for an unknown option, a setting out of its range, no parameters, or one that is given twice.
   */
  constructor(
    params: readonly Tensor[] | readonly ParameterGroup<Options>[],
    defaults: Options,
    options: Partial<Options>,
    private readonly bufferNames: readonly string[],
  ) {
    const name = this.constructor.name
    checkOptions(name, options, [...Object.keys(defaults), 'lrScale'])
    this.defaults = { lrScale: 1, ...defaults, ...given(options) }
    check(Array.isArray(params) && params.length > 0, `${name}: needs at least one parameter, got none`)
    const groups = params[0] instanceof Tensor ? [{ params }] : params
    for (const group of groups as ParameterGroup<Options>[]) this.addParamGroup(group)
  }

  /** Throws unless the settings make sense. */
  protected abstract checkSettings(settings: Options): void

  /** More parameters to update (`add_param_group`). @throws when one is there already. */
  addParamGroup(group: ParameterGroup<Options>): void {
    const name = this.constructor.name
    checkOptions(name, group, ['params', ...Object.keys(this.defaults)])
    check(Array.isArray(group.params), () => `${name}: a group must have a list of params, got ${shown(group.params)}`)
    const whole = { ...this.defaults, ...given(group), params: [...group.params] }
    this.checkGroup(whole)
    const known = new Set(this.groups.flatMap(({ params }) => params.map((p) => p.storage)))
    whole.params.forEach((p, i) => {
      check(
        p instanceof Tensor && !p.node && p.role === 'parameter',
        () => `${name}: parameters must be leaves that require a gradient, got ${shown(p)} in place ${i}`,
      )
      check(!known.has(p.storage), () => `${name}: parameter ${formatShape(p.shape)} in place ${i} is given twice`)
      known.add(p.storage)
    })
    // What is set is told, as a step that was called and has not run yet would see it.
    const set = (group: Group<Options>, key: string, value: unknown): boolean => {
      change(this, key)
      return Reflect.set(group, key, value)
    }
    this.groups.push(new Proxy(whole, { set }))
  }

  /** Settings may be set between steps, to anything. */
  private checkGroup(settings: Options): void {
    const name = this.constructor.name
    const { lr, lrScale } = settings
    checkNumbers(name, { lr, lrScale }, 0)
    this.checkSettings(settings)
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

  /**
   * Updates every parameter that has a gradient, neighbours in one dispatch. Each counts its own steps, as in PyTorch.
   * `scaler` comes from `GradScaler.step`.
   * @throws when a setting makes no sense.
   */
  step(scaler: Tensor | null = null): void {
    const updated: Tensor[] = []
    dependencies()?.asked.add(this)
    gpu.host(() => {
      for (const group of this.groups) this.checkGroup(group)
      this.steps++
      for (const p of updated) p.storage.version++
    })
    const { length } = this.groups
    dependOn(() => this.groups.length === length)
    for (const group of this.groups) {
      const active = group.params.filter((p) => p.grad)
      updated.push(...active)
      for (const p of active) p.storage.version++
      const slots = contiguousRuns(active).map((run) => this.slot(group, run))
      for (let i = 0; i < slots.length;) {
        const { counts, block: first } = slots[i]
        let end = first
        while (slots[i]?.block === end) end += blocksOf(slots[i++]) // neighbours in one dispatch
        const n = end - first
        gpu.run(shaders.count_steps, { counts, scaler }, { first, n }, { invocations: n })
      }
      for (const slot of slots) this.update(slot, group, scaler)
    }
  }

  /** Records the update of one run. Settings are read in a parameter function, so that replays follow them. */
  protected abstract update(slot: Slot, group: Group<Options>, scaler: Tensor | null): void

  /** All that is needed to go on with the same bits, besides the parameters. */
  async stateDict(): Promise<OptimizerState> {
    return readLate<OptimizerState>(await this.lateStateDict())
  }

  /** `stateDict()` with buffers that are read when they are wanted, before the next step. */
  async lateStateDict(): Promise<Late<OptimizerState>> {
    const state: Late<OptimizerState['state']> = []
    const groups: OptimizerState['groups'] = []
    for (const group of this.groups) {
      groups.push({
        ...(structuredClone({ ...group, params: [] }) as object),
        params: group.params.map((_, i) => state.length + i),
      })
      const counts = new Map<Storage, Uint32Array>()
      for (const p of group.params) {
        const slot = this.slot(group, contiguousRuns([p])[0])
        let words = counts.get(slot.counts)
        if (!words)
          counts.set(slot.counts, (words = new Uint32Array(await gpu.read(slot.counts, slot.counts.byteLength))))
        const buffers: Record<string, LateArray> = {}
        for (const [i, name] of this.bufferNames.entries()) buffers[name] = new Tensor(slot.buffers[i], p.shape).late(p)
        state.push({ step: words[slot.block], buffers })
      }
    }
    return { steps: this.steps, groups, state }
  }

  /**
   * Goes on where `stateDict` was taken, with its settings. Nothing is changed unless everything fits.
   * @throws when groups, shapes or settings do not fit; nothing is changed then.
   */
  loadStateDict(saved: OptimizerState): void {
    const name = this.constructor.name
    const { steps, groups, state } = saved ?? {}
    const lists = Array.isArray(groups) && groups.every((g) => Array.isArray(g?.params)) && Array.isArray(state)
    check(lists, () => `${name}: needs a state of groups and parameters, as stateDict() gives it, got ${shown(saved)}`)
    const own = this.groups.flatMap((group) => group.params.map((p) => ({ group, p })))
    checkWhole(name, { steps }, 0)
    check(
      groups.length === this.groups.length && groups.every((g, i) => g.params.length === this.groups[i].params.length),
      () =>
        `${name}: state of groups of ${this.groups.map((g) => g.params.length)} parameters expected, got ` +
        `${groups.map((g) => g.params.length)}`,
    )
    check(state.length === own.length, () => `${name}: state of ${own.length} parameters expected, got ${state.length}`)
    state.forEach((one, i) => {
      const { step, buffers } = one ?? {}
      const { shape, size } = own[i].p
      checkWhole(name, { [`step ${i}`]: step }, 0)
      for (const key of this.bufferNames)
        check(
          buffers?.[key]?.length === size,
          () =>
            `${name}: ${key} of parameter ${i} must have the shape ${formatShape(shape)}, ` +
            `got ${buffers?.[key]?.length} elements`,
        )
    })
    groups.forEach(({ params: _, ...settings }, i) => {
      const whole = { ...this.defaults, ...(settings as unknown as Options) }
      this.checkGroup(whole)
      Object.assign(this.groups[i], structuredClone(whole))
    })
    this.steps = steps
    own.forEach(({ group, p }, i) => {
      const { buffers, counts, block } = this.slot(group, contiguousRuns([p])[0])
      this.bufferNames.forEach((key, b) => new Tensor<'f32'>(buffers[b], p.shape).write(state[i].buffers[key]))
      gpu.write(counts, new Uint32Array(Math.ceil(p.size / BLOCK)).fill(state[i].step), 4 * block)
    })
  }

  /** What of this group's buffers belongs to `run`. They cover all its parameters, made at first use and zero. */
  private slot(group: Group<Options>, run: Run): Slot {
    let homes = this.homes.get(group)
    if (!homes) {
      const zeros = (elements: number) => {
        const storage = gpu.memory.allocate(4 * elements, 'optimizer state')
        gpu.write(storage, new Uint8Array(storage.byteLength))
        return storage
      }
      const runs = contiguousRuns(group.params)
      const counts = zeros(runs.reduce((sum, run) => sum + blocksOf(run), 0))
      let blocks = 0
      homes = runs.map((whole) => {
        const block = blocks
        blocks += blocksOf(whole)
        return { run: whole, buffers: this.bufferNames.map(() => zeros(whole.floats)), counts, block }
      })
      this.homes.set(group, homes)
    }
    const { offset, buffer, byteLength } = run.parameters
    const home = homes.find(
      ({ run: { parameters: p } }) =>
        p.buffer === buffer && p.offset <= offset && offset + byteLength <= p.offset + p.byteLength,
    )!
    const at = offset - home.run.parameters.offset
    const buffers = home.buffers.map((s) => s.slice(at, byteLength, s.label, s))
    return { ...run, buffers, counts: home.counts, block: home.block + at / (4 * BLOCK) }
  }
}

/** The learning rate of a group. */
export const rateOf = ({ lr, lrScale = 1 }: Rates): number => lr * lrScale
