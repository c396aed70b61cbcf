// Writes PyTorch checkpoints for tests, honest and otherwise: zips whose directory may lie, and pickles opcode by opcode.
import { deflateRawSync } from 'node:zlib'
import { crc32 } from '../../src/util/crc32.js'

const encoder = new TextEncoder()
const number = (size: 2 | 4, value: number) =>
  Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 255)

/** What an entry's headers say instead of the truth. */
export interface Lies {
  /** 0 stored, 8 deflated. */
  method?: number
  crc?: number
  packed?: number
  size?: number
  offset?: number
  flags?: number
  /** Of the directory's record. */
  extra?: Uint8Array
  /** Has no bytes of its own: a directory record alone. */
  shared?: boolean
}

export type Entry = [name: string | Uint8Array, content: Uint8Array, lies?: Lies]

/** A zip archive. */
export function zip(entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let at = 0
  for (const [given, content, lies = {}] of entries) {
    const name = typeof given === 'string' ? encoder.encode(given) : given
    const { method = 0, extra = new Uint8Array(0), flags = 0 } = lies
    const body = method === 8 ? deflateRawSync(content) : content
    const { crc = crc32(content), packed = body.length, size = content.length, offset = at } = lies
    const sizes = [...number(4, crc), ...number(4, packed), ...number(4, size), ...number(2, name.length)]
    if (!lies.shared) {
      const head = [0x50, 0x4b, 3, 4, 20, 0, ...number(2, flags), ...number(2, method), 0, 0, 0, 0, ...sizes, 0, 0]
      parts.push(Uint8Array.from([...head, ...name]), body)
      at += head.length + name.length + body.length
    }
    const middle = [...number(2, extra.length), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...number(4, offset)]
    directory.push(
      Uint8Array.from([0x50, 0x4b, 1, 2, 0, 0, 20, 0, ...number(2, flags), ...number(2, method), 0, 0, 0, 0]),
      Uint8Array.from([...sizes, ...middle]),
      name,
      extra,
    )
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0)
  const counts = [...number(2, entries.length), ...number(2, entries.length)]
  const end = [0x50, 0x4b, 5, 6, 0, 0, 0, 0, ...counts, ...number(4, size), ...number(4, at), 0, 0]
  return joined([...parts, ...directory, Uint8Array.from(end)])
}

export function joined(parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** One value of a pickle, as its opcodes. */
export type Code = readonly number[]

export const text = (value: string): Code => {
  const bytes = encoder.encode(value)
  return [0x58, ...number(4, bytes.length), ...bytes]
}
export const global = (module: string, name: string): Code => [0x63, ...encoder.encode(`${module}\n${name}\n`)]
/** A whole number of any size, or a float. */
export function int(value: number): Code {
  if (!Number.isInteger(value)) return [0x47, ...new Uint8Array(Float64Array.of(value).buffer).reverse()]
  if (value >= -(2 ** 31) && value < 2 ** 31) return [0x4a, ...number(4, value)]
  return [0x8a, 9, ...Array.from({ length: 9 }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n))]
}
export const tuple = (...items: Code[]): Code => [0x28, ...items.flat(), 0x74]
export const list = (...items: Code[]): Code => [0x5d, 0x28, ...items.flat(), 0x65]
/** Keys and values in turn. */
export const dict = (...pairs: Code[]): Code => [0x7d, 0x28, ...pairs.flat(), 0x75]
/** `function(*items)` */
export const call = (callee: Code, ...items: Code[]): Code => [...callee, ...tuple(...items), 0x52]
/** An instance of a class with a state. */
export const instance = (callee: Code, state: Code): Code => [...callee, 0x29, 0x81, ...state, 0x62]
export const NONE: Code = [0x4e]
export const TRUE: Code = [0x88]
export const FALSE: Code = [0x89]
export const orderedDict = (...items: Code[]): Code => call(global('collections', 'OrderedDict'), ...items)
export const storage = (type: string, key: string, count: number): Code => [
  ...tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(count)),
  0x51,
]
export const tensor = (from: Code, offset: number, size: readonly number[], stride: readonly number[]): Code =>
  call(
    global('torch._utils', '_rebuild_tensor_v2'),
    from,
    int(offset),
    tuple(...size.map(int)),
    tuple(...stride.map(int)),
    FALSE,
    orderedDict(),
  )
/** A float tensor of one axis that is its storage `key`. */
export const vector = (key: string, count: number): Code => tensor(storage('FloatStorage', key, count), 0, [count], [1])

/** A whole pickle. */
export const pickle = (...code: Code[]): Uint8Array => joined([[0x80, 2], ...code, [0x2e]])

/** A checkpoint of a pickle and its storages, as torch.save lays them out. */
export function pth(
  data: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  { deflated = false, folder = 'archive', more = [] as Entry[] } = {},
): Uint8Array {
  const lies = deflated ? { method: 8 } : undefined
  return zip([
    [`${folder}/data.pkl`, data, lies],
    ...Object.entries(storages).map(([key, bytes]): Entry => [`${folder}/data/${key}`, bytes, lies]),
    [`${folder}/version`, encoder.encode('3\n')],
    ...more,
  ])
}

/** The bytes of f32 numbers. */
export const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)
