// Plain data with large arrays in it as bytes, and back: the arrays as the tensors of a safetensors file, all else as
// JSON in its metadata, in front of it a checksum of everything. Numbers come back to the bit, NaN and infinities too.
import { check, fileError } from '../util/check.js'
import type { Parts } from '../util/bytes.js'
import { LateArray, release } from '../util/late.js'
import { sha256 } from '../util/sha256.js'
import { parseSafetensors } from '../weights/readSafetensors.js'
import { type TensorData, bytesOf, safetensorsHead } from '../weights/safetensors.js'

/** What can be packed: JSON's values, any number, maps with texts as keys, and arrays of these types, late ones too. */
export type Packable =
  | null
  | boolean
  | number
  | string
  | undefined
  | TensorData['data']
  | LateArray
  | readonly Packable[]
  | ReadonlyMap<string, Packable>
  | { readonly [key: string]: Packable }

const TYPES = { f32: Float32Array, f64: Float64Array, i64: BigInt64Array, i32: Int32Array, u8: Uint8Array } as const

/** Opens the file, before the checksum: 64 hexadecimal digits. */
const MAGIC = 'radstate'

/**
 * `value` as bytes, in parts that share the memory of its arrays, to be taken once. Late arrays are read twice, one at
 * a time, for the checksum and when their part is taken. Members that are undefined are left out.
 */
export async function pack(value: object): Promise<Parts> {
  const tensors = new Map<string, Pick<TensorData, 'dtype' | 'shape'> & { data: TensorData['data'] | LateArray }>()
  const plain = (v: unknown): unknown => {
    if (ArrayBuffer.isView(v) || v instanceof LateArray) {
      const types = Object.keys(TYPES) as (keyof typeof TYPES)[]
      const dtype = v instanceof LateArray ? 'f32' : types.find((name) => v instanceof TYPES[name])
      check(dtype, () => `pack: arrays must be of ${types.join(', ')}, got ${v.constructor.name}`)
      const name = String(tensors.size)
      const data = v as TensorData['data'] | LateArray
      tensors.set(name, { dtype, shape: [data.length], data })
      return { $array: name }
    }
    if (v instanceof Map) return { $map: [...v].map(([key, each]) => [key, plain(each)]) }
    if (typeof v === 'number' && !Number.isFinite(v)) return { $number: String(v) }
    if (Array.isArray(v)) return v.map(plain)
    if (typeof v === 'object' && v)
      return Object.fromEntries(Object.entries(v).map(([key, each]) => [key, plain(each)]))
    return v
  }
  const text = JSON.stringify(plain(value))
  const { head, order } = safetensorsHead(tensors, { metadata: { value: text } })
  const content = async function* (): AsyncGenerator<Uint8Array> {
    yield head
    for (const data of order) {
      if (!(data instanceof LateArray)) {
        yield bytesOf(data)
        continue
      }
      const values = await data.read()
      yield bytesOf(values)
      release(values)
    }
  }
  const sum = new TextEncoder().encode(MAGIC + (await digest(content())))
  return (async function* () {
    yield sum
    yield* content()
  })()
}

/**
 * What {@link pack} made bytes of. `file` is for messages.
 *
 * @throws RadiogradError unless these are the bytes that were packed, every one.
 */
export async function unpack(bytes: Uint8Array, file: string): Promise<unknown> {
  const length = MAGIC.length + 64
  const head = new TextDecoder().decode(bytes.subarray(0, length))
  const content = bytes.subarray(length)
  if (head !== MAGIC + (await digest([content]))) throw fileError(file, 'is not whole, its checksum differs')
  const { tensors, metadata } = parseSafetensors(content, file)
  const lively = (v: unknown): unknown => {
    if (Array.isArray(v)) return v.map(lively)
    if (typeof v !== 'object' || !v) return v
    if ('$array' in v) return tensors.get(v.$array as string)!.data
    if ('$map' in v) return new Map((v.$map as [string, unknown][]).map(([key, each]) => [key, lively(each)]))
    if ('$number' in v) return Number(v.$number)
    return Object.fromEntries(Object.entries(v).map(([key, each]) => [key, lively(each)]))
  }
  return lively(JSON.parse(metadata.value))
}

const PART = 8 << 20

/** SHA-256 of the SHA-256s of every 8 MiB, as hexadecimal digits: one call takes all that it is given into memory. */
export async function digest(parts: Parts): Promise<string> {
  const digests: string[] = []
  const window = new Uint8Array(PART)
  let filled = 0
  const close = async () => {
    digests.push(await sha256(window.subarray(0, filled)))
    filled = 0
  }
  for await (const part of parts)
    for (let at = 0; at < part.length;) {
      if (filled === PART) await close()
      const some = part.subarray(at, at + PART - filled)
      window.set(some, filled)
      filled += some.length
      at += some.length
    }
  await close()
  return sha256(new TextEncoder().encode(digests.join('')))
}
