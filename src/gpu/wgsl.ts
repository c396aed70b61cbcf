// WGSL files as templates: reads what a file declares and writes out its variants. Plain functions of text, so that
// build, Node and page run the same code: the build to check every variant, the engine when a variant is first wanted.
//
// What a shader file may use beyond WGSL (what runs is plain WGSL, and what is read is a plain file):
//   // @include lib/index.wgsl      appends a snippet without bindings
//   // @variant SG = 4, 8           a constant with a value chosen per pipeline (all combinations of the lines)
//   // @variant T = f32, f16        likewise a type: `alias T = f16;`, and `enable f16;` where one of them is f16
//   // @variant S T = 16 f16, 8 f32 several together; a further line of the same names continues the list
//   // @enum OP = relu, exp         the values of `override OP: u32`, by name: `const OP_RELU = 0u;`, …; a further
//                                line of the same enum continues the list
//   // @require subgroups           a device feature; also writes the `enable` directive
//   // @shape W, C                fields of the uniform that a pipeline may be made for: on a GPU they are constants
//   // @each 4                      elements an invocation makes along x
//   // @tile TN, TM                 elements a workgroup makes along x, y
//   @unroll for (var i = 0u; i < TM; i++) { … }   written out TM times, `i` replaced by 0u, 1u, …
// `@subgroup_size(n)` of an entry point stays where a variant says PIN = 1 and asks for its feature; others lose it.
// A `switch` over an enum must name every value; its `default`, which WGSL demands, must give `nan()`. A uniform field
// or an override called has_<binding> tells whether that binding is bound; one that a snippet declares may be of a
// binding that not every kernel has.
// Line numbers of the file survive the expansion: includes and constants come after it, so compile errors point at the
// source.
import { RadiogradError } from '../util/check.js'

export interface Binding {
  readonly name: string
  readonly access: 'read' | 'read_write'
  /** Type of a number in it: u32, …, or a variant's name. */
  readonly element: string
  /** Numbers of an element of the array: 2 for vec2, … */
  readonly width: number
}

export interface Override {
  readonly name: string
  readonly type: string
  readonly optional: boolean
}

export type Scalar = 'u32' | 'i32' | 'f32'

/** Values of a kernel's variants. */
export type Values = Readonly<Record<string, number | string>>

/** What a WGSL file declares, and the text that its variants are made of. */
export interface Template {
  /** The file and its includes, in the order of the expanded text. */
  readonly parts: readonly { readonly file: string; readonly code: string }[]
  /** Storage bindings in order. The uniform, where there are params, is the binding after them. */
  readonly bindings: readonly Binding[]
  /** Fields of the uniform's struct, in order; each four bytes. */
  readonly params: readonly { readonly name: string; readonly type: Scalar }[]
  readonly overrides: readonly Override[]
  /** Names of the values of overrides that have names. */
  readonly enums: Readonly<Record<string, readonly string[]>>
  /** All variants there are; one without values where none are declared. */
  readonly variants: readonly Values[]
  /** Device features that every variant needs. */
  readonly requires: readonly string[]
  /** Params that a pipeline may be made for, so that dividing by them costs little. */
  readonly shape: readonly string[]
  /** Expressions: invocations of a workgroup along x, y, z; elements of an invocation; of a workgroup. */
  readonly workgroup: readonly string[]
  readonly each: readonly string[]
  readonly tile: readonly string[]
  /** Module-scope constants, as expressions. */
  readonly constants: Readonly<Record<string, string>>
}

/** Whether a uniform field or an override tells that a binding (of this name) is bound. */
export const isFlag = (name: string, binding?: string): boolean =>
  binding === undefined ? name.startsWith('has_') : name === `has_${binding}`

const DIRECTIVE = /^\/\/ @(\w+) +(.+)$/

/** A file without comments but its directives, and without indentation; every line stays where it is. */
export function strip(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .split('\n')
    .map((line) => line.trim())
    .map((line) => (DIRECTIVE.test(line) ? line : line.replace(/\/\/.*/, '').trimEnd()))
    .join('\n')
    .trimEnd()
}

const fail = (file: string, line: number, what: string): never => {
  throw new RadiogradError(`${file}:${line}: ${what}`)
}

const lineOf = (text: string, at: number) => text.slice(0, at).split('\n').length

