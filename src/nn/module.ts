// Module: a plain class whose parameters are found by walking its fields. PyTorch's names and shapes outside, ours
// inside.
import { type Watched, making, reading, setting, watch } from '../tensor/dependencies.js'
import { type Role, Tensor } from '../tensor/tensor.js'
import { check, kindOf } from '../util/check.js'
import { type Late, LateArray, readLate, release } from '../util/late.js'
import { checkOptions } from '../util/options.js'
import type { Checkpoint } from '../weights/load.js'
import type { TensorData } from '../weights/safetensors.js'
import { toFloat32 } from '../weights/safetensors.js'
import { type LoadReport, hwioToOihw, keyIn, matchStateDict, oihwToHwio } from '../weights/statedict.js'

/** How a tensor's axes differ between PyTorch and here: 'same', or a conv weight (OIHW there, HWIO here). */
export type Layout = 'same' | 'conv'

/** One entry of a state dict: a tensor, or a number kept on the host. */
export interface StateEntry {
  name: string
  layout: Layout
  tensor?: Tensor
  counter?: { get(): number; set(value: number): void }
}

/** State dicts by PyTorch name, with PyTorch's shapes. */
export type StateDict = Map<string, TensorData>

/** `runningMean` → `running_mean`. */
const snake = (field: string) => field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)

/** Where a module keeps its mode: not among its own fields. */
const TRAINING = Symbol('training')

/** What stands in a module: a layer, or a tensor that it trains or keeps. */
type Part = Tensor | Module

/**
 * A network or a part of one. Its fields are its layers, parameters (`nn.Parameter`) and buffers (`nn.Buffer`), found
 * also inside arrays, plain objects and Maps, at any depth; `#private` fields are not found.
 */
export abstract class Module implements Watched {
  /** Tensors whose PyTorch layout differs, by PyTorch name. */
  protected readonly layouts: Readonly<Record<string, Layout>> = {}
  declare private [TRAINING]: boolean

  constructor() {
    this[TRAINING] = true
    making(this)
    watch(this)
  }

  /** Whether layers behave as in training (batch statistics, dropout). */
  get training(): boolean {
    reading(this, TRAINING)
    return this[TRAINING]
  }

  set training(value: boolean) {
    setting(this, TRAINING, value !== this[TRAINING])
    this[TRAINING] = value
  }

  /** Fields with numbers that count something: they are saved, and a captured step is not recorded anew for them. */
  get savedCounters(): readonly string[] {
    return []
  }

  /** Own fields by PyTorch name. */
  protected namedFields(): Iterable<[string, unknown]> {
    return Object.entries(this).map(([field, value]) => [snake(field), value])
  }

