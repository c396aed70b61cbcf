// Kernels: WGSL files as the engine runs them, and the types that follow from what a file declares.
import { check } from '../util/check.js'
import {
  type Template,
  type Values,
  expand,
  featuresOf,
  fixed,
  integers,
  isFlag,
  keyOf,
  parse,
  placeOf,
} from './wgsl.js'

/** What a call must give, as types: written by build.mjs, so that a misspelt binding fails `tsc`. */
export interface Interface {
  /** Names of the storage bindings. */
  bindings: string
  /** Fields of `struct Params`; those called has_<binding> are filled in. */
  params: string
  /** Variants and overrides. Types of bindings are no part of it, they follow from what is bound. */
  constants: object
}

/** A size along x, or along x, y and z. */
export type Extent = number | readonly [x: number, y?: number, z?: number]

/**
 * How much a call runs: workgroups, invocations, or elements of which an invocation or a workgroup makes as many as the
 * shader declares (`@each`, `@tile`).
 */
export type Size = { groups: Extent } | { invocations: Extent } | { elements: Extent }

export type Bindings<K extends Kernel, B> = Record<InterfaceOf<K>['bindings'], B | null>

/** Values of a kernel's `struct Params`. */
export type Params<K extends Kernel> = Record<InterfaceOf<K>['params'], number | boolean>

/** Values of a kernel's variants and overrides. */
export type Constants<K extends Kernel> = InterfaceOf<K>['constants']

type InterfaceOf<K> = K extends Kernel<infer I> ? I : never

export type ConstantValues = Record<string, number | boolean | string | undefined>
export type ParamValues = Record<string, number | boolean>

/** One shader file. It is read when first used, and a variant is written out when first compiled. */
export class Kernel<I extends Interface = any> {
  declare readonly interface: I
  private read: Template | null = null
  /** Variants found before, by what was asked for: by types of bindings, too, and by constants alone. */
  private chosen = new Map<string, Variant>()
  private sized = new Map<string, Variant>()

  /** @internal */
  constructor(
    /** Its name without `.wgsl`. */
    readonly file: string,
    private readonly text: string,
    private readonly library: Readonly<Record<string, string>>,
    /** File name without `.wgsl`; no two kernels may share it. */
    readonly name = file.replace(/^.*\/|\.wgsl$/g, ''),
  ) {}

  /** @internal */
  get template(): Template {
    return (this.read ??= parse(this.file, this.text, this.library))
  }

  /** @internal Bytes of the uniform, 0 where there is none. */
  get uniformBytes(): number {
    return Math.ceil(this.template.params.length / 4) * 16
  }

  /**
   * @internal The variant that has `constants` and takes bindings that hold `dtypes`, one for each, undefined where
   * unknown.
   */
  variant(constants: ConstantValues, dtypes: readonly (string | undefined)[]): Variant {
    const { bindings, variants } = this.template
    const known: ConstantValues = {}
    let key = ''
    for (const name in variants[0]) {
      let value = constants[name]
      if (value === undefined) {
        const of = bindings.findIndex((b, i) => b.element === name && dtypes[i] !== undefined)
        // Integers travel as f32.
        if (of >= 0) value = variants.some((v) => v[name] === dtypes[of]) ? dtypes[of] : 'f32'
      }
      known[name] = value
      key += `${name}=${value},`
    }
    let variant = this.chosen.get(key)
    if (!variant) {
      const fitting = variants.filter((v) => Object.keys(v).every((n) => known[n] === undefined || known[n] === v[n]))
      check(
        fitting.length === 1,
        () =>
          `${this.name}: ${fitting.length ? 'several variants' : 'no variant'} with '${key.slice(0, -1)}', ` +
          `have ${variants.map(keyOf).join(' ')}`,
      )
      this.chosen.set(key, (variant = this.named(keyOf(fitting[0]))))
    }
    return variant
  }

  /** Any variant with `constants`: their types of bindings differ, not their sizes. */
  private some(constants: ConstantValues): Variant {
    const { variants } = this.template
    let key = ''
    for (const name in variants[0]) key += `${name}=${constants[name]},`
    let variant = this.sized.get(key)
    if (!variant) {
      const fitting = variants.find((v) =>
        Object.keys(v).every((n) => constants[n] === undefined || constants[n] === v[n]),
      )
      check(
        fitting,
        () => `${this.name}: no variant with ${JSON.stringify(constants)}, have ${variants.map(keyOf).join(' ')}`,
      )
      this.sized.set(key, (variant = this.named(keyOf(fitting))))
    }
    return variant
  }

  /**
   * How many workgroups a call of this size runs.
   * @throws for constants of no variant.
   */
  workgroups(size: Size, constants: Constants<this> | {} = {}): number {
    const groups = this.some(constants as ConstantValues).groups(size)
    return typeof groups === 'number' ? groups : groups.reduce<number>((a, b) => a * b!, 1)
  }

  /**
   * Invocations of a workgroup.
   * @throws for constants of no variant.
   */
  workgroupSize(constants: Constants<this> | {} = {}): number {
    return this.some(constants as ConstantValues).workgroupSize
  }

  /**
   * A constant of the shader.
   * @throws for a constant that it does not have.
   */
  constant(name: string, constants: Constants<this> | {} = {}): number {
    return this.some(constants as ConstantValues).constant(name)
  }

