// TensorBoard event files, as bytes: the TFRecord frame with its masked CRC-32C around an `Event` protocol message.
// Writes scalars only; where the bytes go is the caller's business.
//
//   record  = length u64 · mask(crc(length)) u32 · data · mask(crc(data)) u32, little endian
//   Event   = 1 wall_time double · 2 step int64 · 3 file_version string | 5 summary
//   Summary = 1 value*, each 1 tag string · 2 simple_value float
// From TensorFlow: lib/io/record_writer.cc, util/event.proto, framework/summary.proto.
import { check } from '../util/check.js'
import type { HistoryRow } from './history.js'

/** Castagnoli's polynomial, bits reversed. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1
  return byte
})

/** CRC-32C of the bytes (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8)
  return ~crc >>> 0
}

/** TFRecord never stores a plain CRC: a CRC of bytes that hold CRCs is weak. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** One TFRecord around `data`. */
function frame(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(bytes.subarray(0, 8)), true)
  bytes.set(data, 12)
  view.setUint32(12 + data.length, masked(data), true)
  return bytes
}

/** A whole number of 0 or more, seven bits a byte, lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return [...bytes, value]
}

/** A field of a protocol message: a key of number and wire type, then the value. */
const key = (field: number, wire: number): number => (field << 3) | wire
const whole = (field: number, value: number): number[] => [key(field, 0), ...varint(value)]
const double = (field: number, value: number): number[] => [
  key(field, 1),
  ...new Uint8Array(new Float64Array([value]).buffer),
]
const float = (field: number, value: number): number[] => [
  key(field, 5),
  ...new Uint8Array(new Float32Array([value]).buffer),
]
const bytes = (field: number, value: ArrayLike<number>): number[] => [
  key(field, 2),
  ...varint(value.length),
  ...Array.from(value),
]
const text = (field: number, value: string): number[] => bytes(field, new TextEncoder().encode(value))

/**
 * The first record of an event file, without which TensorBoard does not read it.
 * @param wallTime seconds since 1970.
 */
export function eventFileHeader(wallTime: number): Uint8Array {
  return frame(Uint8Array.from([...double(1, wallTime), ...text(3, 'brain.Event:2')]))
}

/**
 * One record with the values of some scalars, by tag, at a step: to be appended to an event file. Values are kept as
 * f32; NaN and infinities are written as they are, and TensorBoard marks them.
 * @param event.step 0 or more: epochs or optimizer steps.
 * @param event.wallTime seconds since 1970.
 * @throws where step is no whole number of 0 or more.
 */
export function scalarEvent(event: {
  step: number
  wallTime: number
  scalars: Readonly<Record<string, number>>
}): Uint8Array {
  const { step, wallTime, scalars } = event
  check(Number.isSafeInteger(step) && step >= 0, `tensorboard: step must be a whole number, 0 or more, got ${step}`)
  const values = Object.entries(scalars).flatMap(([tag, value]) => bytes(1, [...text(1, tag), ...float(2, value)]))
  return frame(Uint8Array.from([...double(1, wallTime), ...(step > 0 ? whole(2, step) : []), ...bytes(5, values)]))
}

/** The whole event file of one epoch: its losses and rates; what is undefined is left out. */
export function epochEvents(row: HistoryRow, wallTime = Date.now() / 1000): Uint8Array {
  const tags: Record<string, number> = {
    'loss/train': row.trainLoss,
    'loss/validation': row.valLoss,
    'accuracy/train': row.trainAccuracy,
    'accuracy/validation': row.valAccuracy,
    'auc/validation': row.valAuc,
    'learning rate': row.lr,
    'images per second': row.imagesPerSecond,
  }
  const scalars = Object.fromEntries(Object.entries(tags).filter(([, value]) => Number.isFinite(value)))
  const parts = [eventFileHeader(wallTime), scalarEvent({ step: row.epoch, wallTime, scalars })]
  const file = new Uint8Array(parts[0].length + parts[1].length)
  file.set(parts[0])
  file.set(parts[1], parts[0].length)
  return file
}
