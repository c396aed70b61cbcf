// Builds the project: WGSL files -> typed kernels (src/shaders.gen.ts and its neighbours; bench/shaders.gen.ts for the
// bench's own, which are not published), TypeScript -> dist/, engine -> a browser bundle. What a WGSL file may hold and
// how its variants are written out is src/gpu/wgsl.ts, which runs here to check them all.
//
//   node build.mjs             all of it (about a second)
//   node build.mjs --browser   and the bundle, and the page as static files in dist/page
//   node build.mjs --package   from nothing, what is published: the bundle and the types, but no source maps; and the page
//   node build.mjs --shaders   only the kernels
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, copyFile, cp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'

const root = fileURLToPath(new URL('.', import.meta.url))

/** The expander, which is TypeScript. */
async function loadExpander() {
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(root, 'src/gpu/wgsl.ts')],
    bundle: true,
    format: 'esm',
    write: false,
  })
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`)
}

/** WGSL files of a folder, stripped, by their names. */
async function wgslOf(folder, { strip }) {
  const files = (await readdir(join(root, folder))).filter((f) => f.endsWith('.wgsl')).sort()
  return Promise.all(files.map(async (f) => [`${folder}/${f}`, strip(await readFile(join(root, folder, f), 'utf8'))]))
}

/**
 * The type of a kernel: what a call must give. Left out is what follows: uniform fields and overrides called
 * has_<binding>, variants that are the type of a binding, and those that follow from other variants.
 */
function interfaceOf({ bindings, params, overrides, enums, variants }, { isFlag }) {
  const types = Object.keys(variants[0]).filter((name) => bindings.some((b) => b.element === name))
  let asked = Object.keys(variants[0]).filter((name) => !types.includes(name))
  for (const name of asked.toReversed()) {
    const others = [...types, ...asked.filter((other) => other !== name)]
    const by = new Map(variants.map((v) => [others.map((other) => v[other]).join(), v[name]]))
    if (variants.every((v) => by.get(others.map((other) => v[other]).join()) === v[name])) {
      asked = asked.filter((other) => other !== name)
    }
  }
  const union = (values) => [...new Set(values)].map((v) => JSON.stringify(v).replaceAll('"', "'")).join(' | ')
  const names = (all) => union(all.map(({ name }) => name).filter((name) => !isFlag(name))) || 'never'
  const constants = [
    ...asked.map((name) => `${name}: ${union(variants.map((v) => v[name]))}`),
    ...overrides
      .filter(({ name }) => !isFlag(name))
      .map(({ name, type, optional }) => {
        const values = enums[name] ? union(enums[name]) : type === 'bool' ? 'boolean' : 'number'
        return `${name}${optional ? '?' : ''}: ${values}`
      }),
  ]
  return `{ bindings: ${names(bindings)}; params: ${names(params)}; constants: { ${constants.join('; ')} } }`
}

async function writeIfNew(target, lines) {
  const path = join(root, target)
  const text = `${lines.join('\n')}\n`
  if (text !== (await readFile(path, 'utf8').catch(() => ''))) await writeFile(path, text)
}

/** A text as a template literal, which keeps its lines. */
const literal = (text) => `\`${text.replace(/[\\`$]/g, '\\$&')}\``

/** WGSL without the blanks that it does not need, so that a page loads less; every line stays where it is. */
const compact = (text) =>
  text.replace(/^(?!\/\/).+$/gm, (line) =>
    line.replace(/(?<=[\w)\]]) ([-+*/%<>=!&|]+) (?=[\w(])/g, '$1').replace(/ *([,;:{}()]) */g, '$1'),
  )

const nameOf = (file) => file.replace(/^.*\/|^lib\.|\.wgsl$/g, '')

/**
 * Writes the kernels: those that every adapter may run, the snippets they include, and apart from them, to be loaded
 * only where they are wanted, those that only software adapters run (*_cpu.wgsl), those by matrix units (*_matrix.wgsl),
 * Winograd's (*_winograd_*.wgsl) and others of convolutional networks, and those of rarer augmentations (augment_*.wgsl).
 */