  /** Tensors and modules in the fields, by name, those of one list or object after another. */
  *#parts(): Generator<[string, Part]> {
    const names = new Set<string>()
    for (const [name, value] of this.namedFields()) {
      for (const part of partsOf(value, name, this.constructor.name, new Set())) {
        check(
          !names.has(part[0]),
          () => `${this.constructor.name}: two fields are called ${part[0]} in checkpoints; rename one`,
        )
        names.add(part[0])
        yield part
      }
    }
  }

  *#children(): Generator<[string, Module]> {
    for (const [name, part] of this.#parts()) if (part instanceof Module) yield [name, part]
  }

  /** This module and all below it, each once (`nn.Module.modules`). */
  *modules(): Generator<Module> {
    for (const [, module] of this.namedModules()) yield module
  }

  /**
   * This module and all below it with their PyTorch names, '' for itself (`nn.Module.named_modules`). One that stands
   * in several places comes once, under its first name.
   * @throws when two fields have one name in checkpoints, or hold layers where none are found.
   */
  *namedModules(name = '', seen = new Set<Module>()): Generator<[string, Module]> {
    if (seen.has(this)) return
    seen.add(this)
    yield [name, this]
    for (const [child, module] of this.#children()) yield* module.namedModules(name ? `${name}.${child}` : child, seen)
  }

  /**
   * Puts `around` in front of this module's `forward` until the returned function is called. It gets the input and the
   * forward to call, and gives the output: PyTorch's forward hooks, before and after, in one. A layer that its owner
   * runs fused with the next (`forwardConv`, `forwardGelu`, `forwardAdd`) has no forward of its own and is not seen.
   */
  wrapForward<X, Y>(around: (x: X, forward: (x: X) => Y) => Y): () => void {
    const self = this as unknown as { forward(x: X): Y }
    const own = Object.getOwnPropertyDescriptor(self, 'forward')
    const forward = self.forward.bind(self)
    self.forward = (x) => around(x, forward)
    return () => {
      if (own) Object.defineProperty(self, 'forward', own)
      else delete (self as { forward?: unknown }).forward
    }
  }

  /**
   * Everything a checkpoint holds, in the order of the fields. What stands in several places comes under each of its
   * names, as in PyTorch.
   * @throws as {@link namedModules}, and when a module contains itself.
   */
  *state(prefix = '', above: readonly Module[] = []): Generator<StateEntry> {
    check(!above.includes(this), () => `${prefix.slice(0, -1)}: a module cannot contain itself`)
    for (const [name, part] of this.#parts()) {
      if (part instanceof Tensor) yield { name: prefix + name, layout: this.layouts[name] ?? 'same', tensor: part }
    }
    const self = this as unknown as Record<string, number>
    for (const field of this.savedCounters) {
      const counter = {
        get: () => self[field],
        set: (v: number) => {
          self[field] = v
        },
      }
      yield { name: prefix + snake(field), layout: 'same', counter }
    }
    for (const [name, child] of this.#children()) yield* child.state(`${prefix}${name}.`, [...above, this])
  }

  /** Tensors below this module with their PyTorch names, each once, under its first name. */
  *#namedTensors(role: Role): Generator<[string, Tensor]> {
    const seen = new Set<object>()
    for (const [prefix, module] of this.namedModules()) {
      for (const [name, part] of module.#parts()) {
        if (!(part instanceof Tensor) || part.role !== role || seen.has(part.storage)) continue
        seen.add(part.storage)
        yield [prefix ? `${prefix}.${name}` : name, part]
      }
    }
  }

  /**
   * Trainable tensors with their PyTorch names (`nn.Module.named_parameters`), frozen ones included.
   * @throws as {@link namedModules}.
   */
  namedParameters(): Generator<[string, Tensor]> {
    return this.#namedTensors('parameter')
  }

  /** All parameters below this module, each once, frozen ones too (`nn.Module.parameters`). */
  parameters(): Tensor[] {
    return [...this.namedParameters()].map(([, p]) => p)
  }

  /**
   * Tensors that are saved without being trained (`nn.Module.named_buffers`).
   * @throws as {@link namedModules}.
   */
  namedBuffers(): Generator<[string, Tensor]> {
    return this.#namedTensors('buffer')
  }

  /** Training mode for this module and all below. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode
    return this
  }

  /** Evaluation mode: running statistics, no dropout (`nn.Module.eval`). */
  eval(): this {
    return this.train(false)
  }

  /** Parameters for whose name `frozen` holds get no gradient; all others do. */
  freeze(frozen: (name: string) => boolean): this {
    for (const [name, parameter] of this.namedParameters()) parameter.requiresGrad = !frozen(name)
    return this
  }

  /**
   * A copy of all parameters and state, under PyTorch's names and in its shapes.
   * @throws as {@link namedModules}.
   */
  async stateDict(): Promise<StateDict> {
    return readLate<StateDict>(this.lateStateDict())
  }

  /** @internal `stateDict()` with tensors that are read when they are wanted. */
  lateStateDict(): Late<StateDict> {
    const state: Late<StateDict> = new Map()
    for (const entry of this.state()) {
      const { name, tensor, counter } = entry
      if (counter) {
        state.set(name, { dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(counter.get())) })
        continue
      }
      const shape = outerShape(entry)
      const data = tensor!.late()
      const converted = async () => {
        const values = await data.read()
        const theirs = hwioToOihw(values, shape)
        release(values)
        return theirs
      }
      state.set(name, {
        dtype: 'f32',
        shape,
        data: entry.layout === 'conv' ? new LateArray(data.length, converted) : data,
      })
    }
    return state
  }

  /**
   * Copies a checkpoint into the model (`nn.Module.load_state_dict`). With `strict` (the default) keys must match
   * exactly; without, missing and unexpected ones are only reported, and a head of another size keeps its fresh values
   * and is reported too. Nothing is written unless everything fits.
   * @throws when keys or shapes do not fit, all of them named; nothing is written then.
   */
  loadStateDict(source: Checkpoint | StateDict, options: { strict?: boolean } = {}): LoadReport {
    checkOptions('loadStateDict', options, ['strict'])
    const { strict = true } = options
    check(
      source instanceof Map || source?.tensors instanceof Map,
      () => `loadStateDict: needs what loadCheckpoint or stateDict() gives, awaited; got ${kindOf(source)}`,
    )
    const found = source instanceof Map ? source : source.tensors
    const entries = [...this.state()]
    const report = matchStateDict(
      entries.map((e) => ({ name: e.name, shape: outerShape(e) })),
      found,
      {
        strict,
        source: source instanceof Map ? 'state dict' : source.source,
        heads: this.headPrefixes(),
      },
    )
    // One place for all: a browser keeps what it is given until its own collector comes.
    const scratch = new Float32Array(Math.max(0, ...entries.map((e) => (e.layout === 'conv' ? e.tensor!.size : 0))))
    const skipped = new Set(report.reinitialised.map((r) => r.name))
    for (const entry of entries) {
      const given = found.get(keyIn(found, entry.name))
      if (!given || skipped.has(entry.name)) continue
      if (entry.counter) {
        entry.counter.set(Math.trunc(toFloat32(given)[0])) // an average of several models may have a fraction
        continue
      }
      const values = toFloat32(given)
      const place = entry.layout === 'conv' && scratch.subarray(0, values.length)
      entry.tensor!.write(place ? oihwToHwio(values, given.shape, place) : values)
    }
    return report
  }

  /** Name prefixes of the classifier, which may differ in size from a checkpoint's. */
  protected headPrefixes(): readonly string[] {
    return []
  }
}

