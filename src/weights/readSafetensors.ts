// The safetensors format read: an 8-byte length, a JSON header, raw little-endian data, by the rules of the reference
// implementation. Loaded where a file is read.
import { Budget } from '../util/budget.js'
import { fileError, formatShape, numel, printable } from '../util/check.js'
import { type Json, parseJson } from './json.js'
import { DTYPES, type StoredDType, type TensorData, type Tensors, asArray, bytesPerElement } from './safetensors.js'
import type { ByteSource } from './source.js'

/** The format's names: those above in capitals. */
const names = /* @__PURE__ */ new Map(/* @__PURE__ */ DTYPES.map((dtype) => [dtype.toUpperCase(), dtype]))

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