async function generateShaders() {
  const wgsl = await loadExpander()
  const library = Object.fromEntries((await wgslOf('shaders/lib', wgsl)).map(([f, text]) => [f.slice(8), text]))
  const read = async (folder) =>
    (await wgslOf(folder, wgsl)).map(([file, text]) => ({
      file,
      text,
      ...described(wgsl.checked(file, text, library)),
    }))
  /** Its type, and the snippets that it includes, however deep. */
  const described = (template) => ({
    type: interfaceOf(template, wgsl),
    snippets: template.parts.slice(1).map((part) => `lib.${nameOf(part.file)}`),
  })
  const all = await read('shaders')
  const hash = createHash('sha256')
  for (const text of [...Object.values(library), ...all.map((k) => k.text)]) hash.update(text)
  const note = (folder) => `// Written by build.mjs from ${folder}/*.wgsl. Do not edit.`
  // Every kernel names its snippets, so that a bundle holds no snippet that none of its kernels includes.
  const kernel = ({ file, text, type, snippets }) =>
    `export const ${nameOf(file)} = /* @__PURE__ */ kernel<${type}>('${file}', ${literal(compact(text))}, [${snippets}])\n`
  // Which kernels are loaded only where they are wanted (src/shaders.late.ts), by their names.
  const late = {
    cpu: /_cpu\.wgsl$/,
    matrix: /_matrix\.wgsl$/,
    conv: /_winograd_|_batchnorm_fold|\/squeezeexcite_|_depthwise_\w+(?<!_cpu)\.wgsl$/,
    augment: /\/augment_/,
  }
  await writeIfNew('src/shaders.lib.gen.ts', [
    note('shaders/lib'),
    '',
    '/** Changes with every shader. */',
    `export const fingerprint = '${hash.digest('hex').slice(0, 8)}'`,
    '',
    '/** A part of a shader, by the name of its file. */',
    'export type Snippet = readonly [name: string, text: string]',
    '',
    ...Object.entries(library).map(
      ([name, text]) => `export const ${nameOf(name)}: Snippet = ['${name}', ${literal(compact(text))}]\n`,
    ),
    '/** What own kernels may include: all but what needs matrix units. */',
    'export const library: Readonly<Record<string, string>> = /* @__PURE__ */ Object.fromEntries([',
    ...Object.keys(library)
      .filter((name) => !library[name].includes('subgroup-matrix'))
      .map((name) => `${nameOf(name)},`),
    '])',
  ])
  const kernels = (folder, lib, those) => [
    note(folder),
    `import { kernel } from '${lib}gpu/kernel.js'`,
    `import * as lib from '${lib}shaders.lib.gen.js'`,
    '',
    ...those.map(kernel),
  ]
  /** Text and snippets by file. A snippet that no other kernel includes is loaded with them, too. */
  const loadedLater = (name, those) => {
    const others = new Set(all.filter((k) => !those.includes(k)).flatMap((k) => k.snippets))
    const own = [...new Set(those.flatMap((k) => k.snippets))].filter((snippet) => !others.has(snippet))
    const bare = (snippet) => (own.includes(snippet) ? nameOf(snippet) : snippet)
    const files = new Map(Object.entries(library).map(([file, text]) => [`lib.${nameOf(file)}`, [file, text]]))
    return [
      note('shaders'),
      "import type { Kernel } from './gpu/kernel.js'",
      "import * as lib from './shaders.lib.gen.js'",
      '',
      `export interface ${name} {`,
      ...those.map(({ file, type }) => `  ${nameOf(file)}: Kernel<${type}>`),
      '}',
      '',
      ...own
        .map((snippet) => [bare(snippet), ...files.get(snippet)])
        .map(([variable, file, text]) => `const ${variable}: lib.Snippet = ['${file}', ${literal(compact(text))}]\n`),
      'export const sources: Readonly<Record<string, readonly [text: string, snippets: readonly lib.Snippet[]]>> = {',
      ...those.map(({ file, text, snippets }) => `'${file}': [${literal(compact(text))}, [${snippets.map(bare)}]],`),
      '}',
    ]
  }
  const usual = all.filter(({ file }) => !Object.values(late).some((pattern) => pattern.test(file)))
  await writeIfNew('src/shaders.gen.ts', kernels('shaders', './', usual))
  for (const [name, pattern] of Object.entries(late)) {
    const lines = loadedLater(
      `${name[0].toUpperCase()}${name.slice(1)}Shaders`,
      all.filter((k) => pattern.test(k.file)),
    )
    await writeIfNew(`src/shaders.${name}.gen.ts`, lines)
  }
  await writeIfNew('bench/shaders.gen.ts', kernels('bench/shaders', '../src/', await read('bench/shaders')))
}

/** The program of a page's decoding workers, as text: see src/data/pool.browser.ts. */
async function generateWorker() {
  const source = (file) => join(root, 'src/data', file)
  const { outputFiles } = await esbuild.build({
    entryPoints: [source('decode.worker.browser.ts')],
    alias: {
      '#platform/files': source('files.browser.ts'),
      '#platform/sharp': source('sharp.browser.ts'),
      '#platform/imageCache': source('imageCache.browser.ts'),
      '#platform/inflate': source('inflate.browser.ts'),
    },
    bundle: true,
    format: 'iife',
    target: 'es2022',
    minify: true,
    charset: 'utf8',
    logLevel: 'warning',
    write: false,
  })
  await writeIfNew('src/data/decode.worker.gen.ts', [
    '// Written by build.mjs from decode.worker.browser.ts. Do not edit.',
    `export const text = ${literal(outputFiles[0].text)}`,
  ])
}

