// Every implementation of WebGPU that is found here compiles all kernels and runs the README's program, with the losses
// of Dawn in Node on the same driver: Deno and Firefox (wgpu) at default limits, Chromium, and its compatibility mode.
// With RADIOGRAD_ENGINES=all also ten steps of two models, and checkpoints from one to the next.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as esbuild from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as radiograd from '../../src/index.js'
import type { Answer, Trained, ask, tenSteps } from './ask.js'
import { browser, inPage } from './chromium.js'
import { firefox, inFirefox } from './firefox.js'
import { findDriver, findProgram } from './programs.js'
import { EMPTY, root } from './serve.js'

/** Also compile everything in Chromium's compatibility mode and in Firefox, whose compiler is Deno's: a minute more. */
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

/** The losses of Node on one of Dawn's drivers, once for each. */
const known = new Map<string, Promise<number[]>>()
function inNode(adapter: 'lavapipe' | 'swiftshader', driver: string, baseline: boolean): Promise<number[]> {
  const key = `${adapter} ${baseline}`
  const compute = async () => {
    Object.assign(process.env, { RADIOGRAD_ADAPTER: adapter, VK_DRIVER_FILES: driver })
    const { train } = await import(pathToFileURL(join(folder, 'readme.gen.js')).href)
    return train(radiograd, { baseline })
  }
  if (!known.has(key)) known.set(key, compute())
  return known.get(key)!
}

