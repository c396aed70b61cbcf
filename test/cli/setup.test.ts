// Set-up where something is missing: no network, and a folder that cannot be written but is built.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fetchSwiftshader } from '../../src/gpu/swiftshader.node.js'
import { failure } from '../errors.js'

const test = suite('set-up')
const root = fileURLToPath(new URL('../../../', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'radiograd-setup-'))
const checkout = join(place, 'checkout')
for (const file of ['package.json', 'package-lock.json', 'src/setup.mjs', 'src/util/registry.js'])
  cpSync(join(root, file), join(checkout, file))
test.after(() => rmSync(place, { recursive: true, force: true }))

const NOWHERE = { npm_config_registry: 'http://127.0.0.1:9/', npm_config_https_proxy: '', npm_config_proxy: '' }

function setUp(options: { uid?: number } = {}) {
  const env = { ...process.env, ...NOWHERE, HTTPS_PROXY: '', https_proxy: '', npm_config_cache: join(place, 'cache') }
  const { status, stderr } = spawnSync(process.execPath, ['src/setup.mjs'], { cwd: checkout, env, ...options })
  return { status, lines: String(stderr).trim().split('\n') }
}

test('without a network one line says what is wanted and what else helps', () => {
  const { status, lines } = setUp()
  assert.is(status, 1)
  assert.is(lines.length, 1, lines.join('\n'))
  assert.match(lines[0], /^setup: the packages of package-lock.json are wanted and the npm registry cannot be reached/)
  assert.match(lines[0], /\(ECONNREFUSED at 127.0.0.1:9\); connect, name a proxy or a mirror .* or copy node_modules/)
})

test('so it is with the driver', async () => {
  const before = { ...process.env }
  Object.assign(process.env, NOWHERE, { HTTPS_PROXY: '', https_proxy: '', XDG_CACHE_HOME: join(place, 'none') })
  try {
    const message = await failure(() => fetchSwiftshader())
    const expected =
      /^SwiftShader: .* is wanted and the npm registry cannot be reached \(ECONNREFUSED at 127.0.0.1:9\);/
    if (process.platform === 'linux' && process.arch === 'x64') assert.match(message, expected)
  } finally {
    process.env = before
  }
})

test('a folder that is built and cannot be written runs as it is', () => {
  mkdirSync(join(checkout, 'dist/src/cli'), { recursive: true })
  mkdirSync(join(checkout, 'node_modules'))
  writeFileSync(join(checkout, 'dist/src/cli/main.js'), 'console.error(process.argv.slice(2).join())')
  writeFileSync(join(checkout, 'node_modules/.package-lock.json'), '')
  utimesSync(join(checkout, 'package-lock.json'), 0, 0)
  chmodSync(checkout, 0o555)
  chmodSync(place, 0o755)
  // Root may write everywhere.
  const { status, lines } = setUp(process.getuid?.() === 0 ? { uid: 65534 } : {})
  chmodSync(checkout, 0o755)
  assert.equal(lines, ['setup     this folder is read-only: running what was built in it', 'setup'])
  assert.is(status, 0)
})

test('of what a driver says only the lines about its limits are kept off a terminal or a pipe', () => {
  if (process.platform !== 'linux') return
  const module = join(root, 'dist/src/cli/driverWarnings.js')
  const native = "require('child_process').spawnSync('sh', ['-c', process.argv[2]], { stdio: 'inherit' }).status"
  const program = `const { withoutLimitWarnings } = await import(${JSON.stringify(module)})
    const { createRequire } = await import('node:module')
    const require = createRequire(import.meta.url)
    process.stderr.write('before\\n')
    const status = withoutLimitWarnings(() => ${native})
    process.stderr.write('after ' + status + '\\n')`
  writeFileSync(join(place, 'program.mjs'), program)
  const driver = 'echo Warning: maxX artificially reduced from 9 to 1. >&2; echo MESA: error >&2; exit 3'
  const run = (tail: string) =>
    spawnSync('sh', ['-c', `"$1" "$2" "$3" ${tail}`, '', process.execPath, join(place, 'program.mjs'), driver], {
      cwd: place,
    })
  assert.is(String(run('2>&1 | cat').stdout), 'before\nMESA: error\nafter 3\n')
  // A file is left alone: opened once more, it would be written from its beginning.
  run('2> log')
  const log = readFileSync(join(place, 'log'), 'utf8').split('\n')
  assert.equal(log, ['before', 'Warning: maxX artificially reduced from 9 to 1.', 'MESA: error', 'after 3', ''])
})

test.run()
