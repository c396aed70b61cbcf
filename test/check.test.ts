// Rules of the code base, made executable: types, the direction of imports, WGSL that compiles, shaders only in
// shaders/.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { buildSync } from 'esbuild'
import ts from 'typescript'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as benchShaders from '../bench/shaders.gen.js'
import { SETTINGS, optionOf } from '../src/cli/options.js'
import { init } from '../src/index.js'
import type { Kernel } from '../src/gpu/kernel.js'
import { compile, everyKernel } from './compile.js'

const test = suite('rules')
const kernels: Kernel[] = [...(await everyKernel()), ...Object.values<Kernel>({ ...benchShaders })]
const root = fileURLToPath(new URL('../../', import.meta.url))
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.ts'))
  .sort()

/** What each folder of src/ may import, besides itself. */
const ARROWS: Record<string, string[]> = {
  util: [],
  stats: ['util'],
  gpu: ['util'],
  tune: ['util', 'gpu'],
  tensor: ['util', 'gpu'],
  engine: ['util', 'gpu', 'tune', 'tensor'],
  ops: ['util', 'gpu', 'tensor'],
  weights: ['util'],
  nn: ['util', 'gpu', 'tensor', 'ops', 'weights'],
  optim: ['util', 'gpu', 'tensor'],
  models: ['util', 'tensor', 'ops', 'nn', 'weights'],
  data: ['util', 'ops'],
  explain: ['util', 'stats', 'tensor', 'ops', 'nn', 'models', 'data'],
  audit: ['util', 'stats', 'data'],
  train: ['util', 'gpu', 'tensor', 'engine', 'ops', 'nn', 'optim', 'weights', 'models', 'data', 'stats'],
  report: ['util', 'stats', 'data', 'explain', 'audit', 'train'],
  app: [
    ...['util', 'tensor', 'engine', 'nn', 'optim', 'weights', 'models', 'data', 'stats', 'explain', 'audit', 'train'],
    'report',
  ],
}

/** Files a source imports, relative to src/; `#platform/x` counts as the folder of its Node file. */
function imports(file: string): string[] {
  const text = readFileSync(join(root, 'src', file), 'utf8')
  const platform: Record<string, string> = {
    '#platform/read': 'weights',
    '#platform/pool': 'data',
    '#platform/files': 'data',
    '#platform/imageCache': 'data',
    '#platform/inflate': 'data',
    '#platform/sharp': 'data',
    '#platform/spill': 'data',
    '#platform/device': 'gpu',
    '#platform/choices': 'tune',
    '#platform/store': 'app',
    '#platform/jpeg': 'report',
  }
  return [...text.matchAll(/^(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]/gm)].flatMap(([, from]) => {
    if (from in platform) return [`${platform[from]}/platform`]
    return from.startsWith('.') ? [join(dirname(file), from).replace(/\.js$/, '.ts')] : []
  })
}

/** Runs `work` with an empty folder. */
function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'radiograd-check-'))
  try {
    work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root)
const program = ts.createProgram(fileNames, options)

test('types; those of all kernels are small, as every editor reads them', () => {
  const published = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(join(root, 'src/')))
  const wrong = [
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...program.getSyntacticDiagnostics(),
    ...program.getSemanticDiagnostics(),
    ...published.flatMap((file) => program.getDeclarationDiagnostics(file)),
  ]
  const host = { getCurrentDirectory: () => root, getCanonicalFileName: (name: string) => name, getNewLine: () => '\n' }
  assert.is(wrong.length, 0, ts.formatDiagnostics(wrong, host).slice(0, 4000))
  let size = 0
  const shaders = program.getSourceFile(join(root, 'src/shaders.gen.ts'))
  program.emit(shaders, (_, text) => (size = text.length), undefined, true)
  assert.ok(size > 0 && size < 60_000, `src/shaders.gen.d.ts has ${size} bytes`)
})