  private all: ReadonlyMap<string, Variant> | null = null

  /** @internal All variants, by their keys, e.g. `SG=8,T=f32`. */
  get variants(): ReadonlyMap<string, Variant> {
    return (this.all ??= new Map(this.template.variants.map((values) => [keyOf(values), new Variant(this, values)])))
  }

  /** @internal */
  named(key: string): Variant {
    const variant = this.variants.get(key)
    check(variant, `${this.name}: no variant '${key}', have ${[...this.variants.keys()].join(' ')}`)
    return variant
  }

  /**
   * @internal Values of overrides among `constants`, those that tell what is bound, and of `params` those that a
   * pipeline is made for; null: it is made for any.
   */
  overrides(
    constants: ConstantValues,
    bound: readonly unknown[],
    params: ParamValues | null = null,
  ): Record<string, number> {
    const { overrides, enums, bindings, variants, shape } = this.template
    const values: Record<string, number> = {}
    for (const name in constants) {
      const value = constants[name]
      if (value === undefined || name in variants[0]) continue
      values[name] = name in enums ? enums[name].indexOf(value as string) : Number(value)
      check(
        values[name] !== -1 || !(name in enums),
        () => `${this.name}: ${name} must be one of ${enums[name]}, got ${value}`,
      )
    }
    for (const { name } of overrides) if (isFlag(name)) values[name] = flag(name, bindings, bound)
    if (params && shape.length) {
      values.FIXED = 1
      for (const name of shape) values[fixed(name)] = isFlag(name) ? flag(name, bindings, bound) : Number(params[name])
    }
    return values
  }

  /**
   * @internal Writes params into `view` at `offset`, in the order of the WGSL struct. `bound`: what is bound, in
   * order.
   */
  pack(values: ParamValues, bound: readonly unknown[], view: DataView, offset: number): void {
    const { params, bindings } = this.template
    for (const { name, type } of params) {
      const value = isFlag(name) ? flag(name, bindings, bound) : Number(values[name])
      if (type === 'f32') view.setFloat32(offset, value, true)
      else if (type === 'i32') view.setInt32(offset, value, true)
      else view.setUint32(offset, value, true)
      offset += 4
    }
  }

  /** @internal File and line of a line of a variant's WGSL. */
  place(line: number): string {
    return placeOf(this.template, line)
  }
}

/** 1 if the binding that a flag is called after is bound; 0 if not, or if the kernel has none of that name. */
function flag(name: string, bindings: Template['bindings'], bound: readonly unknown[]): 0 | 1 {
  const of = bindings.findIndex((b) => isFlag(name, b.name))
  return of >= 0 && bound[of] ? 1 : 0
}

/** One variant of a kernel. */
export class Variant {
  /** E.g. `SG=8,T=f32`. */
  readonly key: string
  /** With the kernel's name before it. */
  readonly label: string
  private readonly integer: (expression: string) => number | null

  constructor(
    readonly kernel: Kernel,
    readonly values: Values,
  ) {
    this.key = keyOf(values)
    this.label = `${kernel.name} ${this.key}`.trim()
    this.integer = integers(kernel.template, values)
  }

  /** The WGSL; `mixed`: with all bindings `read_write`, so that they may lie in one buffer. */
  code(mixed = false): string {
    return expand(this.kernel.template, this.values, mixed)
  }

  /** Device features it needs. */
  get features(): readonly string[] {
    return featuresOf(this.kernel.template, this.values)
  }

  /** Whether the binding of this number holds f16. */
  isHalf(binding: number): boolean {
    const { element } = this.kernel.template.bindings[binding]
    return element === 'f16' || this.values[element] === 'f16'
  }

  /** Invocations of a workgroup. */
  get workgroupSize(): number {
    return this.kernel.template.workgroup.reduce((size, expression) => size * this.constant(expression), 1)
  }

  /** The value of an integer expression of the shader's constants. */
  constant(expression: string): number {
    const value = this.integer(expression)
    check(value !== null && value > 0, () => `${this.kernel.name}: '${expression}' must be a positive integer`)
    return value
  }

  /** Workgroups that make up a size. */
  groups(size: Size): Extent {
    if ('groups' in size) return size.groups
    const { workgroup, each, tile } = this.kernel.template
    const along = (extent: Extent, by: readonly number[]): Extent =>
      typeof extent === 'number'
        ? Math.ceil(extent / by.reduce((a, b) => a * b, 1))
        : (extent.map((n, axis) => Math.ceil(n! / (by[axis] ?? 1))) as [number, number, number])
    const values = (expressions: readonly string[]) => expressions.map((expression) => this.constant(expression))
    const invocations = (extent: Extent) => along(extent, values(workgroup))
    if ('invocations' in size) return invocations(size.invocations)
    check(each.length + tile.length, () => `${this.kernel.name}: it declares neither @each nor @tile`)
    return tile.length ? along(size.elements, values(tile)) : invocations(along(size.elements, values(each)))
  }
}

/** A kernel of what a shader file says, and the snippets that it includes. Nothing is read yet. */
export function kernel<I extends Interface>(
  file: string,
  text: string,
  snippets: readonly (readonly [name: string, text: string])[],
): Kernel<I> {
  return new Kernel(file, text, Object.fromEntries(snippets))
}
