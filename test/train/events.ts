// Reads TensorBoard event files, for tests; shares nothing with what writes them. From TensorFlow's record_reader.cc,
// event.proto and summary.proto.
import * as assert from 'uvu/assert'

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

const number = (bytes: Field) => {
  const view = new DataView(Uint8Array.from(bytes as Uint8Array).buffer)
  return view.byteLength === 8 ? view.getFloat64(0, true) : view.getFloat32(0, true)
}
const words = (bytes: Field) => new TextDecoder('utf-8', { fatal: true }).decode(bytes as Uint8Array)

/** One `Event` message. */
export interface ReadEvent {
  wallTime: number
  step: number
  /** Of the first record of a file. */
  version: string | null
  scalars: Record<string, number>
}

/** Every record of a file; throws where a checksum is wrong or a field is none of these messages'. */
export function readEvents(file: Uint8Array): ReadEvent[] {
  return [...records(file)].map((record) => {
    const event: ReadEvent = { wallTime: NaN, step: 0, version: null, scalars: {} }
    for (const [field, value] of fields(record)) {
      if (field === 1) event.wallTime = number(value)
      else if (field === 2) event.step = Number(value)
      else if (field === 3) event.version = words(value)
      else {
        assert.is(field, 5, 'a field of Event')
        for (const [of, item] of fields(value as Uint8Array)) {
          const [[tagField, tag], [valueField, simple], ...rest] = fields(item as Uint8Array)
          assert.equal([of, tagField, valueField, rest.length], [1, 1, 2, 0])
          event.scalars[words(tag)] = number(simple)
        }
      }
    }
    return event
  })
}