/** The shape PyTorch gives an entry. */
function outerShape({ tensor, layout }: StateEntry): number[] {
  if (!tensor) return []
  if (layout === 'same') return [...tensor.shape]
  const [h, w, i, o] = tensor.shape
  check(o !== undefined, 'conv weight: must have four axes')
  return [o, i, h, w]
}

/** The modules, parameters and buffers in a field's value. `owner` is named in errors; `open` are the lists around. */
function* partsOf(value: unknown, path: string, owner: string, open: Set<object>): Generator<[string, Part]> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || ArrayBuffer.isView(value)) return
  if (isPart(value)) {
    yield [path, value]
    return
  }
  const inside = entriesOf(value)
  if (inside) {
    if (open.has(value)) return
    open.add(value)
    for (const [key, element] of inside) {
      const parts = partsOf(element, `${path}.${String(key)}`, owner, open)
      for (const part of parts) {
        check(
          (typeof key === 'string' && key !== '' && !key.includes('.')) || Number.isInteger(key),
          () => `${owner}.${path}: a key must be a whole number or a text without '.', got ${String(key)}`,
        )
        yield part
      }
    }
    open.delete(value)
    return
  }
  if (value instanceof Tensor) return
  check(
    ![...(value instanceof Set ? value : Object.values(value))].some((element) => holdsPart(element, new Set([value]))),
    () =>
      `${owner}.${path}: a ${value.constructor?.name} holds layers or parameters, which are found only in modules, ` +
      'arrays, plain objects and Maps',
  )
}

const isPart = (value: unknown): value is Part =>
  value instanceof Module || (value instanceof Tensor && value.role !== null)

/** What stands in an array, a Map or a plain object, by key; null for anything else. */
function entriesOf(value: object): [unknown, unknown][] | null {
  if (value instanceof Map) return [...value]
  if (Array.isArray(value)) return Array.from(value, (v, i) => [i, v])
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null ? Object.entries(value) : null
}

/** Whether it is, or a list somewhere in it holds, a layer or a parameter. */
function holdsPart(value: unknown, seen: Set<object>): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false
  if (isPart(value)) return true
  seen.add(value)
  const inside = value instanceof Set ? [...value].map((v) => [v, v]) : entriesOf(value)
  return inside?.some(([, element]) => holdsPart(element, seen)) ?? false
}
