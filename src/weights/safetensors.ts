// The safetensors format: an 8-byte length, a JSON header, raw little-endian data. Reader and writer; bytes in, bytes
// out.
import { RadiogradError, check, formatShape, numel } from '../util/check.js'
import { fromHalf } from '../util/half.js'

/** Element types a checkpoint may hold. */
export type StoredDType = 'f32' | 'f16' | 'bf16' | 'f64' | 'i64' | 'i32' | 'i16' | 'i8' | 'u8' | 'bool'

/** A tensor on the host, row-major. f16 and bf16 are kept as their 16 bits, bool as bytes. */
export interface TensorData {
  dtype: StoredDType
  shape: readonly number[]
  data: Float32Array | Float64Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint16Array | Uint8Array
}

const ARRAYS = {
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  f64: Float64Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i16: Int16Array,
  i8: Int8Array,
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

const names: Record<string, StoredDType> = {
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  F64: 'f64',
  I64: 'i64',
  I32: 'i32',
  I16: 'i16',
  I8: 'i8',
  U8: 'u8',
  BOOL: 'bool',
}
const MAX_HEADER = 100_000_000 // the reference implementation's limit

/** Reads a file; every rule of the format is checked, and a breach is one line that names the file. */
export function parseSafetensors(
  bytes: Uint8Array,
  file: string,
): { tensors: Map<string, TensorData>; metadata: Record<string, string> } {
  const fail = (why: string): never => {
    throw new RadiogradError(`${file}: not a valid safetensors file, ${why}`)
  }
  if (bytes.length < 8) fail(`it has ${bytes.length} bytes`)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER) || length > BigInt(bytes.length - 8))
    fail(`the header claims ${length} bytes, the file has ${bytes.length}`)
  const start = 8 + Number(length)
  const header = parseHeader(new TextDecoder().decode(bytes.subarray(8, start)), fail)
  const data = bytes.subarray(start)
  const tensors = new Map<string, TensorData>()
  let metadata: Record<string, string> = {}
  const spans: [number, number, string][] = []
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isObject(entry) || Object.values(entry).some((v) => typeof v !== 'string'))
        fail('__metadata__ must map names to texts')
      metadata = entry as Record<string, string>
      continue
    }
    const { dtype: label, shape, data_offsets: offsets } = (isObject(entry) ? entry : {}) as Record<string, unknown>
    const dtype = names[String(label)]
    if (!dtype) fail(`tensor '${name}' has the dtype ${String(label)}, which is not supported`)
    const integers = (list: unknown): list is number[] =>
      Array.isArray(list) && list.every((v) => Number.isSafeInteger(v) && v >= 0)
    if (!integers(shape) || !integers(offsets) || offsets.length !== 2)
      return fail(`tensor '${name}' lacks a shape or offsets`)
    const [from, to] = offsets
    if (from > to || to > data.length) fail(`tensor '${name}' lies at ${from}…${to} of ${data.length} data bytes`)
    if (numel(shape) * bytesPerElement(dtype) !== to - from)
      fail(`tensor '${name}' ${formatShape(shape)} ${dtype} does not fit its ${to - from} bytes`)
    spans.push([from, to, name])
    tensors.set(name, { dtype, shape, data: asArray(dtype, data.subarray(from, to)) })
  }
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  let end = 0
  for (const [from, to, name] of spans) {
    if (from !== end) fail(`tensor '${name}' ${from < end ? 'overlaps another' : 'leaves a hole before it'}`)
    end = to
  }
  if (end !== data.length) fail(`${data.length - end} bytes belong to no tensor`)
  return { tensors, metadata }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parseHeader(text: string, fail: (why: string) => never): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch {
    return fail('its header is not JSON')
  }
  if (!isObject(header)) return fail('its header is not an object')
  // JSON.parse lets the last of two equal keys win: tensor entries are counted in the text as well.
  const entries = text.match(/"data_offsets"\s*:/g)?.length ?? 0
  if (entries !== Object.keys(header).filter((name) => name !== '__metadata__').length)
    return fail('a tensor name appears twice')
  return header
}

/**
 * Writes tensors in the order of their names, larger element types first, as the reference implementation does: equal
 * input, equal bytes.
 */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const label = Object.fromEntries(Object.entries(names).map(([name, dtype]) => [dtype, name]))
  const order = [...tensors].sort(
    ([a, x], [b, y]) => bytesPerElement(y.dtype) - bytesPerElement(x.dtype) || (a < b ? -1 : 1),
  )
  const header: Record<string, unknown> = {}
  if (Object.keys(metadata).length)
    header.__metadata__ = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)))
  let offset = 0
  for (const [name, { dtype, shape, data }] of order) {
    check(
      data.length === numel(shape),
      () => `safetensors: '${name}' ${formatShape(shape)} needs ${numel(shape)} elements, got ${data.length}`,
    )
    header[name] = { dtype: label[dtype], shape, data_offsets: [offset, (offset += data.byteLength)] }
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const start = 8 + Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(start + offset).fill(0x20, 8, start)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true)
  bytes.set(json, 8)
  let at = start
  for (const [, { data }] of order) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

/** The elements as f32; 16-bit floats are widened exactly. */
export function toFloat32({ dtype, data }: TensorData): Float32Array {
  if (data instanceof Float32Array) return data
  if (dtype === 'bf16') {
    const bits = new Uint32Array(data.length)
    for (let i = 0; i < bits.length; i++) bits[i] = (data as Uint16Array)[i] << 16
    return new Float32Array(bits.buffer)
  }
  if (dtype === 'f16') return fromHalf(data as Uint16Array)
  return Float32Array.from(data as ArrayLike<number | bigint>, Number)
}
