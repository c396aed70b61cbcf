// Kernels from outside: WGSL that comes as text at run time, read by the code that the build reads the project's own
// with, and calls of it from a person's operators. docs/own-operators.md shows them.
import { gpu } from '../gpu/gpu.js'
import { Kernel, type Size } from '../gpu/kernel.js'
import { checked, isFlag } from '../gpu/wgsl.js'
import { library } from '../shaders.lib.gen.js'
import { check } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { type Tensor, checkTensors } from './tensor.js'

/** Options of {@link kernel}. */
export interface KernelOptions {
  /** What errors and profiles call it: letters, digits, _ and -. Default 'kernel'. */
  name?: string
}

/** By name, those of all texts: what was compiled is found by the kernel's name, so no two may share one. */
const made = /* @__PURE__ */ new Map<string, Map<string, Kernel>>()

/**
 * A kernel of WGSL text, with the directives of docs/contributing.md. Read at once, compiled when first run. The same
 * text and name give the same kernel.
 * @throws RadiogradError that names the rule and the line, where the text cannot be read.
 */
export function kernel(wgsl: string, options: KernelOptions = {}): Kernel {
  checkOptions('kernel', options, ['name'])
  const { name = 'kernel' } = options
  check(typeof wgsl === 'string', () => `kernel: must be given WGSL as text, got ${typeof wgsl}`)
  check(/^[\w-]+$/.test(name), () => `kernel: name must be letters, digits, _ and -, got '${name}'`)
  const texts = made.get(name) ?? new Map<string, Kernel>()
  let own = texts.get(wgsl)
  if (!own) {
    const label = `own/${name}${texts.size ? `#${texts.size + 1}` : ''}`
    checked(label, wgsl, library)
    own = new Kernel(label, wgsl, library, label)
    made.set(name, texts.set(wgsl, own))
  }
  return own
}

const SIZES = ['elements', 'invocations', 'groups']

type Numbers = Readonly<Record<string, number | boolean>>

/**
 * Runs a kernel, or records it inside a step.
 * @param bindings a tensor for each storage binding, by its name in WGSL; null for one that `has_<binding>` tells of.
 * @param params values of the uniform's fields, by name; a function of them is called at every execution, so that what
 *   it gives may change in a captured step.
 * @param size how much to run: `{ elements }` (with `@each` or `@tile` in the text), `{ invocations }` or `{ groups }`.
 * @param constants overrides, and variants that do not follow from the bindings' dtypes.
 * @throws RadiogradError where a name is missing or unknown, or a tensor has another dtype than its binding.
 */
export function run(
  kernel: Kernel,
  bindings: Readonly<Record<string, Tensor | null>>,
  params: Numbers | (() => Numbers),
  size: Size,
  constants: Readonly<Record<string, number | boolean | string>> = {},
): void {
  check(kernel instanceof Kernel, () => `run: must be given a kernel, got ${String(kernel)}`)
  const { name, template } = kernel
  const { variants, overrides } = template
  const [how, ...more] = Object.keys(size ?? {})
  check(SIZES.includes(how) && !more.length, () => `${name}: size must be { ${SIZES.join(' }, { ')} }, got { ${how} }`)
  names(`${name}: bindings`, Object.keys(bindings), template.bindings.map(all))
  const asked = Object.keys(variants[0]).map((of) => ({ of, optional: true }))
  const set = overrides.filter((o) => !isFlag(o.name)).map((o) => ({ of: o.name, optional: o.optional }))
  names(`${name}: constants`, Object.keys(constants), [...asked, ...set])
  for (const binding of template.bindings) {
    const tensor = bindings[binding.name]
    check(
      tensor || [...template.params, ...overrides].some((p) => isFlag(p.name, binding.name)),
      () => `${name}: '${binding.name}' must be a tensor, got ${tensor}`,
    )
    if (!tensor) continue
    checkTensors(name, { [binding.name]: tensor })
    const held = tensor.dtype === 'u8' ? 'u32' : tensor.dtype
    const takes = binding.element in variants[0] ? variants.map((v) => v[binding.element]) : [binding.element]
    check(
      takes.includes(held) || !takes.some((t) => /^([fiu]32|f16)$/.test(String(t))),
      () => `${name}: '${binding.name}' takes ${[...new Set(takes)].join(' or ')}, got ${tensor.dtype}`,
    )
    if (binding.access === 'read') continue
    for (const other in bindings)
      check(
        other === binding.name || bindings[other]?.storage !== tensor.storage,
        () => `${name}: '${binding.name}' is written, so '${other}' must be another tensor, got the same`,
      )
    tensor.storage.version++
  }
  const fields = template.params.filter((p) => !isFlag(p.name))
  /** In the order of the struct, as recordings are compared by it. */
  const ordered = (values: Numbers) => {
    names(`${name}: params`, Object.keys(values), fields.map(all))
    for (const field of fields)
      check(
        !Number.isNaN(Number(values[field.name])),
        () => `${name}: ${field.name} must be a number, got ${values[field.name]}`,
      )
    return Object.fromEntries(fields.map((field) => [field.name, values[field.name]]))
  }
  const values = typeof params === 'function' ? () => ordered(params()) : ordered(params)
  gpu.run(kernel, bindings, values, size, constants)
}

const all = ({ name }: { name: string }) => ({ of: name, optional: false })

/** Throws unless the names given are those wanted. */
function names(what: string, given: readonly string[], wanted: readonly { of: string; optional: boolean }[]): void {
  const known = wanted.map(({ of }) => of)
  const list = () => known.join(', ') || 'none'
  for (const name of given) check(known.includes(name), () => `${what} are ${list()}, got '${name}'`)
  for (const { of, optional } of wanted)
    check(optional || given.includes(of), () => `${what} are ${list()}, '${of}' is missing`)
}
