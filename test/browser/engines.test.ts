// Every implementation of WebGPU that is found here trains a small ResNet and a small ViT for ten steps, with the losses
// of Dawn in Node: to 1e-5 on the same driver, to 1e-4 across, and reads the checkpoints of those before it. Deno and
// Firefox (wgpu) run at default limits, Chromium as it comes and in its compatibility mode. Deno compiles every kernel.
// With RADIOGRAD_ENGINES=all, some minutes: all compile, run the README's program, and train ResNet18 as a whole.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as esbuild from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Asked } from './ask.js'
import { browser, inPage } from './chromium.js'
import { firefox, inFirefox } from './firefox.js'
import { findDriver, findProgram } from './programs.js'
import { EMPTY, root } from './serve.js'

const EVERYTHING = process.env.RADIOGRAD_ENGINES === 'all'

const test = suite('every engine')
const folder = join(root, 'dist/test/browser')
const lavapipe = findDriver('lvp_icd.json')
const deno = findProgram('DENO', ['deno'])

/** The README's program as a function, with pixels that are the same everywhere, and nothing written. */
function writeProgram(): void {
  const [, names, body] = /^```js\nimport \{ (.*) \} from 'radiograd'\n([\s\S]*?)^```/m.exec(
    readFileSync(join(root, 'README.md'), 'utf8'),
  )!
  writeFileSync(
    join(folder, 'readme.gen.js'),
    `export async function train(radiograd, options) {
      const losses = []
      const console = { log: (loss) => losses.push(loss) }
      const Math = { random: (_, i) => ((i * 7919) % 1000) / 1000 }
      const { ${names} } = {
        ...radiograd,
        init: (own) => radiograd.init({ ...own, ...options }),
        saveSafetensors() {},
      }
      ${body}
      return losses
    }`,
  )
}

