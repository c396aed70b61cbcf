// What build.mjs knows of one shader file, and the types that follow from it.

export type Scalar = 'u32' | 'i32' | 'f32'

/** Descriptor of one shader file: written by build.mjs into shaders.gen.ts, so that a misspelt binding fails `tsc`. */
export interface Kernel {
  /** File name without `.wgsl`. */
  readonly name: string
  /**
   * Storage bindings in order, by their WGSL names. The uniform, when there are `params`, is the binding after them.
   */
  readonly bindings: Readonly<Record<string, 'read' | 'read_write'>>
  /** Bindings whose element type is a variant, and that variant's name. */
  readonly elements: Readonly<Record<string, string>>
  /** Fields of `struct Params`, in order; each four bytes. */
  readonly params: Readonly<Record<string, Scalar>>
  /** Pipeline constants (`override`). */
  readonly overrides: Readonly<Record<string, string>>
  /** Constants and types fixed when the project is built, with their allowed values. */
  readonly variants: Readonly<Record<string, readonly (number | string)[]>>
  /** Device features that every variant needs. */
  readonly requires: readonly string[]
  /** WGSL by variant, e.g. `SG=8,TM=32`. */
  readonly sources: Readonly<Record<string, string>>
}

/** Keeps the literal type of a descriptor. */
export function kernel<const K extends Kernel>(descriptor: K): K {
  return descriptor
}

/** Values of a kernel's `struct Params`. */
export type Params<K extends Kernel> = { [P in keyof K['params']]: number | boolean }

/** Variant values (all of them) and overrides (those without a default, and any other) of a kernel. */
export type Constants<K extends Kernel> = { [V in keyof K['variants']]: K['variants'][V][number] } & {
  [O in keyof K['overrides']]?: number | boolean
}

export type ConstantValues = Record<string, number | boolean | string>

/** `SG=8,TM=32` for the variant that `constants` chooses, and the overrides among them. */
export function specialise(k: Kernel, constants: ConstantValues) {
  const overrides: Record<string, number> = {}
  const variant = Object.keys(k.variants)
    .map((name) => `${name}=${constants[name]}`)
    .join(',')
  for (const name in constants) if (!(name in k.variants)) overrides[name] = Number(constants[name])
  return { variant, overrides }
}

/**
 * A variant of a kernel with all bindings `read_write`, so that what a dispatch reads may lie in the buffer that it
 * writes to: as a kernel of its own, whose only variant has `,mixed` after its name.
 */
export function mixed(k: Kernel, variant: string): { kernel: Kernel; variant: string } {
  const own = `${variant},mixed`
  const bindings = Object.fromEntries(Object.keys(k.bindings).map((name) => [name, 'read_write' as const]))
  return {
    kernel: {
      ...k,
      bindings,
      sources: { [own]: k.sources[variant].replaceAll('<storage, read>', '<storage, read_write>') },
    },
    variant: own,
  }
}

/** Device features that a variant needs. */
export function featuresOf(k: Kernel, variant: string): readonly string[] {
  return /=f16(,|$)/.test(variant) ? [...k.requires, 'shader-f16'] : k.requires
}

/** Whether a variant holds f16 in the binding of this name. */
export function isHalf(k: Kernel, variant: string, binding: string): boolean {
  return binding in k.elements && variant.split(',').includes(`${k.elements[binding]}=f16`)
}

/** Writes params into `view` at `offset`, in the order of the WGSL struct. */
export function packParams(k: Kernel, params: Record<string, number | boolean>, view: DataView, offset: number): void {
  for (const name in k.params) {
    const value = Number(params[name])
    if (k.params[name] === 'f32') view.setFloat32(offset, value, true)
    else if (k.params[name] === 'i32') view.setInt32(offset, value, true)
    else view.setUint32(offset, value, true)
    offset += 4
  }
}