/** Reads a WGSL file. `library` holds the files that it may include, by their names after `@include`. */
export function parse(file: string, text: string, library: Readonly<Record<string, string>>): Template {
  const directives: { name: string; value: string; file: string; line: number }[] = []
  const parts: { file: string; code: string }[] = []
  const add = (from: string, source: string) => {
    const own: { path: string; line: number }[] = []
    const lines = strip(source)
      .split('\n')
      .map((line, i) => {
        const [, name, value] = DIRECTIVE.exec(line) ?? []
        if (!name) return line
        directives.push({ name, value: value.trim(), file: from, line: i + 1 })
        if (name === 'include') own.push({ path: value.trim(), line: i + 1 })
        return ''
      })
    parts.push({ file: from, code: lines.join('\n') })
    for (const { path, line } of own) {
      const at = `shaders/${path}`
      if (parts.some((part) => part.file === at)) continue
      if (!(path in library)) fail(from, line, `there is no ${path} to include`)
      add(at, library[path])
    }
  }
  add(file, text)
  const given = (name: string) => directives.filter((d) => d.name === name)
  const list = (name: string) => given(name).flatMap(({ value }) => value.split(',').map((part) => part.trim()))

  const declared: Declared = {
    uniforms: [],
    storage: [],
    structs: new Map(),
    overrides: [],
    constants: {},
    workgroup: null,
  }
  for (const part of parts) declarations(part, declared)
  const { storage, uniforms, structs, overrides, constants, workgroup } = declared
  if (!workgroup) return fail(file, 1, "there is no entry point 'main' with a @workgroup_size")
  const bindings = storage.sort((a, b) => a.slot - b.slot)
  if (uniforms.length > 1) fail(file, uniforms[1].line, 'there may be one uniform, the last binding')
  ;[...bindings, ...uniforms].forEach(({ slot, line }, i) => {
    if (slot !== i) fail(file, line, 'bindings must be numbered from 0 without a hole, the uniform last')
  })
  const flagsOf = (name: string, from: string, line: number) => {
    if (isFlag(name) && from === file && !bindings.some((b) => isFlag(name, b.name)))
      fail(file, line, `${name}: there is no binding ${name.slice(4)}`)
  }
  const params = uniforms.flatMap(({ type, line }) => {
    const struct = structs.get(type) ?? fail(file, line, `the uniform must be a struct, got ${type}`)
    return struct.fields.map(([name, of]) => {
      if (!['u32', 'i32', 'f32'].includes(of))
        fail(struct.file, struct.line, `${type}.${name} must be u32, i32 or f32, got ${of}`)
      flagsOf(name, struct.file, struct.line)
      return { name, type: of as Scalar }
    })
  })
  const enums: Record<string, string[]> = {}
  for (const { value, file: at, line } of given('enum')) {
    const [name, values] = value.split('=').map((s) => s.trim())
    if (!overrides.some((o) => o.name === name && o.type === 'u32'))
      fail(at, line, `an enum needs an override of its name, there is no 'override ${name}: u32'`)
    ;(enums[name] ??= []).push(...values.split(',').map((v) => v.trim()))
  }
  for (const part of parts) for (const name in enums) exhaustive(part, name, enums[name])
  const lists = new Map<string, Values[]>() // of variants, by their names
  for (const d of given('variant')) {
    const names = d.value.split('=')[0].trim()
    lists.set(names, [...(lists.get(names) ?? []), ...choices(d)])
  }
  return {
    parts,
    bindings,
    params,
    overrides,
    enums,
    variants: [...lists.values()].reduce<Values[]>(
      (all, list) => all.flatMap((values) => list.map((choice) => ({ ...values, ...choice }))),
      [{}],
    ),
    requires: list('require'),
    shape: list('shape'),
    workgroup,
    each: list('each'),
    tile: list('tile'),
    constants,
  }
}

/** Reads a WGSL file and writes out all of its variants, so that what cannot be expanded is refused here. */
export function checked(file: string, text: string, library: Readonly<Record<string, string>>): Template {
  const template = parse(file, text, library)
  for (const values of template.variants) {
    expand(template, values)
    const integer = integers(template, values)
    for (const size of [...template.workgroup, ...template.each, ...template.tile])
      if (!(integer(size)! > 0)) fail(file, 1, `'${size}' must be a positive integer`)
  }
  return template
}

/** `S T = 16 f16, 8 f32` as [{ S: 16, T: 'f16' }, { S: 8, T: 'f32' }]. */
function choices({ value, file, line }: { value: string; file: string; line: number }): Values[] {
  const [left, right = ''] = value.split('=')
  const names = left.trim().split(/\s+/)
  return right.split(',').map((choice) => {
    const values = choice.trim().split(/\s+/)
    if (values.length !== names.length) fail(file, line, `every choice needs a value of ${names.join(' and ')}`)
    return Object.fromEntries(names.map((name, i) => [name, /^\d+$/.test(values[i]) ? Number(values[i]) : values[i]]))
  })
}

interface Declared {
  storage: (Binding & { slot: number; line: number })[]
  uniforms: { slot: number; type: string; line: number }[]
  structs: Map<string, { fields: [name: string, type: string][]; file: string; line: number }>
  overrides: Override[]
  constants: Record<string, string>
  workgroup: string[] | null
}

