// Module: a plain class whose parameters are found by walking its fields. PyTorch's names and shapes outside, ours
// inside.
import { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
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

export abstract class Module {
  /** Whether layers behave as in training (batch statistics, dropout). */
  training = true
  /** Fields that hold model state which is not trained (PyTorch's buffers). */
  protected readonly stateFields: readonly string[] = []
  /** Fields whose PyTorch layout differs. */
  protected readonly layouts: Readonly<Record<string, Layout>> = {}

  /** Own fields that are modules, or lists of modules, by PyTorch name. */
  private *children(): Generator<[string, Module]> {
    for (const [field, value] of Object.entries(this)) {
      if (value instanceof Module) yield [snake(field), value]
      else if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) if (value[i] instanceof Module) yield [`${snake(field)}.${i}`, value[i]]
      }
    }
  }

  /** This module and all below it. */
  *modules(): Generator<Module> {
    for (const [, module] of this.namedModules()) yield module
  }

  /** This module and all below it with their PyTorch names, '' for itself (`nn.Module.named_modules`). */
  *namedModules(name = ''): Generator<[string, Module]> {
    yield [name, this]
    for (const [child, module] of this.children()) yield* module.namedModules(name ? `${name}.${child}` : child)
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

  /** Everything a checkpoint holds, in the order of the fields. */
  *state(prefix = ''): Generator<StateEntry> {
    for (const [field, value] of Object.entries(this)) {
      if (value instanceof Tensor)
        yield { name: prefix + snake(field), layout: this.layouts[field] ?? 'same', tensor: value }
      else if (typeof value === 'number' && this.stateFields.includes(field)) {
        const self = this as unknown as Record<string, number>
        yield {
          name: prefix + snake(field),
          layout: 'same',
          counter: {
            get: () => self[field],
            set: (v) => {
              self[field] = v
            },
          },
        }
      }
    }
    for (const [name, child] of this.children()) yield* child.state(`${prefix}${name}.`)
  }

  /** Trainable tensors with their PyTorch names (`nn.Module.named_parameters`), frozen ones included. */
  *namedParameters(prefix = ''): Generator<[string, Tensor]> {
    for (const [field, value] of Object.entries(this)) {
      if (value instanceof Tensor && !this.stateFields.includes(field)) yield [prefix + snake(field), value]
    }
    for (const [name, child] of this.children()) yield* child.namedParameters(`${prefix}${name}.`)
  }

  parameters(): Tensor[] {
    return [...this.namedParameters()].map(([, p]) => p)
  }

  /** Training mode for this module and all below. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode
    return this
  }

  eval(): this {
    return this.train(false)
  }

  /** Parameters for whose name `frozen` holds get no gradient; all others do. */
  freeze(frozen: (name: string) => boolean): this {
    for (const [name, parameter] of this.namedParameters()) parameter.requiresGrad = !frozen(name)
    return this
  }

  /** A copy of all parameters and state, under PyTorch's names and in its shapes. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map()
    for (const entry of this.state()) {
      // one after another: together they would take the model's size in read-back buffers
      if (entry.counter) {
        state.set(entry.name, { dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(entry.counter.get())) })
        continue
      }
      const data = await entry.tensor!.data()
      const shape = outerShape(entry)
      state.set(entry.name, { dtype: 'f32', shape, data: entry.layout === 'conv' ? hwioToOihw(data, shape) : data })
    }
    return state
  }

  /**
   * Copies a checkpoint into the model (`nn.Module.load_state_dict`). With `strict` (the default) keys must match
   * exactly; without, missing and unexpected ones are only reported, and a head of another size keeps its fresh values
   * and is reported too. Nothing is written unless everything fits.
   */
  loadStateDict(source: Checkpoint | StateDict, { strict = true }: { strict?: boolean } = {}): LoadReport {
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
    const skipped = new Set(report.reinitialised.map((r) => r.name))
    for (const entry of entries) {
      const given = found.get(keyIn(found, entry.name))
      if (!given || skipped.has(entry.name)) continue
      if (entry.counter) {
        entry.counter.set(Number(toFloat32(given)[0]))
        continue
      }
      const values = toFloat32(given)
      entry.tensor!.write(entry.layout === 'conv' ? oihwToHwio(values, given.shape) : values)
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
