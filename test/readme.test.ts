// Every command and the program of the README, run as they stand, on a small data set under the names the README uses.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeSyntheticDataset } from '../src/data/synthetic.node.js'
import { init, models, saveSafetensors } from '../src/index.js'

const test = suite('README')
const root = fileURLToPath(new URL('../../', import.meta.url))
const text = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((m) => m[1])
const commands = blocks('sh')
  .flatMap((block) => block.split('\n'))
  .map((line) => line.replace(/\s+#.*/, '').trim())
  .filter(Boolean)
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
const place = mkdtempSync(join(tmpdir(), 'radiograd-readme-'))

test.before(async () => {
  await writeSyntheticDataset(join(place, 'chest_xray'), { train: 32, test: 10, size: 48, seed: 1 })
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
    /^npm (run )?(\S+)( -- (.*))?$/.exec(command) ?? (assert.unreachable(`README: cannot run '${command}'`) as never)
  assert.ok(script in scripts, `README: no script '${script}' in package.json`)
  const last = scripts[script].split('&&').at(-1)!.trim()
  return `${last.replace(/\b(dist|test)\//, `${root}$1/`)} ${rest}`
}

for (const command of commands) {
  if (command === 'npm test') continue // this is it
  test(command, () => {
    const { status, stdout, stderr } = spawnSync('bash', ['-c', translate(command)], { cwd: place, encoding: 'utf8' })
    assert.is(status, 0, `${command}\n${stdout}\n${stderr}`)
  })
}

test('the training command leaves what the README says', () => {
  for (const file of ['best.safetensors', 'history.csv', 'metrics.json', 'run.json'])
    assert.ok(existsSync(join(place, 'runs/resnet18', file)), file)
})

test('the program', () => {
  const [program] = blocks('js')
  assert.ok(program.split('\n').length <= 26)
  const file = join(root, `dist/readme-${process.pid}.mjs`) // inside the package, so that it finds itself by name
  try {
    writeFileSync(file, program)
    const losses = execFileSync(process.execPath, [file], { cwd: place, encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
    assert.is(losses.length, 3)
    assert.ok(losses.every(Number.isFinite) && losses[2] < losses[0], `losses ${losses}`)
    assert.ok(existsSync(join(place, 'model.safetensors')))
  } finally {
    rmSync(file, { force: true })
  }
})

test('pictures and files it refers to exist', () => {
  for (const [, path] of text.matchAll(/\]\(([^)h#][^)]*)\)/g)) assert.ok(existsSync(join(root, path)), path)
})

test.run()