/**
 * Transpiles src, web, test, bench and examples one to one: stack traces stay readable and workers find their files. What
 * the program writes as it is lies beside it.
 */
async function transpile() {
  const tree = async (dir, recursive = true) =>
    (await readdir(join(root, dir), { recursive }).catch(() => []))
      .filter((f) => /\.(tsx?|js)$/.test(f) && !f.endsWith('.d.ts'))
      .map((f) => join(root, dir, f))
  const charts = join(root, 'src/report/charts.ts')
  // bench/peers has packages of its own
  const entryPoints = (
    await Promise.all([tree('src'), tree('web'), tree('test'), tree('examples'), tree('bench', false)])
  ).flat()
  const shared = { outdir: join(root, 'dist'), outbase: root, format: 'esm', target: 'es2022', logLevel: 'warning' }
  await esbuild.build({
    ...shared,
    entryPoints: entryPoints.filter((file) => file !== charts),
    jsx: 'automatic',
    jsxImportSource: 'preact',
    sourcemap: !has('--package'),
  })
  await packCharts({ ...shared, entryPoints: [charts] })
  await cp(join(root, 'src/cli/flower'), join(root, 'dist/src/cli/flower'), { recursive: true })
}

/** Packs what draws charts into one file, its libraries too, which are needed nowhere else; with their licences. */
async function packCharts(options) {
  const { metafile } = await esbuild.build({
    ...options,
    bundle: true,
    minify: true,
    metafile: true,
    alias: { canvas: join(root, 'node_modules/linkedom/commonjs/canvas-shim.cjs') }, // nothing draws on one
  })
  const inputs = Object.keys(metafile.inputs).map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
  const licence = async (folder) => {
    const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name))
    const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    return `${name} ${version}, ${license}\n\n${file ? await readFile(join(folder, file), 'utf8') : ''}`
  }
  const texts = await Promise.all([...new Set(inputs.filter(Boolean))].sort().map(licence))
  await writeFile(join(options.outdir, 'src/report/charts.licenses.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`))
}

/**
 * The engine for a page: the same files, with `browser` chosen where Node and the browser differ. What is imported only
 * when wanted stays in files of its own.
 */
async function bundleForBrowser(folder) {
  await rm(folder, { recursive: true, force: true })
  await esbuild.build({
    entryPoints: [join(root, 'dist/src/index.js')],
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['browser'],
    platform: 'browser',
    minify: true,
    sourcemap: !has('--package'),
    logLevel: 'warning',
    outdir: folder,
  })
}

/** What the page loads by itself, as programs. */
const PAGE = ['main', 'run.worker', 'figures.worker', 'fetch']

/** The page: static files that any host can serve, with their service worker, which keeps them all. */
async function bundlePage(folder) {
  await rm(folder, { recursive: true, force: true })
  const options = {
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    logLevel: 'warning',
    outdir: folder,
  }
  await esbuild.build({
    ...options,
    entryPoints: {
      ...Object.fromEntries(PAGE.map((name) => [name, join(root, 'dist/web', `${name}.js`)])),
      style: join(root, 'web/style.css'),
    },
    splitting: true,
    conditions: ['browser'],
    platform: 'browser',
    sourcemap: !has('--package'),
  })
  for (const file of ['index.html', 'fetch.html']) await copyFile(join(root, 'web', file), join(folder, file))
  const files = (await readdir(folder)).filter((file) => !file.endsWith('.map')).sort()
  const hash = createHash('sha256')
  for (const file of files) hash.update(file).update(await readFile(join(folder, file)))
  const define = { FILES: JSON.stringify(['./', ...files]), VERSION: JSON.stringify(hash.digest('hex').slice(0, 12)) }
  await esbuild.build({ ...options, entryPoints: [join(root, 'dist/web/sw.js')], format: 'iife', define })
}

/** Type declarations of what is published, without what is marked `@internal`. */
function declare() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.package.json')], { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}

const options = process.argv.slice(2)
const has = (option) => options.includes(option)
await build()

async function build() {
  try {
    await generateShaders()
    await generateWorker()
  } catch (error) {
    console.error(`build: ${error.message}`)
    process.exit(1)
  }
  if (has('--shaders')) return
  if (has('--package')) await rm(join(root, 'dist'), { recursive: true, force: true })
  await transpile()
  await chmod(join(root, 'dist/src/cli/main.js'), 0o755) // `npx radiograd` runs it
  if (has('--browser') || has('--package')) {
    await bundleForBrowser(join(root, 'dist/browser'))
    await bundlePage(join(root, 'dist/page'))
  }
  if (has('--package')) declare()
}
