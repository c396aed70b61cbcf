// The safetensors format: an 8-byte length, a JSON header, raw little-endian data. Reader and writer.
import { Budget } from '../util/budget.js'
import { joined } from '../util/bytes.js'
import { check, fileError, formatShape, kindOf, numel, printable } from '../util/check.js'
import { fromHalf } from '../util/half.js'
import { type Json, parseJson } from './json.js'
import type { ByteSource } from './source.js'
import { withDefaults } from '../util/options.js'

/** Element types a checkpoint may hold. */
export type StoredDType =
  | 'f64'
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'f8_e4m3'
  | 'f8_e5m2'
  | 'i64'
  | 'i32'
  | 'i16'
  | 'i8'
  | 'u64'
  | 'u32'
  | 'u16'
  | 'u8'
  | 'bool'

/** A tensor on the host, row-major. Floats of 16 and 8 bits are kept as their bits, bool as bytes. */
export interface TensorData {
  dtype: StoredDType
  shape: readonly number[]
  data:
    | Float64Array
    | Float32Array
    | BigInt64Array
    | BigUint64Array
    | Int32Array
    | Uint32Array
    | Int16Array
    | Uint16Array
    | Int8Array
    | Uint8Array
}

const ARRAYS = {
  f64: Float64Array,
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  f8_e4m3: Uint8Array,
  f8_e5m2: Uint8Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i16: Int16Array,
  i8: Int8Array,
  u64: BigUint64Array,
  u32: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
  bool: Uint8Array,
} as const

/** Bytes as an array of the dtype; copied only when they are not aligned for it. */
export function asArray(dtype: StoredDType, bytes: Uint8Array): TensorData['data'] {
  const type = ARRAYS[dtype]
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes)
  return new type(aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.byteLength / type.BYTES_PER_ELEMENT)
}

export const bytesPerElement = (dtype: StoredDType) => ARRAYS[dtype].BYTES_PER_ELEMENT

/** The format's names: those above in capitals. */
const names = new Map((Object.keys(ARRAYS) as StoredDType[]).map((dtype) => [dtype.toUpperCase(), dtype]))

/** Bits of an element of the format's other types, which are checked and left out. */
const OTHERS = new Map([
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['C64', 64],
])

const MAX_HEADER = 100_000_000 // the reference implementation's limit
const MAX_TENSORS = 100_000
const MAX_VALUES = 1_000_000 // in the header's JSON
/** Neighbouring tensors are read together up to this many bytes. */
const PIECE = 1 << 26

/** A tensor's place in the bytes behind the header. */
interface Placed {
  name: string
  /** Null for element types that are left out. */
  dtype: StoredDType | null
  shape: number[]
  from: number
  to: number
}

/** What a file holds. */
export interface Tensors {
  tensors: Map<string, TensorData>
  metadata: Record<string, string>
  /** What was left out, a line each. */
  notes: string[]
}

/**
 * Reads a file by the rules of the reference implementation.
 * @throws RadiogradError in one line that names the file, when a rule is broken
 */
export async function readSafetensors(source: ByteSource, file: string): Promise<Tensors> {
  const length = headerLength(await source.read(0, Math.min(8, source.size)), source.size, file)
  const start = 8 + length
  const header = parseHeader(await source.read(8, start), source.size - start, file)
  const tensors = new Map<string, TensorData>()
  for (let i = 0; i < header.placed.length;) {
    const { from } = header.placed[i]
    let end = i + 1
    while (end < header.placed.length && header.placed[end].to - from <= PIECE) end++
    const last = header.placed[end - 1].to
    cut(header.placed.slice(i, end), await source.read(start + from, start + last), from, tensors)
    i = end
  }
  return { tensors, metadata: header.metadata, notes: header.notes }
}

/** As {@link readSafetensors} for a file in memory; tensors are views of it where they are aligned. */
export function parseSafetensors(bytes: Uint8Array, file: string): Tensors {
  const start = 8 + headerLength(bytes.subarray(0, 8), bytes.length, file)
  const { placed, metadata, notes } = parseHeader(bytes.subarray(8, start), bytes.length - start, file)
  const tensors = new Map<string, TensorData>()
  cut(placed, bytes.subarray(start), 0, tensors)
  return { tensors, metadata, notes }
}

/** Adds the tensors that lie in `bytes`, which begin at `from` behind the header. */
function cut(placed: readonly Placed[], bytes: Uint8Array, from: number, tensors: Map<string, TensorData>): void {
  for (const { name, dtype, shape, ...at } of placed)
    if (dtype) tensors.set(name, { dtype, shape, data: asArray(dtype, bytes.subarray(at.from - from, at.to - from)) })
}

const failing =
  (file: string) =>
  (why: string): never => {
    throw fileError(file, `not a valid safetensors file, ${why}`)
  }

function headerLength(first: Uint8Array, size: number, file: string): number {
  const fail = failing(file)
  if (first.length < 8) fail(`it has ${size} bytes`)
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER) || length > BigInt(size - 8))
    fail(`the header claims ${length} bytes, the file has ${size}`)
  return Number(length)
}