test('everything public says what it is: exports, methods of classes, fields of options', () => {
  const entries = ['index', 'worker', 'report', 'round', 'trunk', 'mpi'].map((name) => join(root, `src/${name}.ts`))
  const checker = program.getTypeChecker()
  const silent: string[] = []
  const seen = new Set<ts.Symbol>()
  const hidden = (node: ts.Declaration) =>
    ts.getCombinedModifierFlags(node) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected) ||
    ts.getJSDocTags(node).some((tag) => tag.tagName.text === 'internal') ||
    ts.isPrivateIdentifier(ts.getNameOfDeclaration(node) ?? node)
  const says = (symbol: ts.Symbol, name: string): void => {
    const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim()
    const [node] = symbol.declarations ?? []
    const place = node && relative(root, node.getSourceFile().fileName)
    if (!text && place?.startsWith('src/')) silent.push(`${place}: ${name}`)
  }
  const visit = (exported: ts.Symbol, name: string): void => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    if (seen.has(symbol)) return
    seen.add(symbol)
    if (symbol.flags & ts.SymbolFlags.ValueModule) {
      for (const one of checker.getExportsOfModule(symbol)) visit(one, `${name}.${one.name}`)
      return
    }
    says(symbol, name)
    if (!(symbol.flags & ts.SymbolFlags.Class) && !/Options$/.test(name)) return
    for (const [key, member] of [...(symbol.members ?? []), ...(symbol.exports ?? [])]) {
      const [node] = member.declarations ?? []
      if (!node) continue
      const asked = ts.isClassLike(node.parent)
        ? member.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Accessor)
        : member.flags & (ts.SymbolFlags.Property | ts.SymbolFlags.Method)
      if (asked && !hidden(node)) says(member, `${name}.${String(key)}`)
    }
  }
  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!
    for (const one of checker.getExportsOfModule(module)) visit(one, one.name)
  }
  assert.equal(silent, [])
})

/** What a page that imports `entry` must load at once, by file, in a bundle in `folder`. */
function loadedAtOnce(entry: string, folder: string): Map<string, string> {
  const outcome = buildSync({
    stdin: { contents: entry, resolveDir: join(root, 'dist/src') },
    bundle: true,
    format: 'esm',
    splitting: true,
    minify: true,
    conditions: ['browser'],
    platform: 'browser',
    outdir: folder,
    logLevel: 'warning',
  })
  assert.equal(outcome.warnings, [])
  const texts = new Map<string, string>()
  const load = (file: string): void => {
    if (texts.has(file)) return
    const text = readFileSync(join(folder, file), 'utf8')
    texts.set(file, text)
    for (const [, from] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) load(from)
  }
  load('stdin.js')
  return texts
}

/** In one piece: some twenty files apart take four per cent more, which depends on how a bundler cuts them. */
const zippedSize = (texts: ReadonlyMap<string, string>): number =>
  gzipSync([...texts.values()].join('\n'), { level: 9 }).length

// What a page that trains our models needs. Other operators, layers, optimizers, schedules, statistics and explanations
// fall away if nobody uses them.
const TRAINING = `
  export { init, tensor, noGrad, autocast, loadCheckpoint, saveSafetensors, models } from './index.js'
  export { AdamW, GradScaler, cosine } from './optim/index.js'
  export { DataLoader, ImageFolder, checkDataset, decodeImage, loadImage, subset, transforms } from './data/index.js'
  export * from './train/index.js'
  export * from './app/index.js'
  import * as F from './ops/index.js'
  export const { loss, probabilities } = { loss: F.crossEntropy, probabilities: F.softmax }`

