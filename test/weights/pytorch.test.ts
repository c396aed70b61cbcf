// PyTorch checkpoints: every kind of tensor torch.save writes, and nothing that a pickle may ask for beyond.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RadiogradError } from '../../src/util/check.js'
import { loadCheckpoint, readTensors } from '../../src/weights/load.js'
import { memorySource } from '../../src/weights/source.js'
import { toFloat32 } from '../../src/weights/safetensors.js'

const test = suite('PyTorch checkpoints')
const root = new URL('../../../', import.meta.url)
const fixture = async (name: string) => new Uint8Array(await readFile(new URL(`test/fixtures/weights/${name}`, root)))

const parse = (bytes: Uint8Array, name = 'x.pth') => readTensors(memorySource(bytes), name)

async function refusal(bytes: Uint8Array, name = 'x.pth'): Promise<string> {
  try {
    await parse(bytes, name)
  } catch (error) {
    assert.instance(error, RadiogradError, String((error as Error).stack))
    const { message } = error as Error
    assert.ok(message.startsWith(`${name}: `), message)
    assert.not.match(message, /\n/)
    return message
  }
  return 'accepted'
}

/** (row·6 + column)/8 - 1, as make.py's `base`. */
const base = (row: number, column: number) => (row * 6 + column) / 8 - 1

test('element types, views, shared storages and parameters', async () => {
  const { tensors } = await parse(await fixture('kinds.pth'))
  const all = Float32Array.from({ length: 24 }, (_, i) => i / 8 - 1)
  for (const name of ['f32', 'f16', 'bf16', 'f64']) {
    assert.is(tensors.get(name)!.dtype, name)
    assert.equal(tensors.get(name)!.shape, [4, 6])
    assert.equal(toFloat32(tensors.get(name)!), all)
  }
  assert.equal(tensors.get('i64')!.data, BigInt64Array.of(1n, -2n, 3n << 40n))
  assert.equal(tensors.get('count'), { dtype: 'i64', shape: [], data: BigInt64Array.of(7n) })
  assert.equal(tensors.get('bool')!.data, Uint8Array.of(1, 0))
  assert.equal(tensors.get('u8')!.data, Uint8Array.of(0, 255))
  assert.equal(tensors.get('transposed')!.shape, [6, 4])
  assert.equal(
    [...(tensors.get('transposed')!.data as Float32Array)],
    Array.from({ length: 24 }, (_, i) => base(i % 4, Math.floor(i / 4))),
  )
  assert.equal(
    [...(tensors.get('slice')!.data as Float32Array)],
    [base(1, 2), base(1, 3), base(1, 4), base(2, 2), base(2, 3), base(2, 4)],
  )
  assert.equal(
    [...(tensors.get('shared')!.data as Float32Array)],
    [5, 6, 7, 8].map((i) => i / 8 - 1),
  )
  assert.equal([...(tensors.get('expanded')!.data as Float32Array)], [1, 1, 1])
  assert.equal(tensors.get('empty')!.shape, [0, 3])
  assert.equal(
    [...(tensors.get('parameter')!.data as Float32Array)],
    [0, 1, 2, 3, 4, 5].map((c) => base(0, c)),
  )
})

test('a state dict below other things, with DataParallel prefixes', async () => {
  const { tensors } = await loadCheckpoint(new Blob([await fixture('nested.pth')]))
  assert.equal([...tensors.keys()], ['w', 'b'])
})

test('deflated entries are unpacked', async () => {
  assert.equal((await parse(await fixture('deflated.pth'))).tensors.get('w')!.shape, [4, 6])
})

test('a pickle that wants to call something is refused by name, and nothing runs', async () => {
  assert.match(
    await refusal(await fixture('evil_system.pth')),
    /^x\.pth: refused to load, the pickle asks for (posix|os)\.system$/,
  )
  assert.match(
    await refusal(await fixture('evil_hidden.pth')),
    /refused to load, the pickle asks for (posix|os)\.system$/,
  )
  assert.match(
    await refusal(await fixture('evil_eval.pth')),
    /refused to load, the pickle asks for (__builtin__|builtins)\.eval$/,
  )
  assert.not.ok(existsSync('pwned'))
})

test('the format before 1.6 is read too', async () => {
  const { tensors } = await parse(await fixture('legacy.pth'))
  assert.equal(tensors.get('w'), {
    dtype: 'f32',
    shape: [4, 6],
    data: Float32Array.from({ length: 24 }, (_, i) => i / 8 - 1),
  })
  const whole = await fixture('legacy.pth')
  for (let length = 0; length < whole.length; length += 11)
    assert.is.not(await refusal(whole.slice(0, length)), 'accepted')
})

test('a checkpoint cut anywhere, or with any byte of its pickle changed, is refused or read, never crashes', async () => {
  const bytes = await fixture('nested.pth')
  for (let length = 0; length < bytes.length; length += 7)
    assert.is.not(await refusal(bytes.slice(0, length)), 'accepted')
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice()
    damaged[at] ^= 0x55
    await refusal(damaged)
  }
})

test('the real checkpoints', async () => {
  const folder = fileURLToPath(new URL('../shared/weights/', root))
  if (!existsSync(folder)) return console.log('skip: no ../shared/weights, the real checkpoints were not read')
  const resnet = await loadCheckpoint(`${folder}resnet18_imagenet_to_layer3.pth`)
  assert.equal(resnet.tensors.get('conv1.weight')!.shape, [64, 3, 7, 7])
  const vit = await loadCheckpoint(`${folder}vit_tiny_patch16_224.pth`)
  assert.is(
    [...vit.tensors.values()].reduce((sum, t) => sum + t.data.length, 0),
    5717416,
  )
})

test.run()
