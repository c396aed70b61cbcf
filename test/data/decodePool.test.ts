// The decoding pool when something goes wrong: pictures that take too long, workers that die or cannot be loaded.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as esbuild from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DecodePool, type DecodePoolOptions, defaultWorkers } from '../../src/data/decodePool.js'
import { usableCores } from '../../src/data/pool.node.js'
import { fixturePath, folderOf, repository } from './fixtures.js'
import { chunk, png } from './made.js'
import { failure } from '../errors.js'

const test = suite('DecodePool')
const small = { path: 'small.png', file: fixturePath('rgb8.png'), steps: [] }
const blob = (bytes: Uint8Array): Blob => new Blob([bytes as Uint8Array<ArrayBuffer>])

test('a picture that takes too long is refused by name, its worker replaced, the others decoded', async () => {
  const [width, height] = [12000, 12000]
  const large = blob(png({ width, height, depth: 1, raw: new Uint8Array(height * (width / 8 + 1)) }))
  const pool = new DecodePool(1, { timeLimit: 0.5, maxPixels: 1e9 })
  const before = pool.decode({ ...small })
  const slow = failure(() => pool.decode({ path: 'large.png', file: large, steps: [] }))
  const after = pool.decode({ ...small })
  assert.is(await slow, 'large.png: must be decoded within 0.5 s, got a picture that takes longer')
  assert.equal([(await before).width, (await after).width], [11, 11])
  await pool.close()
})

test('workers follow the cores, as far as memory bears them', () => {
  const GiB = 2 ** 30
  assert.equal([usableCores(2, 8 * GiB), usableCores(16, 64 * GiB), usableCores(64, 16 * GiB)], [2, 16, 20])
  assert.is(usableCores(8, GiB / 2), 1)
  assert.ok(defaultWorkers() >= 1)
})

test('the limit of pixels holds with and without workers', async () => {
  for (const size of [0, 1]) {
    const pool = new DecodePool(size, { maxPixels: 98 })
    assert.match(await failure(() => pool.decode({ ...small })), 'small.png: must have at most 0.000098 million pixels')
    await pool.close()
  }
  for (const wrong of [{ maxPixels: 0 }, { timeLimit: 0 }] as DecodePoolOptions[])
    assert.match(await failure(() => new DecodePool(1, wrong)), 'must be above 0')
})

test('a worker that dies costs the picture it was at', async () => {
  const pool = new DecodePool(1)
  await pool.decode({ ...small })
  const first = failure(() => pool.decode({ ...small, path: 'first.png' }))
  const second = pool.decode({ ...small, path: 'second.png' })
  const { lanes } = pool as unknown as { lanes: Set<object> }
  const [lane] = lanes
  const { crashed } = pool as unknown as { crashed(lane: object, reason: string): void }
  crashed.call(pool, lane, 'out of memory')
  assert.is(await first, 'first.png: must be decodable, got a decoding worker that stopped (out of memory)')
  assert.is((await second).width, 11)
  assert.not.ok(lanes.has(lane))
  await pool.close()
})

test('a picture that may mislead is decoded with one warning', async () => {
  const dark = blob(png({ width: 1, height: 1, depth: 16, raw: Uint8Array.of(0, 1, 2) }))
  for (const size of [0, 1]) {
    const said: string[] = []
    const pool = new DecodePool(size, { onWarning: (message) => said.push(message) })
    for (const path of ['a.png', 'b.png']) await pool.decode({ path, file: dark, steps: [] })
    assert.is(said.length, 1)
    assert.match(said[0], 'a.png: 16-bit gray with values to 258 only')
    await pool.close()
  }
})

test('without the worker’s file this thread decodes, with one warning that names it', async () => {
  const dir = folderOf({ 'a/': '' })
  mkdirSync(join(dir, 'a'), { recursive: true })
  const outfile = join(dir, 'a', 'bundle.mjs')
  await esbuild.build({
    entryPoints: [join(repository, 'dist/src/data/decodePool.js')],
    bundle: true,
    platform: 'node',
    banner: { js: "import { createRequire as make } from 'node:module'; const require = make(import.meta.url)" },
    format: 'esm',
    outfile,
    logLevel: 'error',
  })
  const script = `
    import { DecodePool } from '${outfile}'
    const pool = new DecodePool(2)
    const task = { path: 'x', file: '${small.file}', steps: [] }
    const images = await Promise.all(Array.from({ length: 30 }, () => pool.decode(task)))
    console.log(images.length, images[29].width)
    await pool.close()`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 60000,
    encoding: 'utf8',
  })
  assert.equal([status, stdout], [0, '30 11\n'], stderr)
  assert.match(
    stderr,
    /^workers: the decoding worker could not be loaded from file:.*decode\.worker\.node\.js \(.*\); /,
  )
  assert.is(stderr.trim().split('\n').length, 1, stderr)
})

test('chunks of a made picture have the right checksum', () => {
  assert.equal(chunk('IEND', new Uint8Array()), Uint8Array.of(0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130))
})

test.run()