test('what a page must load is small, and none of the kernels that load late is in it', () =>
  inFolder((folder) => {
    const training = loadedAtOnce(TRAINING, folder)
    assert.ok(zippedSize(training) < 120_000, `training: ${zippedSize(training)} bytes by gzip`)
    const all = loadedAtOnce("export * from './index.js'", folder)
    assert.ok(zippedSize(all) < 165_000, `everything: ${zippedSize(all)} bytes by gzip`)
    for (const [file, text] of all)
      assert.not.match(
        text,
        /shaders\/(\w+_(cpu|matrix)|\w+_(winograd|depthwise)_\w+|squeezeexcite_\w+|augment_\w+)\.wgsl/,
        file,
      )
    const [chunk] = readdirSync(folder).filter((file) => /^shaders\.cpu.*\.js$/.test(file))
    assert.match(readFileSync(join(folder, chunk), 'utf8'), /shaders\/matmul_cpu\.wgsl/)
  }))

test('format: oxfmt, and no line longer than 120 columns', () => {
  const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/oxfmt'), ['--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.is(status, 0, stdout)
  const files = ['src', 'shaders', 'bench/shaders'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: folder !== 'bench', encoding: 'utf8' }).map((f) => join(folder, f)),
  )
  const long = files
    .filter((file) => /\.(ts|wgsl|mjs)$/.test(file) && !file.endsWith('.gen.ts'))
    .flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, i) => ([...line].length > 120 ? [`${file}:${i + 1}`] : [])),
    )
  assert.equal(long, [])
})

test('workgroup sizes, types, flags and operator numbers come from the shader', () => {
  const RULES: readonly (readonly [RegExp, string])[] = [
    [/(?:Math\.ceil|ceilDiv)\([^;]*(?:\/|,) ?(?:16|32|64|128|256)\)/, 'a workgroup size'],
    [/\bhas_\w+ ?:/, 'the presence of a binding'],
    [/\b[TEXY]: *(?:\w+\.)*(?:element|dtype)\b|\b[TEXY]: 'f(?:16|32)'/, 'the type of a binding'],
    [/\b(?:OP|ACT|GELU): *\d|\bOP: *\w+\.indexOf/, 'an operator number'],
  ]
  const wrong = sources
    .filter((file) => /^(ops|optim|nn|tensor)\//.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(root, 'src', file), 'utf8')
      return RULES.filter(([rule]) => rule.test(text)).map(
        ([rule, what]) => `${file} writes ${what}: ${rule.exec(text)![0]}`,
      )
    })
  assert.equal(wrong, [])
})

test('imports run one way', () => {
  const wrong: string[] = []
  for (const file of sources) {
    const [folder] = file.split('/')
    const allowed = ARROWS[folder]
    if (!allowed || !file.includes('/')) continue
    for (const target of imports(file)) {
      const [to] = target.split('/')
      if (to !== folder && !target.startsWith('shaders.') && !allowed.includes(to))
        wrong.push(`src/${file} imports src/${target}`)
    }
  }
  assert.equal(wrong, [])
})

test('files that do something when they are imported are named in package.json, as bundlers leave out all others', () => {
  const { sideEffects } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { sideEffects: string[] }
  const acting = sources.filter((file) =>
    /^(?:\w+\.prototype\b.*=|Object\.defineProperties\()|^(?:globalThis|scope|parentPort|process)\b/m.test(
      readFileSync(join(root, 'src', file), 'utf8'),
    ),
  )
  assert.equal(
    sideEffects,
    acting.map((file) => `./dist/src/${file.replace(/ts$/, 'js')}`),
  )
})

test('what the library says names settings; flags are left to the command line', () => {
  const said = (file: string): string[] => {
    const found: string[] = []
    const visit = (node: ts.Node): void => {
      if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) found.push(node.getText())
      else ts.forEachChild(node, visit)
    }
    visit(program.getSourceFile(join(root, 'src', file))!)
    return found
  }
  const flags = Object.entries(SETTINGS).map(([name, setting]) => optionOf(name, setting).long!)
  const isFlag = new RegExp(`(?:^|[\\s(\`'"])(?:${flags.join('|')})(?![\\w-])`)
  // A table's help is the usage text of the command line.
  const files = sources.filter((file) => !/^cli\/|\.gen\.ts$|^app\/\w*[sS]etting\w*\.ts$/.test(file))
  assert.ok(files.length > 150 && isFlag.test('(--max-pixels allows more)') && !isFlag.test('style="--maps: 2"'))
  assert.equal(
    files.flatMap((file) => said(file).filter((text) => isFlag.test(text))),
    [],
  )
})

