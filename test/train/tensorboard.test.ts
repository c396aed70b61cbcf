// TensorBoard event files: byte for byte what TensorBoard's own writer makes, and read by a reader of this test's own.
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { crc32c, epochEvents, eventFileHeader, scalarEvent } from '../../src/train/tensorboard.js'
import { refused } from '../errors.js'

const test = suite('tensorboard')
const root = new URL('../../../', import.meta.url)

test("the same bytes as TensorBoard's writer", () => {
  const scalars = { 'loss/train': Math.LN2, 'loss/validation': NaN, auc: 1, größe: -1e-30 }
  const ours = Buffer.concat([
    eventFileHeader(1700000000.25),
    ...[0, 1, 300, 2 ** 40].map((step) => scalarEvent({ step, wallTime: 1700000001.5 + step, scalars })),
  ])
  const theirs = readFileSync(new URL('test/fixtures/train/tensorboard.tfevents', root))
  assert.equal([...ours], [...theirs])
})

/** CRC-32C bit by bit, not by the table under test. */
function slowCrc(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data)
    for (let bit = 0, b = byte; bit < 8; bit++, b >>= 1) {
      const carry = (crc ^ b) & 1
      crc = (crc >>> 1) ^ (carry ? 0x82f63b78 : 0)
    }
  return ~crc >>> 0
}

/** The records of a TFRecord file; throws where a checksum is wrong. */
function* records(file: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const expect = (data: Uint8Array, at: number) => {
    const rotated = (view.getUint32(at, true) - 0xa282ead8) >>> 0
    assert.is(((rotated << 15) | (rotated >>> 17)) >>> 0, slowCrc(data))
  }
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(file.subarray(at, at + 8), at + 8)
    expect(data, at + 12 + length)
    yield data
    at += 16 + length
  }
}

type Field = bigint | Uint8Array

/** The fields of a protocol message by number, in order. */
function fields(message: Uint8Array): [number, Field][] {
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      value |= BigInt(message[at] & 127) << shift
      if (message[at++] < 128) return value
    }
  }
  const take = (length: number) => message.subarray(at, (at += length))
  const found: [number, Field][] = []
  while (at < message.length) {
    const key = Number(varint())
    const wire = key & 7
    assert.ok([0, 1, 2, 5].includes(wire), `wire type ${wire}`)
    found.push([key >> 3, wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : Number(varint()))])
  }
  return found
}

test('a reader that shares nothing with the writer finds what was written', () => {
  const scalars = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`tag ${'x'.repeat(i)}`, Math.fround(1 / i)]))
  const file = Buffer.concat([eventFileHeader(5), scalarEvent({ step: 130, wallTime: 6.5, scalars })])
  const [header, event] = [...records(file)].map((record) => fields(record))
  const number = (bytes: Field) => {
    const view = new DataView(Uint8Array.from(bytes as Uint8Array).buffer)
    return view.byteLength === 8 ? view.getFloat64(0, true) : view.getFloat32(0, true)
  }
  const words = (bytes: Field) => new TextDecoder().decode(bytes as Uint8Array)
  assert.equal(Object.fromEntries(header.map(([n, v]) => [n, n === 1 ? number(v) : words(v)])), {
    1: 5,
    3: 'brain.Event:2',
  })
  const [[, wallTime], [, step], [, summary]] = event
  assert.is(number(wallTime), 6.5)
  assert.is(step, 130n)
  const values = fields(summary as Uint8Array).map(([n, value]) => {
    assert.is(n, 1)
    const [[, tag], [, simple]] = fields(value as Uint8Array)
    return [words(tag), number(simple)]
  })
  assert.equal(Object.fromEntries(values), scalars)
})

test("CRC-32C: RFC 3720's examples; a wrong step is refused; an epoch's file", () => {
  assert.is(crc32c(new TextEncoder().encode('123456789')), 0xe3069283)
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.is(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43)
  for (const step of [-1, 0.5, NaN])
    refused(
      () => scalarEvent({ step, wallTime: 0, scalars: {} }),
      `tensorboard: step must be a whole number, 0 or more, got ${step}`,
    )
  const row = { epoch: 3, trainLoss: 0.5, trainAccuracy: 1, valLoss: NaN, valAccuracy: NaN, valAuc: NaN, seconds: 1 }
  const file = epochEvents({ ...row, imagesPerSecond: 2, lr: 0.25 }, 10)
  const scalars = { 'loss/train': 0.5, 'accuracy/train': 1, 'learning rate': 0.25, 'images per second': 2 }
  const parts = [eventFileHeader(10), scalarEvent({ step: 3, wallTime: 10, scalars })]
  assert.equal([...file], [...parts[0], ...parts[1]], 'what is undefined is left out')
})

test.run()
