// PyTorch checkpoints: the zip that torch.save writes since 1.6 (one pickle, and the raw bytes of each storage) and the
// file of several pickles before. Builds tensors and containers only, and reads only the storages of the weights.
import { Budget } from '../util/budget.js'
import { fileError, printable } from '../util/check.js'
import { Dict, Inert, type PickleCosts, Sequence, unpickle } from './pickle.js'
import { Described, readPickle } from './rebuild.js'
import { type StoredDType, type TensorData, type Tensors, asArray, bytesPerElement } from './safetensors.js'
import { type ByteSource } from './source.js'
import { findWeights } from './wrappers.js'
import { type ZipCosts, readZip } from './zip.js'

type Costs = PickleCosts | ZipCosts | 'bytes of strided tensors'

const MIB = 2 ** 20
const MAX_LEGACY_PICKLES = 64 * MIB
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn
const LEGACY_PROTOCOL = 1001

/** What a file of `size` bytes may cost: together less than 512 MiB above its own size. */
function budgetFor(file: string, size: number): Budget<Costs> {
  return new Budget<Costs>(
    file,
    {
      entries: 100_000,
      'bytes unpacked': size + 160 * MIB,
      'pickle opcodes': 4_000_000,
      'bytes of pickled objects': 128 * MIB,
      'bytes of strided tensors': size + 64 * MIB,
    },
    60 + size / (10 * MIB),
  )
}

/** How the storages of a file are read. */
interface Storages {
  read(key: string): Promise<Uint8Array>
  bigEndian: boolean
}

/**
 * Reads the weights in a zip of torch.save.
 * @throws RadiogradError in one line that names the file, where it is damaged, hostile or something else
 */
export async function readPytorch(source: ByteSource, file: string): Promise<Tensors> {
  const budget = budgetFor(file, source.size)
  const entries = await readZip(source, file, budget)
  // As PyTorch: everything is in the folder of the first entry.
  const [first = ''] = entries.keys()
  const folder = first.slice(0, first.indexOf('/') + 1)
  const pickle = entries.get(`${folder}data.pkl`)
  if (!folder || !pickle)
    throw fileError(file, `not a PyTorch checkpoint, the zip holds ${contents([...entries.keys()])}`)
  if (entries.has(`${folder}constants.pkl`))
    throw fileError(
      file,
      'it holds a TorchScript program, not weights; convert it in Python with ' +
        'torch.save(torch.jit.load(file).state_dict(), other)',
    )
  const text = async (name: string) => {
    const entry = entries.get(folder + name)
    if (!entry || entry.size > 64) return null
    return new TextDecoder().decode(await entry.read()).trim()
  }
  const version = await text('version')
  if (!version || !/^\d{1,2}$/.test(version) || Number(version) < 1 || Number(version) > 10)
    throw fileError(file, `not a PyTorch checkpoint of a known version, got ${printable(version ?? 'none', 20)}`)
  const order = await text('byteorder')
  if (entries.has(`${folder}byteorder`) && order !== 'little' && order !== 'big')
    throw fileError(file, `its byte order must be little or big, got ${printable(order ?? 'a long text', 20)}`)

  const { value, classes } = readPickle(await pickle.read(), file, budget, (key, bytes) => {
    const entry = entries.get(`${folder}data/${key}`)
    if (!entry) throw fileError(file, `storage ${printable(key, 40)} is missing`)
    confirmSize(file, key, bytes, entry.size)
  })
  return weightsOf(value, classes, file, budget, {
    read: (key) => entries.get(`${folder}data/${key}`)!.read(),
    bigEndian: order === 'big',
  })
}

/** Reads the weights in a file of torch.save before 1.6, or of `_use_new_zipfile_serialization=False`. */
export async function readLegacyPytorch(source: ByteSource, file: string): Promise<Tensors> {
  const budget = budgetFor(file, source.size)
  const fail = (why: string): never => {
    throw fileError(file, `not a PyTorch checkpoint, ${why}`)
  }
  const bytes = await source.read(0, Math.min(source.size, MAX_LEGACY_PICKLES))
  let at = 0
  /** The next of the pickles that hold plain values. */
  const plain = () => {
    const none = () => fail('it is a pickle that torch.save did not write')
    const host = { file, budget, allows: none, call: none, create: none, persistent: none }
    const { value, end } = unpickle(bytes.subarray(at), host)
    at += end
    return value
  }
  if (plain() !== LEGACY_MAGIC) fail('it is a pickle that torch.save did not write')
  if (plain() !== LEGACY_PROTOCOL) fail('its protocol is not known')
  const system = plain()
  const little = system instanceof Dict ? system.entries.get('little_endian') : undefined
  if (typeof little !== 'boolean') fail('it does not say its byte order')
  const needs = new Map<string, number>()
  const { value, end, classes } = readPickle(bytes.subarray(at), file, budget, (key, size) => needs.set(key, size))
  at += end
  const keys = plain()
  if (!(keys instanceof Sequence)) return fail('its storages are not listed')
  // Behind the pickles each storage follows as the number of its elements and their bytes.
  const places = new Map<string, [from: number, to: number]>()
  for (const key of keys.items) {
    const size = needs.get(key as string)
    if (size === undefined) return fail('it lists a storage that no tensor has')
    if (at + 8 + size > source.size) throw fileError(file, `its storage ${printable(String(key), 40)} is cut off`)
    places.set(key as string, [at + 8, at + 8 + size])
    at += 8 + size
  }
  if (places.size !== needs.size) fail('a storage is not listed')
  return weightsOf(value, classes, file, budget, {
    bigEndian: !little,
    read: (key) => source.read(...places.get(key)!),
  })
}

