// Modules that hold others: one after another, as a list, by name.
import type { Tensor } from '../tensor/tensor.js'
import { check, kindOf, shown } from '../util/check.js'
import { Module } from './module.js'

/** What a Sequential runs: a module of one input and one output, or a function of that form, such as `F.relu`. */
export type Layer =
  | (Module & {
      /** x through it. */
      forward(x: Tensor): Tensor
    })
  | ((x: Tensor) => Tensor)

/**
 * Runs its layers one after another (`torch.nn.Sequential`); they are named by position, functions count.
 * @throws when a layer is neither a module with `forward` nor a function.
 */
export class Sequential extends Module {
  readonly layers: readonly Layer[]

  constructor(...layers: Layer[]) {
    super()
    layers.forEach((layer, i) =>
      check(
        typeof layer === 'function' || (layer instanceof Module && typeof layer.forward === 'function'),
        () => `Sequential: layer ${i} must be a module with forward(), or a function, got ${String(layer)}`,
      ),
    )
    this.layers = layers
  }

  protected override namedFields(): [string, unknown][] {
    return this.layers.map((layer, i) => [String(i), layer])
  }

  /** x through all layers, in their order. */
  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => (typeof layer === 'function' ? layer(y) : layer.forward(y)), x)
  }
}

/**
 * Modules in a list (`torch.nn.ModuleList`). An array in a field does the same.
 * @throws unless all of them are modules.
 */
export class ModuleList<M extends Module = Module> extends Module implements Iterable<M> {
  private readonly items: M[] = []

  constructor(modules: Iterable<M> = []) {
    super()
    check(modules?.[Symbol.iterator], () => `ModuleList: takes a list of modules, got ${kindOf(modules)}`)
    for (const module of modules) this.append(module)
  }

  /** Modules in the list. */
  get length(): number {
    return this.items.length
  }

  /**
   * The module at a place; from the end where `i` is below 0.
   * @throws when there is none.
   */
  at(i: number): M {
    const module = Number.isInteger(i) ? this.items.at(i) : undefined
    check(module, () => `ModuleList: has ${this.length} modules, asked for number ${shown(i)}`)
    return module
  }

  /**
   * Adds a module at the end (`nn.ModuleList.append`).
   * @throws when it is no module.
   */
  append(module: M): this {
    check(module instanceof Module, () => `ModuleList: takes modules, got ${shown(module)}`)
    this.items.push(module)
    return this
  }

  /** The modules in their order. */
  [Symbol.iterator](): Iterator<M> {
    return this.items[Symbol.iterator]()
  }

  protected override namedFields(): [string, unknown][] {
    const stray = Object.keys(this).find((key) => /^\d+$/.test(key))
    check(!stray, () => `ModuleList: [${stray}] = … adds no module; append() does, and a plain array takes both`)
    return this.items.map((module, i) => [String(i), module])
  }
}

/**
 * Modules by name (`torch.nn.ModuleDict`). A plain object or a Map in a field does the same.
 * @throws when `modules` are not modules by name.
 */
export class ModuleDict<M extends Module = Module> extends Module implements Iterable<[string, M]> {
  private readonly items = new Map<string, M>()

  constructor(modules: Readonly<Record<string, M>> | Iterable<readonly [string, M]> = {}) {
    super()
    check(typeof modules === 'object' && modules, () => `ModuleDict: takes modules by name, got ${kindOf(modules)}`)
    const entries = Symbol.iterator in modules ? (modules as Iterable<readonly [string, M]>) : Object.entries(modules)
    for (const entry of entries) {
      check(Array.isArray(entry), () => `ModuleDict: takes pairs of name and module, got ${shown(entry)}`)
      this.set(entry[0], entry[1])
    }
  }

  /** Modules under a name. */
  get size(): number {
    return this.items.size
  }

  /** Whether there is a module of this name. */
  has(name: string): boolean {
    return this.items.has(name)
  }

  /** The module of this name. @throws RadiogradError where there is none. */
  get(name: string): M {
    const module = this.items.get(name)
    check(
      module,
      () => `ModuleDict: has ${[...this.items.keys()].join(', ') || 'no modules'}, asked for ${shown(name)}`,
    )
    return module
  }

  /**
   * Adds a module under a name, or replaces the one there.
   * @throws when it is no module, or the name is empty or holds a dot.
   */
  set(name: string, module: M): this {
    check(module instanceof Module, () => `ModuleDict: takes modules, got ${shown(module)}`)
    check(
      typeof name === 'string' && name !== '' && !name.includes('.'),
      () => `ModuleDict: a name must be a text without '.', got ${shown(name)}`,
    )
    this.items.set(name, module)
    return this
  }

  /** Names and modules, as they came. */
  [Symbol.iterator](): Iterator<[string, M]> {
    return this.items[Symbol.iterator]()
  }

  protected override namedFields(): Iterable<[string, unknown]> {
    return this.items
  }
}
