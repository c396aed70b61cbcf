// Files are written whole or not at all.
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadCheckpoint, saveSafetensors } from '../../src/weights/load.js'
import { scratch } from '../cli/command.js'

const test = suite('checkpoint files')
const folder = () => scratch()
const tensors = (n: number) =>
  new Map([['w', { dtype: 'f32' as const, shape: [n], data: new Float32Array(n).fill(2) }]])

test('saved and loaded', async () => {
  const file = join(folder(), 'a.safetensors')
  await saveSafetensors(file, tensors(5), { metadata: { model: 'x' } })
  const { tensors: back, metadata } = await loadCheckpoint(file)
  assert.equal(metadata, { model: 'x' })
  assert.equal(back, tensors(5))
})

test('a folder that is missing, and a file that is, are named', async () => {
  const file = join(folder(), 'no', 'a.safetensors')
  for (const work of [() => saveSafetensors(file, tensors(1)), () => loadCheckpoint(file)]) {
    const message = await work().then(
      () => '',
      (error: Error) => error.message,
    )
    assert.ok(message.startsWith(`${file}: cannot be`), message)
    assert.match(message, /no such file or folder$/)
  }
})

test('when the disk refuses half-way, the earlier file stays and nothing else is left', () => {
  const dir = folder()
  const file = join(dir, 'a.safetensors')
  writeFileSync(file, 'earlier')
  const program = `import { saveSafetensors } from ${JSON.stringify(new URL('../../src/weights/load.js', import.meta.url).href)}
    process.on('SIGXFSZ', () => {})
    await saveSafetensors(${JSON.stringify(file)}, new Map([['w', { dtype: 'f32', shape: [1 << 20], data: new Float32Array(1 << 20) }]]))
      .then(() => console.log('written'), (error) => console.log(error.message))`
  // A limit on the size of files (512 KiB) stands in for a full disk: the write fails in the middle all the same.
  const out = execFileSync(
    'bash',
    ['-c', `ulimit -f 512; exec "$0" --input-type=module -e "$1"`, process.execPath, program],
    { encoding: 'utf8', cwd: process.cwd() },
  )
  assert.match(out, /a\.safetensors: cannot be written, it would grow over the allowed file size/)
  assert.is(readFileSync(file, 'utf8'), 'earlier')
  assert.equal(readdirSync(dir), ['a.safetensors'])
})

test.run()
