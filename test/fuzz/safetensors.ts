// Fuzzes the safetensors reader: files near the rules of the format, and an independent reading of what was accepted.
import { Random } from '../../src/util/random.js'
import { readTensors } from '../../src/weights/load.js'
import type { TensorData, Tensors } from '../../src/weights/safetensors.js'
import { memorySource } from '../../src/weights/source.js'
import type { Campaign } from './campaign.js'
import { mutate, pick } from './mutate.js'

const SIZES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  C64: 8,
  F8_E8M0: 1,
  F4: 0.5,
}
const LEFT_OUT = new Set(['C64', 'F8_E8M0', 'F4'])
const ODD = '-1 -0 1.0 1e2 1e400 null "4" [] {} true 9007199254740992 9007199254740991 4294967296 [[1]] 0 01 NaN'.split(
  ' ',
)
const ODD_TYPES = ['constructor', '__proto__', 'toString', 'f32', '', 'F32 ', 'F4', 'x'.repeat(3000)]
  .map((name) => JSON.stringify(name))
  .concat('null', '["F32"]', '0', '{"toString":"F32"}', '[["F32"]]')
const NAMES = ['a', '__proto__', 'constructor', '__metadata__', 'data_offsets', '', '\u0000', 'é', 'a"b', 'dtype']
  .map((name) => JSON.stringify(name))
  .concat('"\\ud800"', '"\\u0061"', '"t0\\u002ew"', `"${'x'.repeat(3000)}"`)
const METADATA =
  '{} {"a":"b"} {"a":1} [] null "x" 3 {"__proto__":"x"} {"data_offsets":"x"} {"a":{"b":"c"}} {"f":"p","f":"n"}'.split(
    ' ',
  )
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

interface Entry {
  dtype: string
  shape: string[]
  data_offsets: string[]
}

/** Members of the header: names and values as JSON. */
type Members = [name: string, entry: Entry | string][]

const entryText = ({ dtype, shape, data_offsets }: Entry) =>
  `{"dtype":${dtype},"shape":[${shape}],"data_offsets":[${data_offsets}]}`

const written = (members: Members) =>
  `{${members.map(([name, entry]) => `${name}:${typeof entry === 'string' ? entry : entryText(entry)}`).join()}}`

function file(header: string | Uint8Array, data: Uint8Array, length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const out = new Uint8Array(8 + text.length + data.length)
  new DataView(out.buffer).setBigUint64(0, length ?? BigInt(text.length), true)
  out.set(text, 8)
  out.set(data, 8 + text.length)
  return out
}

function make(index: number): Uint8Array {
  const random = new Random(index)
  const members: Members = []
  let offset = 0
  for (let i = 1 + random.integer(5); i > 0; i--) {
    const dtype = pick(random, Object.keys(SIZES))
    const shape = Array.from({ length: random.integer(4) }, () => random.integer(4))
    const from = offset
    offset += Math.ceil(shape.reduce((a, b) => a * b, 1) * SIZES[dtype])
    members.push([
      `"t${members.length}.w"`,
      { dtype: `"${dtype}"`, shape: shape.map(String), data_offsets: [String(from), String(offset)] },
    ])
  }
  const data = Uint8Array.from({ length: offset }, () => random.integer(256))
  const member = pick(random, members)
  const entry = member[1] as Entry
  switch (index % 10) {
    case 0:
      return mutate(file(written(members), data), random)
    case 1: {
      const whole = file(written(members), data)
      const sizes = [0n, 1n, 7n, 8n, BigInt(whole.length), BigInt(whole.length - 8), BigInt(whole.length - 7)]
      const wide = [100000000n, 100000001n, 1n << 63n, 0xffffffffffffffffn, 1n << 53n, BigInt(random.integer(300))]
      return file(written(members), data, pick(random, [...sizes, ...wide]))
    }
    case 2:
      member[1] = entryText(entry).replace(
        pick(random, [/"[A-Z]\w*"/, /\[[^\]]*\]/, /\[[^\]]*\](?=\})/]),
        pick(random, ODD),
      )
      return file(written(members), data)
    case 3:
      entry.dtype = pick(random, ODD_TYPES)
      return file(written(members), data)
    case 4:
      entry.shape[random.integer(entry.shape.length + 1)] = pick(random, ODD)
      return file(written(members), data)
    case 5:
      entry.data_offsets[random.integer(3)] = random.integer(2)
        ? pick(random, ODD)
        : String(random.integer(data.length + 9))
      return file(written(members), data)
    case 6:
      member[0] = pick(random, NAMES)
      if (random.integer(2)) members.push([pick(random, NAMES), pick(random, members)[1]])
      return file(written(members), data)
    case 7:
      members.splice(random.integer(members.length + 1), 0, ['"__metadata__"', pick(random, METADATA)])
      return file(written(members), data)
    case 8: {
      const header = written(members)
      if (random.integer(2)) return file(mutate(new TextEncoder().encode(header), random, 4), data)
      const others = ['[]', 'null', '0', '""', '{', '{}', ' ', '', `\ufeff${header}`, `${header} `, ` ${header}`]
      const broken = [`${header}\0`, header.replace(/:/g, ' :\n'), header.replace('}', ',}'), `{"a":${deep(20000)}}`]
      const nested = [header.replace('}', `,"x":${deep(100)}}`), header.replace('}', `,"x":${deep(3000)}}`)]
      return file(pick(random, [...others, ...broken, ...nested]), data)
    }
    default:
      return file(written(members), random.integer(3) ? mutate(data, random, 3) : new Uint8Array(random.integer(100)))
  }
}

