// Builds the project: WGSL files -> typed descriptors (src/shaders.gen.ts, and bench/shaders.gen.ts for the bench's
// own, which are not published), TypeScript -> dist/, engine -> one browser bundle.
//
//   node build.mjs             all of it (about a second)
//   node build.mjs --shaders   only the descriptors
//
// What a shader file may use beyond WGSL (expanded here, so that what runs is plain WGSL and what is read is a plain
// file):
//   // @include lib/index.wgsl      appends a binding-free snippet
//   // @variant SG = 4, 8           a constant with a value chosen per pipeline at build time (cross product of all
// lines)
//   // @variant T = f32, f16        likewise a type: `alias T = f16;`, and `enable f16;` where one of them is f16
//   // @variant S T = 16 f16, 8 f32 several together
//   // @require subgroups           a device feature; also writes the `enable` directive
//   @unroll for (var i = 0u; i < TM; i++) { … }   written out TM times, `i` replaced by 0u, 1u, …
// Line numbers of the file survive the expansion (includes and constants go to the end), so compile errors point at the
// source.
import { chmod, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js'

const root = fileURLToPath(new URL('.', import.meta.url))
const shaderDir = join(root, 'shaders')

const stripComments = (text) =>
  text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, '')).replace(/\/\/[^\n]*/g, '')

/** Evaluates an integer expression of literals and known constants. */
function evaluate(expression, constants, where) {
  const names = expression.replace(/\b(\d+)[ui]\b/g, '$1').replace(/[A-Za-z_]\w*/g, (name) => {
    if (!(name in constants))
      throw new Error(`${where}: '${name}' in '${expression}' is not a literal, const or variant`)
    return String(constants[name])
  })
  if (!/^[\d+\-*/%() ]+$/.test(names)) throw new Error(`${where}: cannot evaluate '${expression}' at build time`)
  return Math.floor(Function(`return (${names})`)())
}

/** Index of the brace that closes the one at `open`. */
function closing(text, open) {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  throw new Error(`unbalanced braces after: ${text.slice(open, open + 60)}`)
}

/** Writes out every `@unroll for`, outermost first, on the line where it stands. */
function unroll(text, constants, where) {
  const head = /@unroll\s+for\s*\(\s*var\s+(\w+)\s*=\s*([^;]+);\s*\1\s*<\s*([^;]+);\s*\1\s*(\+\+|\+=\s*[^)]+)\)\s*\{/
  for (let match; (match = head.exec(text));) {
    const [whole, name, from, to, step] = match
    const open = match.index + whole.length - 1
    const close = closing(text, open)
    const lines = text.slice(match.index, close + 1).split('\n').length - 1
    const body = text.slice(open + 1, close).replace(/\s*\n\s*/g, ' ')
    const by = step === '++' ? 1 : evaluate(step.slice(2), constants, where)
    const end = evaluate(to, constants, where)
    let copies = ''
    for (let value = evaluate(from, constants, where); value < end; value += by) {
      copies += `{${body.replace(new RegExp(`(?<![.\\w])${name}\\b`, 'g'), `${value}u`)}}`
    }
    // Declarations inside a body stay inside: each copy is a block of its own.
    text = text.slice(0, match.index) + copies + '\n'.repeat(lines) + text.slice(close + 1)
  }
  return text
}

/** All combinations of the declared variants, each a list of what it may be, e.g. [{ SG: 4 }, { SG: 8 }]. */
const combinations = (variants) =>
  variants.reduce((all, values) => all.flatMap((v) => values.map((value) => ({ ...v, ...value }))), [{}])

export const variantKey = (variant) =>
  Object.entries(variant)
    .map(([k, v]) => `${k}=${v}`)
    .join(',')

/**
 * One shader file as a descriptor: bindings, parameters, overrides, variants and the WGSL of each variant. Includes
 * come from shaders/.
 */
