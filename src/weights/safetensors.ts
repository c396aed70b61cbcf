// Tensors on the host, and the safetensors format written: an 8-byte length, a JSON header, raw little-endian data.
// readSafetensors.ts reads it.
import { joined } from '../util/bytes.js'
import { check, formatShape, kindOf, numel } from '../util/check.js'
import { fromHalf } from '../util/half.js'
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

/** All element types. */
export const DTYPES = /* @__PURE__ */ Object.keys(ARRAYS) as StoredDType[]

/** Bytes as an array of the dtype; copied only when they are not aligned for it. */
export function asArray(dtype: StoredDType, bytes: Uint8Array): TensorData['data'] {
  const type = ARRAYS[dtype]
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes)
  return new type(aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.byteLength / type.BYTES_PER_ELEMENT)
}

export const bytesPerElement = (dtype: StoredDType) => ARRAYS[dtype].BYTES_PER_ELEMENT

/** What a file holds. */
export interface Tensors {
  tensors: Map<string, TensorData>
  metadata: Record<string, string>
  /** What was left out, a line each. */
  notes: string[]
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
  const { head, order } = safetensorsHead(tensors, options)
  return [head, ...order.map(bytesOf)]
}

/** An array's bytes, in the same memory. */
export const bytesOf = (data: TensorData['data']) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** What stands before the tensors of such a file, and their elements in the order in which they follow. */
export function safetensorsHead<T extends { length: number } = TensorData['data']>(
  tensors: ReadonlyMap<string, Pick<TensorData, 'dtype' | 'shape'> & { data: T }>,
  options: { metadata?: Readonly<Record<string, string>> } = {},
): { head: Uint8Array; order: T[] } {
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
    const end = offset + data.length * bytesPerElement(dtype)
    header.push(member(name, { dtype: dtype.toUpperCase(), shape, data_offsets: [offset, end] }))
    offset = end
  }
  const json = new TextEncoder().encode(`{${header.join()}}`)
  const start = 8 + Math.ceil(json.length / 8) * 8
  const head = new Uint8Array(start).fill(0x20, 8)
  new DataView(head.buffer).setBigUint64(0, BigInt(start - 8), true)
  head.set(json, 8)
  return { head, order: order.map(([, { data }]) => data) }
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