/** Reads the declarations at module scope. */
function declarations({ file, code }: { file: string; code: string }, into: Declared): void {
  let depth = 0
  let start = 0
  for (const { 0: mark, index } of code.matchAll(/[{};]/g)) {
    if (mark === '{') depth++
    else if (mark === '}') depth--
    if (depth || mark === '{') continue
    const from = start
    start = index + 1
    const text = code.slice(from, start).trim()
    const line = lineOf(code, from + code.slice(from).search(/\S/))
    const slot = Number(/@binding\((\d+)\)/.exec(text)?.[1])
    let m: RegExpExecArray | null
    if ((m = /\bvar<storage(?:,\s*(\w+))?>\s*(\w+)\s*:\s*(?:array<)?(?:vec([234])<)?(?:atomic<)?(\w+)/.exec(text))) {
      const [, access, name, width = '1', element] = m
      if (access === 'write') fail(file, line, `'${name}' must be read or read_write`)
      into.storage.push({ name, access: access === 'read_write' ? access : 'read', element, width: +width, slot, line })
    } else if ((m = /\bvar<uniform>\s*\w+\s*:\s*(\w+)/.exec(text))) into.uniforms.push({ slot, type: m[1], line })
    else if (!Number.isNaN(slot)) fail(file, line, 'a binding must be a storage buffer or a uniform')
    else if ((m = /^struct\s+(\w+)\s*\{([\s\S]*)\}/.exec(text))) {
      const fields = [...m[2].matchAll(/(\w+)\s*:\s*([\w<>]+)/g)].map((f): [string, string] => [f[1], f[2]])
      into.structs.set(m[1], { fields, file, line })
    } else if ((m = /\boverride\s+(\w+)\s*(?::\s*(\w+))?\s*(=)?/.exec(text)))
      into.overrides.push({ name: m[1], type: m[2] ?? 'f32', optional: m[3] !== undefined })
    else if ((m = /^const\s+(\w+)\s*(?::\s*\w+\s*)?=\s*([^;]+);$/.exec(text))) into.constants[m[1]] = m[2]
    else if (/\bfn\s+main\s*\(/.test(text)) {
      const size = /@workgroup_size\(([^)]*)\)/.exec(text.slice(0, text.search(/\bfn\s+main/)))
      if (size)
        into.workgroup = size[1]
          .split(',')
          .map((s) => s.trim())
          .filter(Boolean)
    }
  }
}

/** Every `switch` over an enum names all of its values, and what is not one of them gives NaN. */
function exhaustive({ file, code }: { file: string; code: string }, name: string, values: readonly string[]): void {
  for (const { 0: head, index } of code.matchAll(new RegExp(`\\bswitch\\s*\\(?\\s*${name}\\s*\\)?\\s*\\{`, 'g'))) {
    const line = lineOf(code, index)
    const open = index + head.length - 1
    const body = code.slice(open + 1, closing(code, open))
    const named = [...body.matchAll(/\bcase\s+([^:{]+)/g)].flatMap(([, labels]) => labels.match(/\w+/g) ?? [])
    const missing = values.filter((value) => !named.includes(constantOf(name, value)))
    if (missing.length)
      fail(file, line, `switch (${name}): must have a case for each value, misses ${missing.join(', ')}`)
    const fallback = /\bdefault\s*:?\s*\{([^}]*)\}/.exec(body)
    if (!fallback?.[1].includes('nan()')) fail(file, line, `switch (${name}): default must give nan()`)
  }
}

const constantOf = (name: string, value: string) => `${name}_${value}`.toUpperCase()

/** The override that stands for a field of the uniform where a pipeline is made for it; FIXED tells that it is. */
export const fixed = (param: string) => `FIXED_${param}`

/** `SG=8,T=f32`: what tells a variant from the others of its file. */
export const keyOf = (values: Values): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')

/** Device features that a variant needs. */
export const featuresOf = ({ requires }: Template, values: Values): readonly string[] => [
  ...requires,
  ...(values.PIN ? ['subgroup-size-control'] : []),
  ...(Object.values(values).includes('f16') ? ['shader-f16'] : []),
]

