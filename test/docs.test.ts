// Every command and program of the README and of docs/, run as they stand, on a small data set under the names that the
// README uses. Pages (html) are run by test/browser.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, Tensor, init, models, nn, optim, saveSafetensors } from '../src/index.js'
import { writeRadiographs } from './data/radiographs.js'

const test = suite('documents')
const root = fileURLToPath(new URL('../../', import.meta.url))
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .sort()
    .map((file) => `docs/${file}`),
]
const texts = new Map(documents.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((m) => m[1])
const commandsOf = (text: string) =>
  blocks(text, 'sh')
    .flatMap((block) => block.split('\n'))
    .map((line) => line.replace(/\s+#.*/, '').trim())
    .filter(Boolean)
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
const place = mkdtempSync(join(tmpdir(), 'radiograd-readme-'))

test.before(async () => {
  writeRadiographs(join(place, 'chest_xray'), { train: 18, test: 4, size: 48, seed: 1 })
  const engine = await init()
  await saveSafetensors(join(place, 'resnet18.pth'), await models.resnet18().stateDict()) // the format is told by content
  await saveSafetensors(join(place, 'vit_tiny_patch16_224.pth'), await models.vitTiny().stateDict())
  engine.dispose()
})
test.after(() => rmSync(place, { recursive: true, force: true }))

/** A README command as it runs here: set-up has been done by whoever runs the tests, so that two builds do not meet. */
function translate(command: string): string {
  const program = join(root, 'dist/src/cli/main.js')
  if (command.startsWith('npx radiograd')) return command.replace('npx radiograd', `node ${program}`)
  const [, , script, , rest = ''] =
    /^npm (run )?(\S+)( -- (.*))?$/.exec(command) ?? (assert.unreachable(`cannot run '${command}'`) as never)
  assert.ok(script in scripts, `no script '${script}' in package.json`)
  const last = scripts[script].split('&&').at(-1)!.trim()
  return `${last.replace(/\b(dist|test)\//, `${root}$1/`)} ${rest}`
}

const done = new Set(['npm test', 'npm run check']) // this is it
for (const [file, text] of texts) {
  for (const command of commandsOf(text)) {
    if (done.has(command)) continue
    done.add(command)
    test(`${file}: ${command}`, () => {
      const started = performance.now()
      const { status, stdout, stderr } = spawnSync('bash', ['-c', translate(command)], { cwd: place, encoding: 'utf8' })
      console.log(`${((performance.now() - started) / 1000).toFixed(0)} s  ${command}`)
      assert.is(status, 0, `${command}\n${stdout}\n${stderr}`)
    })
  }
}

test('the training command leaves what the README says', () => {
  for (const file of [
    'best.safetensors',
    'history.csv',
    'metrics.json',
    'predictions.csv',
    'run.json',
    'MODEL_CARD.md',
  ])
    assert.ok(existsSync(join(place, 'runs/resnet18', file)), file)
})

/** What a program prints, run as a user of the package would. */
function run(program: string): string {
  const file = join(root, `dist/document-${process.pid}.mjs`) // inside the package, so that it finds itself by name
  try {
    writeFileSync(file, program)
    return execFileSync(process.execPath, [file], { cwd: place, encoding: 'utf8' }).trim()
  } finally {
    rmSync(file, { force: true })
  }
}

test("the README's program", () => {
  const [program] = blocks(texts.get('README.md')!, 'js')
  assert.ok(program.split('\n').length <= 26)
  const losses = run(program).split('\n').map(Number)
  assert.is(losses.length, 3)
  assert.ok(losses.every(Number.isFinite) && losses[2] < losses[0], `losses ${losses}`)
  assert.ok(existsSync(join(place, 'model.safetensors')))
})

for (const [file, text] of texts) {
  if (file === 'README.md') continue
  blocks(text, 'js').forEach((program, i) => test(`${file}: program ${i + 1}`, () => void run(program)))
}

test('the page for PyTorch users names every operator, with its method and its layers, and all else of nn and optim', () => {
  const text = texts.get('docs/for-pytorch-users.md')!
  const rows = [...text.matchAll(/^\| `F\.(\w+)` \| (?:`[\w.]+`|–) \| (`x\.\w+`)? \| ([^|]*) \|[^|]*\|$/gm)]
  assert.equal(rows.map(([, name]) => name).sort(), Object.keys(F).sort())
  for (const [, name, method] of rows) assert.is(method, name in Tensor.prototype ? `\`x.${name}\`` : undefined, name)
  const layers = rows.flatMap(([, , , cell]) => cell.match(/\w+(?=`)/g) ?? [])
  for (const name of layers) assert.ok(name in nn, `nn.${name}`)
  for (const [space, all] of Object.entries({ nn, optim }))
    for (const name of Object.keys(all))
      assert.ok(layers.includes(name) || text.includes(`${space}.${name}`), `${space}.${name} is not on the page`)
})

test('pictures and files that the documents refer to exist', () => {
  const missing = [...texts].flatMap(([file, text]) =>
    [...text.matchAll(/\]\(([^)h#][^)#]*)(?:#[^)]*)?\)/g)]
      .filter(([, path]) => !existsSync(join(root, dirname(file), path)))
      .map(([, path]) => `${file}: ${path}`),
  )
  assert.equal(missing, [])
})

test.run()
