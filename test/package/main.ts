// The package as its users meet it: packed from a clean copy of this tree, installed into empty folders, compiled as
// strict TypeScript, bundled into pages. `npm run test:package`; it is no part of `npm test`, as it installs packages.
import { type ExecFileSyncOptions, execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { atAddress, browser } from '../browser/chromium.js'
import { root, serve } from '../browser/serve.js'

const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']

const test = suite('package')
const place = mkdtempSync(join(tmpdir(), 'radiograd-package-'))
const { devDependencies, exports: exported } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
/** Of code: `.`, `./worker` and so on. */
const ENTRIES = Object.keys(exported).filter((entry) => exported[entry].types)
let tarball = ''

test.after(() => rmSync(place, { recursive: true, force: true }))

const say = (text: string) => console.log(`package   ${text}`)

function run(cwd: string, command: string, ...args: string[]): string {
  const options: ExecFileSyncOptions = { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }
  try {
    return String(execFileSync(command, args, options))
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${command} ${args.join(' ')}: ${stdout.slice(-4000)}${stderr.slice(-4000)}`)
  }
}

/** A folder of its own with the packed package in it, and others. */
function consumer(name: string, ...packages: string[]): string {
  const folder = join(place, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  run(folder, 'npm', ...INSTALL, tarball, ...packages)
  return folder
}

/**
 * Compiles all `.ts` files in a folder; throws what the compiler says. Declarations of packages are checked too.
 */
function compile(folder: string, types: readonly string[]): void {
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    target: 'es2022',
    module: 'nodenext',
    types,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  run(folder, process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.')
}

test('npm pack makes the whole package from a clean copy', () => {
  const copy = join(place, 'copy')
  const files = run(root, 'git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0')
  for (const file of files.filter((f) => f && !f.startsWith('bench/results/'))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(join(root, file), join(copy, file), { force: true })
  }
  say('packing a clean copy: npm ci, build, declarations')
  const [packed] = JSON.parse(run(copy, 'npm', 'pack', '--json', '--prefer-offline', '--pack-destination', place))
  tarball = join(place, packed.filename)
  say(`${packed.size} bytes, ${packed.unpackedSize} unpacked, ${packed.files.length} files`)
  assert.ok(packed.size < 1_050_000) // of which the charts of reports, loaded when wanted, are 380 kB
  const paths = packed.files.map(({ path }: { path: string }) => path)
  const entries = ENTRIES.flatMap((entry) => Object.values<string>(exported[entry])).map((path) => path.slice(2))
  for (const needed of [...entries, 'dist/browser/index.js', 'dist/src/cli/main.js'])
    assert.ok(paths.includes(needed), needed)
  assert.equal(
    paths.filter((path: string) => /\.map$|^dist\/(test|bench)|^src|node_modules/.test(path)),
    [],
  )
})

test("with the compiler alone: the README's program, strict, every declaration checked; then it runs", () => {
  const folder = consumer('plain', `typescript@${devDependencies.typescript}`)
  const [, program] = /^```js\n([\s\S]*?)^```/m.exec(readFileSync(join(root, 'README.md'), 'utf8'))!
  writeFileSync(join(folder, 'readme.ts'), program)
  writeFileSync(join(folder, 'all.ts'), "export * from 'radiograd'\n")
  compile(folder, [])
  assert.is(run(folder, process.execPath, 'readme.js').trim().split('\n').length, 3)
  assert.match(run(folder, 'npx', '--no', 'radiograd', '--version'), /^\d+\.\d+\.\d+/)
})

test('every entry point by itself, strict, every declaration checked', () => {
  const folder = consumer('entries', `typescript@${devDependencies.typescript}`)
  for (const entry of ENTRIES) {
    writeFileSync(join(folder, 'all.ts'), `export * from 'radiograd${entry.slice(1)}'\n`)
    compile(folder, [])
  }
})

test('with the types of Node: all examples, strict; those that need no data run', () => {
  const folder = consumer('examples', `typescript@${devDependencies.typescript}`, `@types/node@20`)
  for (const file of readdirSync(join(root, 'examples')).filter((f) => f.endsWith('.ts')))
    cpSync(join(root, 'examples', file), join(folder, file))
  compile(folder, ['node'])
  const own = {
    'own-operator': [],
    'custom-cnn': [],
    'vit-new-head': [],
    'own-batches': [],
    'in-a-worker': [],
    unet: ['3', '16'],
  }
  for (const [name, args] of Object.entries(own))
    assert.match(run(folder, process.execPath, `${name}.js`, ...args), /\d\.\d/, name)
})

/** Whether packages can be fetched. */
const online = () => spawnSync('npm', ['ping', '--fetch-retries=0'], { timeout: 20_000 }).status === 0

test('pages packed by Vite, webpack and esbuild train in Chromium, by themselves and through a worker', async () => {
  if (!browser) return
  const folder = join(place, 'bundlers')
  cpSync(join(root, 'test/package/bundlers'), folder, { recursive: true })
  say('installing the bundlers')
  try {
    run(folder, 'npm', 'ci', ...INSTALL.slice(1))
  } catch (error) {
    if (online()) throw error
    return console.log('skip: the bundlers cannot be fetched, no page was packed')
  }
  run(folder, 'npm', ...INSTALL, '--no-save', tarball, `typescript@${devDependencies.typescript}`)
  compile(folder, [])
  const bundling = spawn(process.execPath, ['bundle.mjs'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    let development = ''
    for await (const line of createInterface(bundling.stdout)) {
      if (!line.startsWith('{')) continue
      development = JSON.parse(line).development
      break
    }
    assert.ok(development, 'bundle.mjs ended before it served')
    const visit = <T>(url: string) =>
      atAddress(url, async (page) => {
        await page.waitForFunction(() => 'result' in globalThis, null, { timeout: 300_000 })
        return page.evaluate(() => (globalThis as unknown as { result: T }).result)
      })
    const both = async (url: string): Promise<[Trained, InWorker]> => [
      await visit<Trained>(`${url}/page.html`),
      await visit<InWorker>(`${url}/train.html`),
    ]
    const results = { 'vite, developing': await both(development.replace(/\/$/, '')) }
    for (const bundler of ['vite', 'webpack', 'esbuild']) {
      const built = join(folder, 'built', bundler)
      const scripts = readdirSync(built, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.js'))
      const size = Math.max(...scripts.map((f) => gzipSync(readFileSync(join(built, f))).length))
      const server = await serve({}, { folder: built })
      Object.assign(results, { [bundler]: await both(server.url) })
      server.close()
      say(`${bundler}: ${scripts.length} files, the largest ${(size / 1000).toFixed(1)} kB gzipped`)
    }
    const [first] = Object.values(results)
    for (const [name, [inPage, inWorker]] of Object.entries(results)) {
      assert.equal(inPage.warnings, [], name)
      assert.ok(inPage.losses.length === 3 && inPage.losses[2] < inPage.losses[0], `${name}: ${inPage.losses}`)
      assert.ok(inWorker.losses.length === 3 && inWorker.losses[2] < inWorker.losses[0], `${name}: ${inWorker.losses}`)
      assert.is(inWorker.images, 8, name)
      assert.match(inWorker.refused, /^epochs: must be a whole number from 1 /)
      assert.equal([inPage, inWorker], first, name)
    }
  } finally {
    bundling.stdin.end()
  }
})

/** See bundlers/page.js. */
interface Trained {
  losses: number[]
  warnings: string[]
}

/** See bundlers/train.ts. */
interface InWorker extends Trained {
  /** Of the test. */
  images: number
  /** What epochs that are none came to. */
  refused: string
}

test.run()