/** By hand and by the letter of the format: the first breach in a file that was accepted. */
function wrong(bytes: Uint8Array, { tensors }: Tensors): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = 8 + Number(view.getBigUint64(0, true))
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, start))
  if (!text.startsWith('{')) return 'a header that does not begin with {'
  const header = JSON.parse(text) as Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>
  const twice = repeatedKey(text)
  if (twice !== undefined) return `a key twice: ${twice}`
  const places: number[][] = []
  for (const [name, entry] of Object.entries(header)) {
    if (/\p{Cs}/u.test(name)) return 'half of a surrogate pair'
    if (name === '__metadata__') continue
    const { dtype, shape, data_offsets: at } = entry
    if (typeof dtype !== 'string' || !Object.hasOwn(SIZES, dtype)) return `the dtype ${JSON.stringify(dtype)}`
    const count = shape.reduce((a, b) => a * b, 1)
    if (count * SIZES[dtype] !== at[1] - at[0]) return `${name} does not fit its bytes`
    places.push(at)
    const found = tensors.get(name)
    if (!found) {
      if (LEFT_OUT.has(dtype)) continue
      return `${name} is lost`
    }
    if (String(found.shape) !== String(shape) || found.data.length !== count) return `${name} has another shape`
    const { buffer, byteOffset, byteLength } = found.data
    if (Buffer.compare(new Uint8Array(buffer, byteOffset, byteLength), bytes.subarray(start + at[0], start + at[1])))
      return `${name} has other values`
  }
  places.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  if (places.some(([from], i) => from !== (places[i - 1]?.[1] ?? 0))) return 'a hole or an overlap'
  if ((places.at(-1)?.[1] ?? 0) !== bytes.length - start) return 'bytes that belong to no tensor'
  if (/[-.eE]/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/true|false/g, '')))
    return 'a number that is no integer'
  return undefined
}

/** A key that one object of the text has twice. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = []
  let last = ''
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const key = JSON.parse(last) as string
      if (open.at(-1)!.has(key)) return key
      open.at(-1)!.add(key)
    } else last = token
  }
  return undefined
}

/** What a reference is asked about: dtype, shape, and values as text; and what was said to be left out. */
export function summary({ tensors, notes }: Tensors): unknown {
  const describe = ({ dtype, shape, data }: TensorData) => [dtype, shape, Array.from(data.subarray(0, 64), String)]
  return { notes, tensors: Object.fromEntries([...tensors].map(([name, tensor]) => [name, describe(tensor)])) }
}

export const campaign: Campaign<Tensors> = {
  make,
  read: (bytes) => readTensors(memorySource(bytes), 'x'),
  wrong,
  summary,
}
