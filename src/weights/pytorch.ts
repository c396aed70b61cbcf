// PyTorch checkpoints (torch.save since 1.6): a zip of one pickle and the raw bytes of each storage. Builds tensors and
// containers only.
import { RadiogradError, check, formatShape, numel } from '../util/check.js'
import { Global, unpickle } from './pickle.js'
import { type StoredDType, type TensorData, asArray, bytesPerElement } from './safetensors.js'
import { readZip } from './zip.js'

const storages: Record<string, StoredDType | 'any'> = {
  FloatStorage: 'f32',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  DoubleStorage: 'f64',
  LongStorage: 'i64',
  IntStorage: 'i32',
  ShortStorage: 'i16',
  CharStorage: 'i8',
  ByteStorage: 'u8',
  BoolStorage: 'bool',
  UntypedStorage: 'any',
}
const dtypes: Record<string, StoredDType> = {
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  float64: 'f64',
  int64: 'i64',
  int32: 'i32',
  int16: 'i16',
  int8: 'i8',
  uint8: 'u8',
  bool: 'bool',
}
/** Names whose call gives nothing a state dict needs: the first argument, or null. */
const inert = new Set([
  'torch.Size',
  'torch.device',
  'torch.serialization._get_layout',
  'builtins.set',
  'builtins.list',
  'builtins.tuple',
  '__builtin__.set',
])
const containers = new Set([
  'collections.OrderedDict',
  'builtins.dict',
  'argparse.Namespace',
  'collections.defaultdict',
])
const builders = new Set([
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_parameter',
])

/**
 * Elements a tensor may have beyond those of its storage (stride 0 repeats them): no small file may ask for much
 * memory.
 */
const MAX_EXPANDED = 1 << 24

interface StorageBytes {
  dtype: StoredDType | 'any'
  bytes: Uint8Array
}

/** A tensor as built; distinct from the containers around it. */
class Built {
  constructor(readonly tensor: TensorData) {}
}

/**
 * The state dict in a checkpoint: at the top, or under `state_dict`, `model` or `model_state_dict`; `module.` prefixes
 * are dropped.
 */
export function parsePytorch(bytes: Uint8Array, file: string): Map<string, TensorData> {
  const entries = readZip(bytes, file)
  const pickleName = [...entries.keys()].find((name) => /(^|\/)data\.pkl$/.test(name))
  check(pickleName, `${file}: not a PyTorch checkpoint, the zip holds no data.pkl`)
  const folder = pickleName.slice(0, -'data.pkl'.length)
  const read = new Map<string, Uint8Array>()
  const root = unpickle(entries.get(pickleName)!(), {
    file,
    knows: (name) =>
      inert.has(name) ||
      containers.has(name) ||
      builders.has(name) ||
      dtypeOf(name) !== null ||
      storageOf(name) !== null,
    call: (name, args) => {
      if (containers.has(name)) return new Map(Array.isArray(args[0]) ? (args[0] as [unknown, unknown][]) : [])
      if (name === 'torch._utils._rebuild_parameter') return args[0]
      if (builders.has(name)) return new Built(rebuild(args, file))
      if (inert.has(name)) return args[0] ?? null
      throw new RadiogradError(`${file}: refused to load, the pickle calls ${name}`)
    },
    persistent: (id): StorageBytes => {
      const [kind, type, key] = Array.isArray(id) ? id : []
      check(
        kind === 'storage' && type instanceof Global && storageOf(type.name),
        `${file}: its pickle is not valid, a storage is not named`,
      )
      let data = read.get(String(key))
      if (!data) {
        const entry = entries.get(`${folder}data/${key}`)
        check(entry, `${file}: storage ${key} is missing`)
        read.set(String(key), (data = entry()))
      }
      return { dtype: storageOf(type.name)!, bytes: data }
    },
  })
  return stateDict(root, file)
}

/** `torch.FloatStorage`, `torch.storage.UntypedStorage`, `torch.cuda.HalfStorage` → element type. */
function storageOf(name: string): StoredDType | 'any' | null {
  const match = /^torch(?:\.storage|\.cuda)?\.(\w+)$/.exec(name)
  return (match && storages[match[1]]) ?? null
}

function dtypeOf(name: string): StoredDType | null {
  const match = /^torch\.(\w+)$/.exec(name)
  return (match && Object.hasOwn(dtypes, match[1]) && dtypes[match[1]]) || null
}

/** torch._utils._rebuild_tensor[_v2](storage, offset, size, stride, …): row-major, whatever the strides were. */
function rebuild([storage, offset, size, stride]: readonly unknown[], file: string): TensorData {
  const integers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((v) => Number.isSafeInteger(v) && v >= 0)
  const { dtype, bytes } = (storage ?? {}) as StorageBytes
  check(
    bytes instanceof Uint8Array &&
      integers([offset]) &&
      integers(size) &&
      integers(stride) &&
      size.length === stride.length &&
      dtype !== 'any',
    `${file}: its pickle is not valid, a tensor is not described as PyTorch does`,
  )
  const count = numel(size)
  const last = (offset as number) + size.reduce((sum, s, i) => sum + (s - 1) * stride[i], 0)
  const available = Math.floor(bytes.length / bytesPerElement(dtype))
  check(
    count === 0 || last < available,
    () => `${file}: a tensor ${formatShape(size)} reaches past its storage of ${available} elements`,
  )
  const whole = asArray(dtype, bytes.subarray(0, available * bytesPerElement(dtype)))
  let expected = 1
  const contiguous = size.every((_, i) => {
    const at = size.length - 1 - i
    const fits = size[at] === 1 || stride[at] === expected
    expected *= size[at]
    return fits
  })
  const first = offset as number
  if (contiguous || count === 0)
    return { dtype, shape: size, data: whole.subarray(first, first + count) as TensorData['data'] }
  check(
    count <= Math.max(available, MAX_EXPANDED),
    () => `${file}: a tensor ${formatShape(size)} repeats the ${available} elements of its storage too often`,
  )
  const data = asArray(dtype, new Uint8Array(count * bytesPerElement(dtype)))
  const index = new Array<number>(size.length).fill(0)
  for (let i = 0, from = first; i < count; i++) {
    data[i] = whole[from]
    for (let d = size.length - 1; d >= 0; d--) {
      from += stride[d]
      if (++index[d] < size[d]) break
      from -= stride[d] * size[d]
      index[d] = 0
    }
  }
  return { dtype, shape: size, data }
}

function stateDict(root: unknown, file: string): Map<string, TensorData> {
  const tensors = new Map<string, TensorData>()
  if (root instanceof Map) {
    for (const [name, value] of root)
      if (value instanceof Built) tensors.set(String(name).replace(/^module\./, ''), value.tensor)
    if (tensors.size) return tensors
    for (const key of ['state_dict', 'model', 'model_state_dict'])
      if (root.has(key)) return stateDict(root.get(key), file)
  }
  throw new RadiogradError(
    `${file}: no state dict in it; it must be at the top or under state_dict, model or model_state_dict`,
  )
}