async function describe(folder, file) {
  const where = `${folder}/${file}`
  const raw = await readFile(join(root, where), 'utf8')
  const directives = (name) => [...raw.matchAll(new RegExp(`^// @${name} +(.+)$`, 'gm'))].map((m) => m[1].trim())
  const declared = directives('variant').map((line) => {
    const [names, choices] = line.split('=').map((s) => s.trim())
    return choices.split(',').map((choice) => {
      const values = choice.trim().split(/\s+/)
      return Object.fromEntries(
        names.split(/\s+/).map((name, i) => [name, /^\d+$/.test(values[i]) ? Number(values[i]) : values[i]]),
      )
    })
  })
  const variants = Object.fromEntries(
    declared.flatMap((choices) => Object.keys(choices[0]).map((name) => [name, choices.map((c) => c[name])])),
  )
  const requires = directives('require')
  const pasted = new Set()
  let includes = ''
  const include = async (path) => {
    if (pasted.has(path)) return
    pasted.add(path)
    const text = await readFile(join(shaderDir, path), 'utf8')
    for (const m of text.matchAll(/^\/\/ @include +(.+)$/gm)) await include(m[1].trim())
    includes += `\n${stripComments(text).replace(/\n\s*\n/g, '\n')}`
  }
  for (const path of directives('include')) await include(path)

  const sources = {}
  for (const variant of combinations(declared)) {
    const enables = [...requires, ...(Object.values(variant).includes('f16') ? ['f16'] : [])]
      .map((name) => `enable ${name.replaceAll('-', '_')};`)
      .join(' ')
    const constants = Object.fromEntries(Object.entries(variant).filter(([, value]) => typeof value === 'number'))
    const code = stripComments(raw)
    for (const [, name, value] of (code + includes).matchAll(/^const\s+(\w+)\s*(?::\s*\w+\s*)?=\s*([^;]+);/gm)) {
      try {
        constants[name] = evaluate(value, constants, where)
      } catch {
        /* not an integer: unusable as a bound */
      }
    }
    const prelude = Object.entries(variant)
      .map(([name, value]) => (typeof value === 'number' ? `const ${name} = ${value}u;` : `alias ${name} = ${value};`))
      .join(' ')
    const text = unroll(code + includes, constants, where)
      .replace(/[ \t]+$/gm, '')
      .trimEnd()
    sources[variantKey(variant)] = `${enables}${text}\n${prelude}\n`
  }

  // Only declarations matter here: functions go in without their bodies, and matrices, a type the parser does not know,
  // as numbers.
  let declarations = Object.values(sources)[0]
    .replace(/^(enable [^;]+;\s*)+/, '')
    .replace(/\bsubgroup_matrix_\w+<[^>]*>/g, 'f32')
  for (let m, from = 0; (m = /\bfn\s+\w+[^{]*\{/g.exec(declarations.slice(from)));) {
    const open = from + m.index + m[0].length - 1
    declarations = declarations.slice(0, open + 1) + declarations.slice(closing(declarations, open))
    from = open + 2
  }
  const reflected = new WgslReflect(declarations)
  const groups = reflected.getBindGroups()[0] ?? []
  const bindings = {}
  let params = {}
  groups.forEach((binding, index) => {
    if (!binding || binding.binding !== index)
      throw new Error(`${where}: bindings must be numbered from 0 without a hole`)
    if (binding.resourceType === 0) {
      if (index !== groups.length - 1) throw new Error(`${where}: the uniform must be the last binding`)
      params = Object.fromEntries(binding.type.members.map((m) => [m.name, m.type.name]))
    } else bindings[binding.name] = binding.access === 'read_write' ? 'read_write' : 'read'
  })
  for (const [name, type] of Object.entries(params)) {
    if (!['u32', 'i32', 'f32'].includes(type))
      throw new Error(`${where}: Params.${name} must be u32, i32 or f32, got ${type}`)
  }
  // Bindings whose elements are of a type that is a variant.
  const elements = Object.fromEntries(
    [...stripComments(raw).matchAll(/var<storage, *\w+> +(\w+) *: *array<(?:vec[24]<)?(\w+)/g)]
      .filter(([, , type]) => type in variants)
      .map(([, name, type]) => [name, type]),
  )
  if (!reflected.entry.compute.some((entry) => entry.name === 'main'))
    throw new Error(`${where}: no entry point 'main'`)
  const overrides = Object.fromEntries(reflected.overrides.map((o) => [o.name, o.type?.name ?? 'u32']))
  return { name: file.replace('.wgsl', ''), bindings, elements, params, overrides, variants, requires, sources }
}

/** Writes the descriptors of a folder's shaders into `target`. */
async function generateShaders(folder, target, kernelModule) {
  const files = (await readdir(join(root, folder))).filter((f) => f.endsWith('.wgsl')).sort()
  const kernels = await Promise.all(
    files.map((file) =>
      describe(folder, file).catch((error) => {
        throw new Error(`${folder}/${file}: ${error.message.replace(`${folder}/${file}: `, '')}`)
      }),
    ),
  )
  const text = [
    `// Written by build.mjs from ${folder}/*.wgsl. Do not edit.`,
    `import { kernel } from '${kernelModule}'`,
    '',
  ]
  for (const k of kernels) text.push(`export const ${k.name} = /* @__PURE__ */ kernel(${JSON.stringify(k)})`, '')
  const path = join(root, target)
  const next = text.join('\n')
  if (next !== (await readFile(path, 'utf8').catch(() => ''))) await writeFile(path, next)
}

/** Transpiles src, test and bench one to one: stack traces stay readable and workers find their files. */
async function transpile() {
  const tree = async (dir, recursive = true) =>
    (await readdir(join(root, dir), { recursive }).catch(() => []))
      .filter((f) => f.endsWith('.ts') && !f.endsWith('.d.ts'))
      .map((f) => join(root, dir, f))
  const entryPoints = (await Promise.all([tree('src'), tree('test'), tree('bench', false)])).flat() // bench/peers has packages of its own
  await esbuild.build({
    entryPoints,
    outdir: join(root, 'dist'),
    outbase: root,
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    logLevel: 'warning',
  })
}

/** The engine for a page: the same files, with `browser` chosen where Node and the browser differ. */
async function bundleForBrowser() {
  const shared = {
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['browser'],
    platform: 'browser',
    minify: true,
    sourcemap: true,
    logLevel: 'warning',
  }
  await esbuild.build({
    ...shared,
    entryPoints: [join(root, 'dist/src/index.js'), join(root, 'dist/src/data/decode.worker.browser.js')],
    outdir: join(root, 'dist/browser'),
    entryNames: '[name]',
  })
}

try {
  await generateShaders('shaders', 'src/shaders.gen.ts', './gpu/kernel.js')
  await generateShaders('bench/shaders', 'bench/shaders.gen.ts', '../src/gpu/kernel.js')
} catch (error) {
  console.error(`build: ${error.message}`)
  process.exit(1)
}
if (!process.argv.includes('--shaders')) {
  if (process.argv.includes('--clean')) await rm(join(root, 'dist'), { recursive: true, force: true })
  await transpile()
  await chmod(join(root, 'dist/src/cli/main.js'), 0o755) // `npx radiograd` runs it
  if (process.argv.includes('--browser')) await bundleForBrowser()
}