function parseHeader(
  bytes: Uint8Array,
  size: number,
  file: string,
): { placed: Placed[]; metadata: Record<string, string>; notes: string[] } {
  const fail = failing(file)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return fail('its header is not UTF-8')
  }
  if (!text.startsWith('{')) fail('its header is not an object')
  const budget = new Budget(file, { entries: MAX_VALUES, tensors: MAX_TENSORS }, 60)
  const header = parseJson(text, budget, fail) as Map<string, Json>
  const described = header.get('__metadata__') ?? new Map<string, Json>()
  header.delete('__metadata__')
  if (!(described instanceof Map) || [...described.values()].some((v) => typeof v !== 'string'))
    return fail('__metadata__ must map names to texts')
  const notes: string[] = []
  const placed = [...header].map(([name, entry]): Placed => {
    budget.spend('tensors')
    const shown = printable(name, 60)
    const field = (key: string) => (entry instanceof Map ? entry.get(key) : undefined)
    const label = field('dtype')
    const shape = field('shape')
    const offsets = field('data_offsets')
    const dtype = typeof label === 'string' ? names.get(label) : undefined
    const bits = dtype ? 8 * bytesPerElement(dtype) : typeof label === 'string' ? OTHERS.get(label) : undefined
    if (!bits)
      return fail(`tensor '${shown}' has the dtype ${typeof label === 'string' ? label : typeof label}, which is none`)
    const integers = (list: Json | undefined): list is number[] =>
      Array.isArray(list) && list.every((v) => typeof v === 'number')
    if (!integers(shape) || !integers(offsets) || offsets.length !== 2)
      return fail(`tensor '${shown}' lacks a shape or offsets`)
    const [from, to] = offsets
    if (from > to || to > size) fail(`tensor '${shown}' lies at ${from}…${to} of ${size} data bytes`)
    if (numel(shape) * bits !== 8 * (to - from))
      fail(`tensor '${shown}' ${formatShape(shape)} ${String(label)} does not fit its ${to - from} bytes`)
    if (!dtype) notes.push(`'${shown}' is left out, its dtype ${String(label)} is not supported`)
    return { name, dtype: dtype ?? null, shape, from, to }
  })
  placed.sort((a, b) => a.from - b.from || a.to - b.to)
  let end = 0
  for (const { name, from, to } of placed) {
    if (from !== end)
      fail(`tensor '${printable(name, 60)}' ${from < end ? 'overlaps another' : 'leaves a hole before it'}`)
    end = to
  }
  if (end !== size) fail(`${size - end} bytes belong to no tensor`)
  return { placed, metadata: Object.fromEntries(described) as Record<string, string>, notes }
}

/**
 * The bytes of a safetensors file: tensors by name, larger element types first, as the reference implementation writes
 * them: equal input, equal bytes.
 * @throws RadiogradError when a name cannot stand in such a file, or elements and shape do not agree
 */
export function safetensorsBytes(
  tensors: ReadonlyMap<string, TensorData>,
  options: { metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array<ArrayBuffer> {
  return joined(safetensorsParts(tensors, options))
}

/** {@link safetensorsBytes} in parts, so that large tensors need no second place in memory: the header, then each. */
export function safetensorsParts(
  tensors: ReadonlyMap<string, TensorData>,
  options: { metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array[] {
  const { metadata } = withDefaults('safetensorsBytes', options, { metadata: {} })
  check(
    tensors instanceof Map,
    () => `safetensors: tensors come as a Map, as await model.stateDict() gives; got ${kindOf(tensors)}`,
  )
  const order = [...tensors].sort(
    ([a, x], [b, y]) => bytesPerElement(y.dtype) - bytesPerElement(x.dtype) || (a < b ? -1 : 1),
  )
  const member = (name: string, value: unknown) => `${JSON.stringify(name)}:${JSON.stringify(value)}`
  const header: string[] = []
  const facts = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
  if (facts.length) header.push(`"__metadata__":{${facts.map(([key, value]) => member(key, value)).join()}}`)
  let offset = 0
  for (const [name, { dtype, shape, data }] of order) {
    check(
      data.length === numel(shape),
      () => `safetensors: '${name}' ${formatShape(shape)} needs ${numel(shape)} elements, got ${data.length}`,
    )
    check(
      name !== '__metadata__' && !/\p{Cs}/u.test(name),
      () => `safetensors: a tensor's name must be plain text and not __metadata__, got ${name}`,
    )
    const end = offset + data.byteLength
    header.push(member(name, { dtype: dtype.toUpperCase(), shape, data_offsets: [offset, end] }))
    offset = end
  }
  const json = new TextEncoder().encode(`{${header.join()}}`)
  const start = 8 + Math.ceil(json.length / 8) * 8
  const head = new Uint8Array(start).fill(0x20, 8)
  new DataView(head.buffer).setBigUint64(0, BigInt(start - 8), true)
  head.set(json, 8)
  return [head, ...order.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]
}

/** The elements as f32; floats of 16 and 8 bits are widened exactly. */
export function toFloat32({ dtype, data }: TensorData): Float32Array {
  if (data instanceof Float32Array) return data
  if (dtype === 'bf16') {
    const bits = new Uint32Array(data.length)
    for (let i = 0; i < bits.length; i++) bits[i] = (data as Uint16Array)[i] << 16
    return new Float32Array(bits.buffer)
  }
  if (dtype === 'f16') return fromHalf(data as Uint16Array)
  if (dtype === 'f8_e4m3') return Float32Array.from(data as Uint8Array, e4m3)
  // e5m2 is the upper half of a half.
  if (dtype === 'f8_e5m2') return fromHalf(Uint16Array.from(data as Uint8Array, (bits) => bits << 8))
  return Float32Array.from(data as ArrayLike<number | bigint>, Number)
}

/** One sign, four bits of exponent, three of fraction; no infinities (the "fn" kind, as PyTorch's float8_e4m3fn). */
function e4m3(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1
  const exponent = (bits >> 3) & 15
  const fraction = bits & 7
  if (exponent === 15 && fraction === 7) return NaN
  return sign * (exponent ? (1 + fraction / 8) * 2 ** (exponent - 7) : fraction * 2 ** -9)
}