/** The WGSL of a variant; `mixed`: with all bindings `read_write`, so that they may lie in one buffer. */
export function expand(template: Template, values: Values, mixed = false): string {
  const { parts, bindings, enums } = template
  const [{ file, code }, ...includes] = parts
  const access = new Map(bindings.map((b) => [b.name, mixed ? 'read_write' : b.access]))
  const bound = code.replace(
    /\bvar<storage[^>]*>(\s*)(\w+)/g,
    (_, space, name) => `var<storage, ${access.get(name)}>${space}${name}`,
  )
  const shape = new Map(template.params.filter((p) => template.shape.includes(p.name)).map((p) => [p.name, p.type]))
  const text = [bound, ...includes.map((part) => part.code)]
    .join('\n')
    .replace(/\bparams\.(\w+)/g, (field, name) => (shape.has(name) ? `select(${field}, ${fixed(name)}, FIXED)` : field))
    .replace(/@subgroup_size\([^)]*\)/, (pin) => (values.PIN ? pin : ''))
  const enables = featuresOf(template, values).map((name) => (name === 'shader-f16' ? 'f16' : name))
  return [
    enables.map((name) => `enable ${name.replaceAll('-', '_')}; `).join(''),
    unroll(text, integers(template, values), file),
    '\n',
    Object.entries(values).map(([name, value]) =>
      typeof value === 'number' ? `const ${name} = ${value}u; ` : `alias ${name} = ${value}; `,
    ),
    shape.size ? 'override FIXED: bool = false; ' : '',
    [...shape].map(([name, type]) => `override ${fixed(name)}: ${type} = ${type}(1); `),
    Object.entries(enums).flatMap(([name, all]) => all.map((value, i) => `const ${constantOf(name, value)} = ${i}u; `)),
    '\n',
  ]
    .flat()
    .join('')
}

/** File and line of a line of the expanded text. */
export function placeOf({ parts }: Template, line: number): string {
  for (const { file, code } of parts) {
    const lines = code.split('\n').length
    if (line <= lines) return `${file}:${line}`
    line -= lines
  }
  return `${parts[0].file}: constants`
}

/** Evaluates the integer expressions of a variant: of literals, its values, and constants at module scope. */
export function integers({ constants }: Template, values: Values): (expression: string) => number | null {
  const known = new Map<string, number | null>(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? value : null]),
  )
  const valueOf = (name: string): number | null => {
    let value = known.get(name)
    if (value === undefined) {
      known.set(name, null) // of itself
      known.set(name, (value = name in constants ? evaluate(constants[name], valueOf) : null))
    }
    return value
  }
  return (expression) => evaluate(expression, valueOf)
}

/** An expression of integers, + - * / % and brackets; null where it is another. */
function evaluate(expression: string, valueOf: (name: string) => number | null): number | null {
  const tokens = expression.match(/\d+[ui]?\b|\w+|\S/g) ?? []
  let at = 0
  const primary = (): number => {
    const token = tokens[at++] ?? ''
    if (token === '-') return -primary()
    if (token === '(') {
      const value = sum()
      return tokens[at++] === ')' ? value : NaN
    }
    return /^\d+[ui]?$/.test(token) ? parseInt(token) : (valueOf(token) ?? NaN)
  }
  const chain = (next: () => number, operators: Record<string, (a: number, b: number) => number>) => () => {
    let value = next()
    while (tokens[at] in operators) value = operators[tokens[at++]](value, next())
    return value
  }
  const product = chain(primary, {
    '*': (a, b) => a * b,
    '/': (a, b) => Math.trunc(a / b),
    '%': (a, b) => a % b,
  })
  const sum = chain(product, { '+': (a, b) => a + b, '-': (a, b) => a - b })
  const value = sum()
  return at === tokens.length && Number.isInteger(value) ? value : null
}

/** Index of the brace that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  throw new RadiogradError(`unbalanced braces after: ${text.slice(open, open + 60)}`)
}

const LOOP = /@unroll\s+for\s*\(\s*var\s+(\w+)\s*=\s*([^;]+);\s*\1\s*<\s*([^;]+);\s*\1\s*(\+\+|\+=\s*[^)]+)\)\s*\{/

/** Writes out every `@unroll for`, outermost first, on the line where it stands. */
function unroll(text: string, integer: (expression: string) => number | null, file: string): string {
  const bound = (expression: string, at: number): number =>
    integer(expression) ??
    fail(file, lineOf(text, at), `'${expression}' must be an integer of literals, constants and variants`)
  for (let match; (match = LOOP.exec(text));) {
    const { 0: whole, 1: name, 2: from, 3: to, 4: step, index } = match
    const open = index + whole.length - 1
    const close = closing(text, open)
    const lines = text.slice(index, close + 1).split('\n').length - 1
    const body = text.slice(open + 1, close).replace(/\s*\n\s*/g, ' ')
    const by = step === '++' ? 1 : bound(step.slice(2), index)
    const end = bound(to, index)
    const counter = new RegExp(`(?<![.\\w])${name}\\b`, 'g')
    let copies = ''
    // Declarations inside a body stay inside: each copy is a block of its own.
    for (let i = bound(from, index); i < end; i += by) copies += `{${body.replace(counter, `${i}u`)}}`
    text = text.slice(0, index) + copies + '\n'.repeat(lines) + text.slice(close + 1)
  }
  return text
}
