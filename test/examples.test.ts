// Every program in examples/, run as it stands, each in a process of its own, on small generated data.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadCheckpoint } from '../src/index.js'
import { scratch } from './cli/command.js'
import { writeRadiographs } from './data/radiographs.js'

const test = suite('examples')
const root = fileURLToPath(new URL('../../', import.meta.url))
const place = scratch()
writeRadiographs(join(place, 'chest_xray'), { train: 24, test: 8, size: 32, seed: 1 })
const [picture] = readdirSync(join(place, 'chest_xray/test/NORMAL'))
const image = join(place, 'chest_xray/test/NORMAL', picture)

const program = (name: string) => join(root, 'dist/examples', `${name}.js`)
/** What an example prints, run where the data is. */
const run = (name: string, ...args: string[]) =>
  execFileSync(process.execPath, [program(name), ...args], { cwd: place, encoding: 'utf8' })
const numbers = (text: string, before: string) =>
  [...text.matchAll(new RegExp(`${before}(-?[\\d.e-]+)`, 'g'))].map((m) => Number(m[1]))

test('custom-cnn learns, and leaves a file with the names of PyTorch', async () => {
  const [first, , last] = numbers(run('custom-cnn'), 'loss ')
  assert.ok(last < first && last < 0.2, `${first} ${last}`)
  const { tensors } = await loadCheckpoint(join(place, 'custom-cnn.safetensors'))
  assert.equal(tensors.get('conv1.weight')!.shape, [8, 1, 3, 3])
})

test('own-batches', () => assert.match(run('own-batches'), /^epoch 1: [\d.]+ [\d.]+\nepoch 2: .*\nbest epoch \d$/m))

test('image-folder', () => {
  const [accuracy] = numbers(run('image-folder'), 'accuracy ')
  assert.ok(accuracy >= 0 && accuracy <= 1)
  assert.ok(existsSync(join(place, 'image-folder.safetensors')))
})

test('jpeg-to-tensor', () => assert.match(run('jpeg-to-tensor', image), /^Tensor\(f32 \[1, 64, 64, 3\]\) mean -?\d/))

test('vit-new-head', () => {
  const losses = numbers(run('vit-new-head'), 'loss ')
  assert.ok(losses.length === 3 && losses.every(Number.isFinite))
})

test('own-operator gives x · sigmoid(1.5 x)', () => {
  const [value] = run('own-operator')
    .match(/-?\d\.\d+/g)!
    .map(Number)
  assert.ok(Math.abs(value - -2 / (1 + Math.exp(3))) < 1e-6, String(value))
})

test('unet finds the lungs of unseen pictures better than before', () => {
  const [before, after] = numbers(run('unet', '50', '32'), 'loss ')
  assert.ok(after < 0.6 * before, `${before} ${after}`)
})

test('in-a-worker', () => {
  const text = run('in-a-worker')
  const losses = numbers(text, 'loss ')
  assert.ok(losses.length === 5 && losses[4] < losses[0], String(losses))
  assert.match(text, /weights: .*weight/)
})

let service: ChildProcess | undefined
test('resume-run, whose checkpoint inference-service answers with', async () => {
  assert.match(run('resume-run'), /^epoch 1: .*\nstopped\ngoes on\naccuracy [\d.]+$/m)
  service = spawn(process.execPath, [program('inference-service'), 'runs/resumed/best.safetensors', '0'], {
    cwd: place,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await createInterface(service.stdout!)[Symbol.asyncIterator]().next()).value.match(/http\S+/)
  const ask = async (body: Uint8Array) => {
    const response = await fetch(line, { method: 'POST', body: body as Uint8Array<ArrayBuffer> })
    return { status: response.status, answer: (await response.json()) as Record<string, number> }
  }
  const good = await ask(readFileSync(image))
  assert.is(good.status, 200, JSON.stringify(good.answer))
  assert.equal(Object.keys(good.answer), ['NORMAL', 'PNEUMONIA'])
  assert.ok(Math.abs(good.answer.NORMAL + good.answer.PNEUMONIA - 1) < 1e-5)
  const bad = await ask(new TextEncoder().encode('no image'))
  assert.is(bad.status, 400)
  const ended = new Promise((end) => service!.once('close', end))
  service.kill('SIGTERM')
  await ended
})
test.after(() => void service?.kill())

test('every program of examples/ is run here, or with what needs several processes', () => {
  const files = ['test/examples.test.ts', 'test/distributed/round.test.ts']
  const text = files.map((file) => readFileSync(join(root, file), 'utf8')).join()
  for (const file of readdirSync(join(root, 'examples')).filter((f) => f.endsWith('.ts')))
    assert.match(text, new RegExp(`['/]${file.replace(/\.ts$/, '')}(?:\\.js)?'`))
})

test.run()