test('no cycles among files', () => {
  const state = new Map<string, 'open' | 'done'>()
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === 'done' || !sources.includes(file)) return
    assert.is.not(state.get(file), 'open', `cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
    state.set(file, 'open')
    for (const target of imports(file)) if (!isTypeOnly(file, target)) visit(target, [...path, file])
    state.set(file, 'done')
  }
  for (const file of sources) visit(file, [])
})

/** `import type` vanishes at run time. */
function isTypeOnly(file: string, target: string): boolean {
  const text = readFileSync(join(root, 'src', file), 'utf8')
  const path = relative(dirname(file), target).replace(/\.ts$/, '.js')
  const from = (path.startsWith('.') ? path : `./${path}`).replace(/[.]/g, '\\.')
  return !new RegExp(`^(?:import|export)\\s+(?!type\\b)[^'"]*?from\\s+['"]${from}['"]`, 'm').test(text)
}

test('Node built-ins only in *.node.ts, the command line and set-up', () => {
  const wrong = sources.filter(
    (file) =>
      !/\.node\.ts$|^cli\//.test(file) &&
      /from 'node:|import\('node:/.test(readFileSync(join(root, 'src', file), 'utf8')),
  )
  assert.equal(wrong, [])
})

test('WGSL stands in shaders/ alone, and one file knows how to read and expand it', () => {
  const wrong = sources.filter(
    (file) =>
      !file.endsWith('.gen.ts') &&
      file !== 'gpu/wgsl.ts' &&
      /@compute|@workgroup_size|<(?:storage|uniform|workgroup)\b|\bfn \w+\(/.test(
        readFileSync(join(root, 'src', file), 'utf8'),
      ),
  )
  assert.equal(wrong, [])
})

test('no assert.throws has a text after its function: it is shown when nothing fails, and compared with nothing', () => {
  const wrong: string[] = []
  for (const file of readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const tree = ts.createSourceFile(file, readFileSync(join(root, 'test', file), 'utf8'), ts.ScriptTarget.Latest)
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && /^(?:assert\.)?throws$/.test(node.expression.getText(tree))) {
        const expected = node.arguments[1]
        if (expected && (ts.isStringLiteralLike(expected) || ts.isTemplateExpression(expected)))
          wrong.push(`test/${file}: ${expected.getText(tree)}; refused() of test/errors.ts compares it`)
      }
      ts.forEachChild(node, visit)
    }
    visit(tree)
  }
  assert.equal(wrong, [])
})

test('no shader writes one component of a vector in shared memory: that may write all of it', () => {
  const wrong: string[] = []
  for (const kernel of kernels) {
    for (const variant of kernel.variants.values()) {
      const code = variant.code()
      for (const [, name, type] of code.matchAll(/var<(?:workgroup|storage, *read_write)> *(\w+) *: *([^;]+);/g)) {
        if (!/vec|mat/.test(type)) continue
        const depth = type.split('array<').length - 1
        for (const [write, indices, swizzle] of code.matchAll(
          new RegExp(`\\b${name}((?:\\[[^\\]]*\\])*)(\\.\\w+)? *[-+*/|&^]?=(?!=)`, 'g'),
        )) {
          if (swizzle || indices.split('[').length - 1 > depth) wrong.push(`${kernel.name}: ${write}`)
        }
      }
    }
  }
  assert.equal([...new Set(wrong)], [])
})

test('every shader and variant compiles within the limits every device has (null backend)', async () => {
  process.env.RADIOGRAD_ADAPTER = 'null'
  const engine = await init()
  const { pipelines, skipped, errors } = await compile(kernels, engine)
  engine.dispose()
  assert.equal(errors, [])
  assert.is(skipped, 0)
  assert.ok(pipelines >= 2 * kernels.length)
})

test.run()