/** How far losses are off, relatively. */
function compare(name: string, answer: Answer, losses: readonly number[]): number {
  const off = Math.max(...losses.map((loss, i) => Math.abs(answer.losses[i] / loss - 1)))
  const { adapter, pipelines, skipped, errors } = answer.compiled ?? { errors: [] }
  const compiled = adapter === undefined ? '' : ` on ${adapter}, ${pipelines} pipelines, ${skipped} variants skipped`
  console.log(`${name}${compiled}: losses off by ${off.toExponential(1)}`)
  assert.equal(errors, [])
  if (pipelines !== undefined) assert.ok(pipelines > 100, `${pipelines}`)
  assert.is(answer.losses.length, 3)
  assert.ok(off < 2e-5, `${name}: ${answer.losses}, Node: ${losses}`)
  return off
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

/** Adds a test, or says why not. */
function engine(name: string, missing: string | false, run: () => Promise<void>): void {
  if (missing) console.log(`skip: ${missing} found, ${name} was not tried`)
  else test(name, run)
}

/** What ask.ts exports, in each implementation; a failure is thrown. */
type Calls = { ask: typeof ask; tenSteps: typeof tenSteps }
type Run = <K extends keyof Calls>(call: K, options: Parameters<Calls[K]>[0]) => ReturnType<Calls[K]>

const inDeno = (async (call, options) => {
  const program = `import { ${call} } from '${pathToFileURL(join(root, 'dist', ASK)).href}'
    console.log('answer ' + JSON.stringify(await ${call}(${JSON.stringify(options)})))
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
  return answer ? JSON.parse(answer[1]) : assert.unreachable(stderr || stdout)
}) as Run

const firefoxOn = (async (call, options) => {
  const script = `return (await import('${ASK}')).${call}(${JSON.stringify(options)})`
  const answer = JSON.parse(await inFirefox(script, lavapipe!))
  return 'error' in answer ? assert.unreachable(answer.error) : answer
}) as Run

const chromiumOn = (compatibilityOn?: string) =>
  ((call, options) =>
    inPage(
      { '/': EMPTY },
      (page) =>
        page.evaluate(async ([path, call, options]) => (await import(path))[call](options), [
          ASK,
          call,
          options,
        ] as const),
      { compatibilityOn },
    )) as Run

engine('Deno', !deno ? 'no Deno' : !lavapipe && 'no lavapipe', async () => {
  compare('Deno', await inDeno('ask', { compile: true, baseline: true }), await inNode('lavapipe', lavapipe!, true))
})

engine('Firefox', !firefox ? 'no Firefox' : !lavapipe && 'no lavapipe', async () => {
  const there = await firefoxOn('ask', { compile: EVERYTHING, baseline: true })
  compare('Firefox', there, await inNode('lavapipe', lavapipe!, true))
})

// Its compiler is that of Dawn in Node, which compiles everything in check.test.ts.
engine('Chromium', !browser && 'no Chromium', async () => {
  const there = await chromiumOn()('ask', { compile: false, baseline: false })
  assert.is(compare('Chromium', there, await inNode('swiftshader', browser!.icd, false)), 0)
})

engine('Chromium in compatibility mode', !browser ? 'no Chromium' : !lavapipe && 'no lavapipe', async () => {
  const there = await chromiumOn(lavapipe)('ask', { compile: EVERYTHING, baseline: false })
  compare('Chromium in compatibility mode', there, await inNode('lavapipe', lavapipe!, true))
})

engine('Node on default limits without features, and on all there is', !lavapipe && 'no lavapipe', async () => {
  const [poor, rich] = [await inNode('lavapipe', lavapipe!, true), await inNode('lavapipe', lavapipe!, false)]
  compare('Node', { compiled: null, losses: poor }, rich)
})

if (EVERYTHING && (lavapipe || browser))
  test('ten steps of ResNet18 and of a small ViT; each reads the checkpoints of those before it', async () => {
    const nodeOn = (adapter: string, driver: string) =>
      (async (call, options) => {
        Object.assign(process.env, { RADIOGRAD_ADAPTER: adapter, VK_DRIVER_FILES: driver })
        return (await import('./ask.js'))[call](options as never)
      }) as Run
    const engines: { name: string; driver: 'lavapipe' | 'SwiftShader'; run: Run }[] = [
      ...(lavapipe ? [{ name: 'Node', driver: 'lavapipe' as const, run: nodeOn('lavapipe', lavapipe) }] : []),
      ...(lavapipe && deno ? [{ name: 'Deno', driver: 'lavapipe' as const, run: inDeno }] : []),
      ...(lavapipe && firefox ? [{ name: 'Firefox', driver: 'lavapipe' as const, run: firefoxOn }] : []),
      ...(browser
        ? [
            { name: 'Node', driver: 'SwiftShader' as const, run: nodeOn('swiftshader', browser.icd) },
            { name: 'Chromium', driver: 'SwiftShader' as const, run: chromiumOn() },
          ]
        : []),
    ]
    const answers: (Trained & { driver: string })[] = []
    for (const { name, driver, run } of engines) {
      const checkpoints = answers.map(({ checkpoint }) => checkpoint)
      const answer = await run('tenSteps', { checkpoints, baseline: driver === 'lavapipe' })
      const first = answers.find((other) => other.driver === driver) ?? answer
      for (const [model, losses] of Object.entries(answer.losses)) {
        const off = (from: Trained) => Math.max(...losses.map((loss, i) => Math.abs(loss / from.losses[model][i] - 1)))
        const [same, across] = [off(first), off(answers[0] ?? answer)]
        console.log(
          `${name} on ${driver}, ${model}: losses ${losses[0].toFixed(4)} to ${losses[9].toFixed(4)}, off by ` +
            `${same.toExponential(1)} on the same driver, ${across.toExponential(1)} from the first`,
        )
        assert.ok(same < 1e-5, `${name}, ${model}: ${losses}, before: ${first.losses[model]}`)
        assert.ok(across < 1e-4, `${name}, ${model}: ${losses}, first: ${answers[0]?.losses[model]}`)
      }
      answers.push({ ...answer, driver })
    }
    // And Node those of all others.
    const [{ run, driver }] = engines
    const checkpoints = answers.map(({ checkpoint }) => checkpoint)
    const last = await run('tenSteps', { checkpoints, baseline: driver === 'lavapipe' })
    for (const { logits } of [...answers, last])
      for (const [i, read] of logits.slice(1).entries())
        read.forEach((logit, j) => assert.ok(Math.abs(logit - answers[i].logits[0][j]) < 1e-4, `${read}`))
  })

test.run()
