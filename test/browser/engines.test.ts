// Every implementation of WebGPU that is found here compiles all kernels and runs the README's program, with the losses
// of Dawn in Node on the same driver: Deno and Firefox (wgpu) at default limits, Chromium, and its compatibility mode.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as esbuild from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as radiograd from '../../src/index.js'
import type { Answer, ask } from './ask.js'
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
function compare(name: string, answer: Answer | { error: string }, losses: readonly number[]): number {
  if ('error' in answer) return assert.unreachable(`${name}: ${answer.error}`) as never
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

engine('Deno', !deno ? 'no Deno' : !lavapipe && 'no lavapipe', async () => {
  const program = `import { ask } from '${pathToFileURL(join(root, 'dist', ASK)).href}'
    console.log('answer ' + JSON.stringify(await ask({ compile: true, baseline: true })))
    Deno.exit(0)`
  const { stdout, stderr } = spawnSync(deno!, ['run', '--allow-all', '--no-config', '-'], {
    input: program,
    encoding: 'utf8',
    cwd: tmpdir(),
    env: {
      ...process.env,
      VK_DRIVER_FILES: lavapipe,
      XDG_RUNTIME_DIR: tmpdir(),
      DENO_DIR: join(tmpdir(), 'radiograd-deno'),
      DENO_NO_UPDATE_CHECK: '1',
    },
  })
  const answer = /^answer (.*)$/m.exec(stdout)
  const there = answer ? JSON.parse(answer[1]) : { error: stderr || stdout }
  compare('Deno', there, await inNode('lavapipe', lavapipe!, true))
})

engine('Firefox', !firefox ? 'no Firefox' : !lavapipe && 'no lavapipe', async () => {
  const script = `return (await import('${ASK}')).ask({ compile: ${EVERYTHING}, baseline: true })`
  compare('Firefox', JSON.parse(await inFirefox(script, lavapipe!)), await inNode('lavapipe', lavapipe!, true))
})

const askPage = (options: Parameters<typeof ask>[0], compatibilityOn?: string): Promise<Answer> =>
  inPage(
    { '/': EMPTY },
    (page) => page.evaluate(async ([path, options]) => (await import(path)).ask(options), [ASK, options] as const),
    { compatibilityOn },
  )

// Its compiler is that of Dawn in Node, which compiles everything in check.test.ts.
engine('Chromium', !browser && 'no Chromium', async () => {
  const there = await askPage({ compile: false, baseline: false })
  assert.is(compare('Chromium', there, await inNode('swiftshader', browser!.icd, false)), 0)
})

engine('Chromium in compatibility mode', !browser ? 'no Chromium' : !lavapipe && 'no lavapipe', async () => {
  const there = await askPage({ compile: EVERYTHING, baseline: false }, lavapipe)
  compare('Chromium in compatibility mode', there, await inNode('lavapipe', lavapipe!, true))
})

engine('Node on default limits without features, and on all there is', !lavapipe && 'no lavapipe', async () => {
  const [poor, rich] = [await inNode('lavapipe', lavapipe!, true), await inNode('lavapipe', lavapipe!, false)]
  compare('Node', { compiled: null, losses: poor }, rich)
})

test.run()
