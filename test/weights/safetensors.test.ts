// safetensors: exact round trips, and every breach of the format refused in one line that names the file.
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RadiogradError } from '../../src/util/check.js'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import { type TensorData, safetensorsBytes, toFloat32 } from '../../src/weights/safetensors.js'

const test = suite('safetensors')
const fixtures = new URL('../../../test/fixtures/weights/', import.meta.url)

/** A file with the given header and number of data bytes. */
function file(header: unknown, bytes: number, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const out = new Uint8Array(8 + text.length + bytes)
  new DataView(out.buffer).setBigUint64(0, length ?? BigInt(text.length), true)
  out.set(text, 8)
  return out
}

function refusal(bytes: Uint8Array): string {
  try {
    parseSafetensors(bytes, 'x.safetensors')
  } catch (error) {
    assert.instance(error, RadiogradError)
    const { message } = error as Error
    assert.match(message, /^x\.safetensors: /)
    assert.not.match(message, /\n/)
    return message
  }
  return 'accepted'
}

const entry = (from: number, to: number, shape = [(to - from) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [from, to],
})

test('reads what another writer wrote', async () => {
  const { tensors, metadata } = parseSafetensors(
    new Uint8Array(await readFile(new URL('good.safetensors', fixtures))),
    'good',
  )
  assert.equal(metadata, { format: 'pt' })
  assert.equal([...(tensors.get('a')!.data as Float32Array)], [1, 2])
  assert.equal(tensors.get('b'), { dtype: 'f32', shape: [2, 1], data: Float32Array.of(3, 4) })
})

test('what is written is read back, and equal input gives equal bytes', () => {
  const tensors = new Map<string, TensorData>([
    ['w', { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, -0, NaN, Infinity) }],
    ['n', { dtype: 'i64', shape: [], data: BigInt64Array.of(-5n) }],
    ['h', { dtype: 'f16', shape: [3], data: Uint16Array.of(0x3c00, 0xfbff, 0x0001) }],
    ['u', { dtype: 'u8', shape: [3], data: Uint8Array.of(1, 2, 3) }],
  ])
  const bytes = safetensorsBytes(tensors, { metadata: { b: '2', a: '1' } })
  const back = parseSafetensors(bytes, 'x')
  assert.equal(back.metadata, { a: '1', b: '2' })
  for (const [name, { dtype, shape, data }] of tensors) {
    const read = back.tensors.get(name)!
    assert.equal([read.dtype, read.shape], [dtype, shape])
    assert.equal(Buffer.from(read.data.buffer, read.data.byteOffset, read.data.byteLength), Buffer.from(data.buffer))
  }
  assert.equal(safetensorsBytes(new Map([...tensors].reverse()), { metadata: { a: '1', b: '2' } }), bytes)
  assert.is((8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))) % 8, 0)
})

test('16-bit floats widen exactly', () => {
  const half = toFloat32({
    dtype: 'f16',
    shape: [6],
    data: Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000),
  })
  assert.equal([...half], [1, -2, 2 ** -24, 65504, Infinity, -0])
  assert.equal([...toFloat32({ dtype: 'bf16', shape: [2], data: Uint16Array.of(0x3f80, 0xc040) })], [1, -3])
})

test('breaches of the format', () => {
  const good = { a: entry(0, 8), b: entry(8, 16) }
  assert.is(refusal(file(good, 16)), 'accepted')
  assert.match(refusal(file(good, 16, 1n << 60n)), /header claims 1152921504606846976 bytes/)
  assert.match(refusal(new Uint8Array(3)), /3 bytes/)
  assert.match(refusal(file('{"a":', 0)), /not JSON/)
  assert.match(refusal(file('[1]', 0)), /not an object/)
  assert.match(refusal(file({ a: entry(0, 8), b: entry(4, 12) }, 12)), /'b' overlaps/)
  assert.match(refusal(file({ a: entry(0, 8), b: entry(12, 16) }, 16)), /hole/)
  assert.match(refusal(file(good, 20)), /4 bytes belong to no tensor/)
  assert.match(refusal(file(good, 12)), /lies at 8…16 of 12/)
  assert.match(refusal(file({ a: entry(8, 0, [2]) }, 8)), /lies at 8…0/)
  assert.match(refusal(file({ a: entry(0, 8, [3]) }, 8)), /\[3\] F32 does not fit its 8 bytes/)
  assert.match(refusal(file({ a: entry(0, 8, [2], 'F8_E4M3') }, 8)), /F8_E4M3/)
  assert.match(refusal(file({ a: entry(0, 8, [-2]) }, 8)), /lacks a shape/)
  assert.match(
    refusal(
      file(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        8,
      ),
    ),
    /twice/,
  )
  assert.match(refusal(file({ __metadata__: { n: 1 } }, 0)), /__metadata__/)
})

test('a header of any length, also in a Buffer that starts at an odd address', () => {
  for (const name of ['a', 'ab', 'abc', 'abcd']) {
    const bytes = file({ [name]: entry(0, 8) }, 8)
    const odd = Buffer.alloc(bytes.length + 1)
    odd.set(bytes, 1)
    assert.is(parseSafetensors(odd.subarray(1), 'x').tensors.get(name)!.data.length, 2)
  }
})

test('a file cut anywhere is refused', async () => {
  const bytes = new Uint8Array(await readFile(new URL('good.safetensors', fixtures)))
  for (let length = 0; length < bytes.length; length++) assert.is.not(refusal(bytes.slice(0, length)), 'accepted')
})

test.run()