test.before(async () => {
  writeProgram()
  await esbuild.build({
    entryPoints: [join(folder, 'ask.js')],
    outfile: join(folder, 'ask.gen.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['browser'],
    platform: 'browser',
    logLevel: 'warning',
  })
})

const ASK = '/test/browser/ask.gen.js'

/** Has an implementation answer; a failure is thrown. */
type Run = (asked: Asked) => Promise<Answer>

const inNode =
  (adapter: 'lavapipe' | 'swiftshader', driver: string): Run =>
  async (asked) => {
    Object.assign(process.env, { RADIOGRAD_ADAPTER: adapter, VK_DRIVER_FILES: driver })
    return (await import('./ask.js')).ask({ ...asked, library: '../../src/index.js' })
  }

const inDeno: Run = async (asked) => {
  const program = `import { ask } from '${pathToFileURL(join(root, 'dist', ASK)).href}'
    console.log('answer ' + JSON.stringify(await ask(${JSON.stringify(asked)})))
    Deno.exit(0)`
  const { stdout, stderr } = spawnSync(deno!, ['run', '--allow-all', '--no-config', '-'], {
    input: program,
    encoding: 'utf8',
    cwd: tmpdir(),
    maxBuffer: 2 ** 30,
    env: {
      ...process.env,
      VK_DRIVER_FILES: lavapipe,
      XDG_RUNTIME_DIR: tmpdir(),
      DENO_DIR: join(tmpdir(), 'radiograd-deno'),
      DENO_NO_UPDATE_CHECK: '1',
    },
  })
  const answer = /^answer (.*)$/m.exec(stdout)
  if (!answer) throw new Error(stderr || stdout)
  return JSON.parse(answer[1]) as Answer
}

const firefoxOn: Run = async (asked) => {
  const script = `return (await import('${ASK}')).ask(${JSON.stringify(asked)})`
  const answer = JSON.parse(await inFirefox(script, lavapipe!)) as Answer | { error: string }
  if ('error' in answer) throw new Error(answer.error)
  return answer
}

const chromiumOn =
  (compatibilityOn?: string): Run =>
  (asked) =>
    inPage(
      { '/': EMPTY },
      (page) =>
        page.evaluate(async ([path, asked]) => ((await import(path)) as { ask: Run }).ask(asked), [
          ASK,
          asked,
        ] as const),
      { compatibilityOn },
    )

interface Implementation {
  name: string
  driver: 'lavapipe' | 'SwiftShader'
  /** What it lacks, if so. */
  missing: string | false
  run: Run
  /** Its optional features and limits are left out. */
  baseline?: boolean
}

// The first is what all others are compared with. Chromium's own compiler is that of Dawn in Node, which compiles
// everything in check.test.ts; Firefox's is Deno's.
const noLavapipe = !lavapipe && 'no lavapipe'
const noChromium = !browser && 'no Chromium'
const IMPLEMENTATIONS: Implementation[] = [
  {
    name: 'Node at default limits',
    driver: 'lavapipe',
    missing: noLavapipe,
    run: inNode('lavapipe', lavapipe!),
    baseline: true,
  },
  { name: 'Deno', driver: 'lavapipe', missing: deno ? noLavapipe : 'no Deno', run: inDeno, baseline: true },
  { name: 'Firefox', driver: 'lavapipe', missing: firefox ? noLavapipe : 'no Firefox', run: firefoxOn, baseline: true },
  { name: 'Node', driver: 'lavapipe', missing: noLavapipe, run: inNode('lavapipe', lavapipe!) },
  {
    name: 'Chromium in compatibility mode',
    driver: 'lavapipe',
    missing: noChromium || noLavapipe || (!EVERYTHING && 'RADIOGRAD_ENGINES=all not'),
    run: chromiumOn(lavapipe),
  },
  { name: 'Node', driver: 'SwiftShader', missing: noChromium, run: inNode('swiftshader', browser?.icd ?? '') },
  { name: 'Chromium', driver: 'SwiftShader', missing: noChromium, run: chromiumOn() },
]

/** How far losses are off, relatively. */
const apart = (losses: readonly number[], from: readonly number[]) =>
  Math.max(...losses.map((loss, i) => Math.abs(loss / from[i] - 1)))

const answers: (Answer & { of: Implementation })[] = []

function compare(of: Implementation, { compiled, losses }: Answer): void {
  const { adapter, pipelines, skipped, errors } = compiled ?? { errors: [] }
  if (adapter) console.log(`${of.name} on ${adapter}: ${pipelines} pipelines, ${skipped} variants skipped`)
  assert.equal(errors, [])
  if (compiled) assert.ok(compiled.pipelines > 100, `${compiled.pipelines}`)
  for (const [model, all] of Object.entries(losses)) {
    const off = (from: Answer | undefined) => (from ? apart(all, from.losses[model]) : 0)
    const [same, across] = [off(answers.find((one) => one.of.driver === of.driver)), off(answers[0])]
    console.log(
      `${of.name} on ${of.driver}, ${model}: losses ${all[0].toFixed(4)} to ${all.at(-1)!.toFixed(4)}, ` +
        `off by ${same.toExponential(1)} on the same driver, ${across.toExponential(1)} from the first`,
    )
    assert.is(all.length, model === 'readme' ? 3 : 10)
    assert.ok(same < 1e-5 && across < 1e-4, `${of.name}, ${model}: ${all}, first: ${answers[0]?.losses[model]}`)
  }
}

/** That the checkpoints of those before give here the logits that they gave there. */
function compareLogits(of: Implementation, { logits }: Answer): void {
  for (const [i, read] of logits.slice(1).entries())
    for (const [model, all] of Object.entries(read)) {
      const there = answers[i].logits[0][model]
      const off = Math.max(...all.map((logit, j) => Math.abs(logit - there[j])))
      assert.ok(off < 1e-4, `${of.name}, ${model} of ${answers[i].of.name}: ${off}`)
    }
}

const asking = ({ name, baseline = false }: Implementation): Asked => ({
  library: '../../browser/index.js',
  baseline,
  compile: name === 'Deno' || (EVERYTHING && /Firefox|compatibility/.test(name)),
  whole: EVERYTHING,
  checkpoints: answers.map(({ checkpoint }) => checkpoint),
})

for (const one of IMPLEMENTATIONS) {
  const name = `${one.name} on ${one.driver}`
  if (one.missing) console.log(`skip: ${one.missing} found, ${name} was not tried`)
  else
    test(name, async () => {
      const answer = await one.run(asking(one))
      compare(one, answer)
      compareLogits(one, answer)
      answers.push({ ...answer, of: one })
    })
}

test('the first reads the checkpoints of all others', async () => {
  if (answers.length < 2) return
  const [{ of }] = answers
  compareLogits(of, await of.run({ ...asking(of), compile: false, whole: false }))
})

test.run()