/** What a zip is that is no checkpoint. */
function contents(names: readonly string[]): string {
  const inner = names.find((name) => /\.(?:pth|pt|bin|ckpt|safetensors|tar)$/i.test(name))
  if (inner) return `${printable(inner, 60)}; unpack it first`
  return names.some((name) => name.endsWith('.npy')) ? 'NumPy arrays; only PyTorch files are read' : 'no data.pkl'
}

function confirmSize(file: string, key: string, needed: number, found: number): void {
  if (needed > found) throw fileError(file, `storage ${printable(key, 40)} must have ${needed} bytes, got ${found}`)
}

const MOST_CLASSES = 5

/** Finds the state dict and reads its tensors, storage by storage. */
async function weightsOf(
  root: unknown,
  classes: ReadonlySet<string>,
  file: string,
  budget: Budget<Costs>,
  storages: Storages,
): Promise<Tensors> {
  const { path, dict } = findWeights(root, file)
  const notes: string[] = []
  if (path) notes.push(`the weights are those under ${printable(path, 80)}`)
  const byStorage = new Map<string, [name: string, Described][]>()
  const tensors = new Map<string, TensorData>()
  for (const [name, value] of dict.entries) {
    if (value instanceof Described && typeof name === 'string') {
      const { key } = value.storage
      const list = byStorage.get(key)
      if (list) list.push([name, value])
      else byStorage.set(key, [[name, value]])
      tensors.set(name, null as never) // keeps the order; filled below
    } else if (value instanceof Described || (value instanceof Inert && value.kind !== 'float')) {
      const kind = value instanceof Inert ? value.kind : 'a tensor without a name'
      notes.push(
        `${printable(typeof name === 'string' ? name : typeof name, 60)} is left out, it is ${printable(kind, 60)}`,
      )
    }
  }
  if (classes.size) {
    const some = [...classes].slice(0, MOST_CLASSES).map((name) => printable(name, 60))
    const more = classes.size > MOST_CLASSES ? ` and ${classes.size - MOST_CLASSES} more` : ''
    notes.push(`objects of ${some.join(', ')}${more} are left out`)
  }
  for (const [key, list] of byStorage) {
    const whole = await readStorage(list, await storages.read(key), storages.bigEndian)
    for (const [name, described] of list) tensors.set(name, elements(described, whole(described.dtype), budget))
  }
  return { tensors, metadata: {}, notes }
}

/** A storage's bytes as elements of a type; aligned, and little-endian, once for all tensors that share it. */
function readStorage(
  [[, { storage }]]: readonly [name: string, Described][],
  content: Uint8Array,
  bigEndian: boolean,
): (dtype: StoredDType) => TensorData['data'] {
  const size = storage.count * (storage.dtype ? bytesPerElement(storage.dtype) : 1)
  const bytes = content.subarray(0, size)
  const aligned = bytes.byteOffset % 8 ? new Uint8Array(bytes) : bytes
  const made = new Map<StoredDType, TensorData['data']>()
  return (dtype) => {
    const width = bytesPerElement(dtype)
    let data = made.get(dtype)
    if (!data) {
      const whole = aligned.subarray(0, size - (size % width))
      made.set(dtype, (data = asArray(dtype, bigEndian && width > 1 ? swapped(whole, width) : whole)))
    }
    return data
  }
}

/** A copy with the bytes of each element in the other order. */
function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const out = new Uint8Array(bytes.length)
  for (let i = 0; i < bytes.length; i += width) for (let b = 0; b < width; b++) out[i + b] = bytes[i + width - 1 - b]
  return out
}

/** A tensor, row-major whatever its strides were: a view of its storage where that is so already. */
function elements(
  { dtype, size, stride, offset }: Described,
  whole: TensorData['data'],
  budget: Budget<Costs>,
): TensorData {
  const count = size.reduce((product, s) => product * s, 1)
  let expected = 1
  const contiguous = size.every((_, i) => {
    const at = size.length - 1 - i
    const fits = size[at] === 1 || stride[at] === expected
    expected *= size[at]
    return fits
  })
  if (contiguous || count === 0) {
    const first = count ? offset : 0
    return { dtype, shape: size, data: whole.subarray(first, first + count) as TensorData['data'] }
  }
  budget.spend('bytes of strided tensors', count * bytesPerElement(dtype))
  const data = asArray(dtype, new Uint8Array(count * bytesPerElement(dtype)))
  // Rows of the last axis, whose first elements are found by counting through the other axes.
  const last = size.length - 1
  const index = new Array<number>(last).fill(0)
  for (let i = 0, from = offset; i < count;) {
    for (let c = 0; c < size[last]; c++) data[i++] = whole[from + c * stride[last]]
    for (let d = last - 1; d >= 0; d--) {
      from += stride[d]
      if (++index[d] < size[d]) break
      from -= stride[d] * size[d]
      index[d] = 0
    }
  }
  return { dtype, shape: size, data }
}
