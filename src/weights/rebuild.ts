// What PyTorch's pickles are made of: which names they may use, and tensors described by their storage before any of it
// is read.
import type { Budget } from '../util/budget.js'
import { fileError, formatShape, numel, printable } from '../util/check.js'
import { Dict, Global, Inert, type PickleCosts, Sequence, refused, unpickle } from './pickle.js'
import { type StoredDType, bytesPerElement } from './safetensors.js'

/** The bytes that tensors share; read later, and only if needed. */
export interface Storage {
  key: string
  /** Null where each tensor says it for itself. */
  dtype: StoredDType | null
  /** Of the elements, or of bytes where there is no dtype. */
  count: number
}

/** A tensor as the pickle describes it, checked against its storage. */
export class Described {
  constructor(
    readonly storage: Storage,
    readonly dtype: StoredDType,
    readonly offset: number,
    readonly size: readonly number[],
    readonly stride: readonly number[],
  ) {}
}

const STORAGES = new Map<string, StoredDType>([
  ['FloatStorage', 'f32'],
  ['HalfStorage', 'f16'],
  ['BFloat16Storage', 'bf16'],
  ['DoubleStorage', 'f64'],
  ['LongStorage', 'i64'],
  ['IntStorage', 'i32'],
  ['ShortStorage', 'i16'],
  ['CharStorage', 'i8'],
  ['ByteStorage', 'u8'],
  ['BoolStorage', 'bool'],
])
/** Element types that are not read; their tensors are left out. */
const OTHER_STORAGES = new Set([
  'ComplexFloatStorage',
  'ComplexDoubleStorage',
  'QInt8Storage',
  'QUInt8Storage',
  'QInt32Storage',
  'QUInt4x2Storage',
  'QUInt2x4Storage',
])
const DTYPES = new Map<string, StoredDType>([
  ['float64', 'f64'],
  ['float32', 'f32'],
  ['float16', 'f16'],
  ['bfloat16', 'bf16'],
  ['float8_e4m3fn', 'f8_e4m3'],
  ['float8_e5m2', 'f8_e5m2'],
  ['int64', 'i64'],
  ['int32', 'i32'],
  ['int16', 'i16'],
  ['int8', 'i8'],
  ['uint64', 'u64'],
  ['uint32', 'u32'],
  ['uint16', 'u16'],
  ['uint8', 'u8'],
  ['bool', 'bool'],
])

/**
 * Modules whose names in a pickle mean an attack; of Python's built-ins, those in `INERT` and `collection` may come.
 */
const DANGEROUS = new Set(
  (
    'os posix nt sys subprocess builtins __builtin__ importlib runpy pickle _pickle dill cloudpickle joblib shutil ' +
    'socket ctypes webbrowser code codeop pty pdb bdb timeit cProfile profile trace pip marshal multiprocessing ' +
    'asyncio functools operator types io _io requests urllib http httplib commands'
  ).split(' '),
)

/** What else of the torch module itself may be named: as a value, or as a class. */
const TORCH_NAMES =
  /^(?:Tensor|Generator|strided|jagged|(?:sparse|per)_\w+|\w+_format|channels_last|complex\w+|q\w+|\w+Tensor)$/

/** Names whose call gives an object that is no weight. */
const INERT = new Set([
  'torch.Size',
  'torch.device',
  'torch.serialization._get_layout',
  'torch._utils._rebuild_sparse_tensor',
  'torch._utils._rebuild_sparse_csr_tensor',
  'torch._utils._rebuild_nested_tensor',
  'torch._utils._rebuild_qtensor',
  'torch._utils._rebuild_meta_tensor_no_storage',
  '_codecs.encode',
  ...[
    'complex',
    'slice',
    'range',
    'xrange',
    'bytearray',
    'bytes',
    'int',
    'long',
    'float',
    'str',
    'unicode',
    'bool',
  ].flatMap(builtin),
  ...['numpy.core', 'numpy._core'].flatMap((core) => [
    `${core}.multiarray.scalar`,
    `${core}.multiarray._reconstruct`,
    `${core}.numeric._frombuffer`,
  ]),
  'numpy.dtype',
  'numpy.ndarray',
  ...['__randomstate_ctor', '__generator_ctor', '__bit_generator_ctor'].map((name) => `numpy.random._pickle.${name}`),
  ...['Path', 'PurePath', 'PosixPath', 'PurePosixPath', 'WindowsPath', 'PureWindowsPath'].flatMap((name) => [
    `pathlib.${name}`,
    `pathlib._local.${name}`,
  ]),
  ...['datetime', 'date', 'time', 'timedelta', 'timezone'].map((name) => `datetime.${name}`),
  'decimal.Decimal',
  'fractions.Fraction',
  'uuid.UUID',
  'collections.Counter',
  'collections.deque',
  'argparse.Namespace',
  'types.SimpleNamespace',
])

function builtin(name: string): string[] {
  return [`builtins.${name}`, `__builtin__.${name}`]
}

/** Names whose call is understood. */
const BUILDERS = new Set([
  ...['tensor', 'tensor_v2', 'tensor_v3', 'parameter', 'parameter_with_state'].map((n) => `torch._utils._rebuild_${n}`),
  'torch._tensor._rebuild_from_type_v2',
  'copyreg._reconstructor',
  'copy_reg._reconstructor',
  ...builtin('getattr'),
])

const DICTS = new Set(['collections.OrderedDict', 'collections.defaultdict', ...builtin('dict')])

/** Whether a known name is no class; of other names nobody can tell, and what they make is said to be left out. */
const isFunction = (name: string) =>
  BUILDERS.has(name) || /\.(?:_\w+|encode|scalar)$|^torch\.(?!device$)[a-z]\w*$/.test(name)

/** The kind of collection that a built-in name makes of another. */
function collection(name: string): Sequence['kind'] | null {
  const [, kind] = /^(?:builtins|__builtin__)\.(set|frozenset|list|tuple)$/.exec(name) ?? []
  return (kind as Sequence['kind']) ?? null
}

/** `torch.FloatStorage`, `torch.storage.UntypedStorage`, `torch.cuda.HalfStorage`: its last word. */
const storageName = (name: string) => /^torch(?:\.storage|\.cuda)?\.(\w+Storage)$/.exec(name)?.[1]

const NOT_A_TENSOR = 'a tensor is not described as PyTorch does'

interface Integers extends Sequence {
  items: number[]
}

const isStorageName = (name = '') => STORAGES.has(name) || OTHER_STORAGES.has(name) || name === 'UntypedStorage'

/** A pickle of torch.save as containers of Described tensors, and the classes of objects that were not understood. */
export function readPickle(
  bytes: Uint8Array,
  file: string,
  budget: Budget<PickleCosts>,
  /** Throws unless the file has that many bytes for a storage. */
  confirm: (key: string, bytes: number) => void,
): { value: unknown; end: number; classes: Set<string> } {
  const fail = (why: string): never => {
    throw fileError(file, `its pickle is not valid, ${why}`)
  }
  const storages = new Map<string, Storage | Inert>()
  const classes = new Set<string>()

  const tensor = (args: readonly unknown[], own: StoredDType | null): unknown => {
    const [storage, offset, size, stride, requiresGrad] = args
    if (storage instanceof Inert && isTensor(storage)) return storage // of an element type that is not read
    const integers = (list: unknown): list is Integers =>
      list instanceof Sequence && /list|tuple/.test(list.kind) && list.items.every((v) => isCount(v))
    const dtype = own ?? (storage as Storage | null)?.dtype
    if (!isStorage(storage) || !dtype || !isCount(offset) || !integers(size) || !integers(stride))
      return fail(NOT_A_TENSOR)
    if (size.items.length !== stride.items.length || typeof (requiresGrad ?? false) !== 'boolean')
      return fail(NOT_A_TENSOR)
    if (requiresGrad && !/f\d/.test(dtype)) fail('a tensor of whole numbers has a gradient')
    // Other sizes count although one is 0, as PyTorch has it.
    const count = numel(size.items)
    const extent = numel(size.items.map((s) => s || 1))
    const last = offset + size.items.reduce((sum, s, i) => sum + (s - 1) * stride.items[i], 0)
    const available = storage.dtype ? storage.count : Math.floor(storage.count / bytesPerElement(dtype))
    if (!Number.isSafeInteger(extent) || (count > 0 && !(last < available)))
      throw fileError(file, `a tensor ${formatShape(size.items)} reaches past its storage of ${available} elements`)
    return new Described(storage, dtype, offset, [...size.items], [...stride.items])
  }

  const call = (name: string, args: readonly unknown[]): unknown => {
    const kind = collection(name)
    if (kind) {
      const { items } = args[0] instanceof Sequence ? args[0] : new Sequence(kind, [], true)
      budget.spend('bytes of pickled objects', 8 * items.length)
      return new Sequence(kind, [...items], kind === 'frozenset')
    }
    if (DICTS.has(name)) return dict(name, args)
    switch (name) {
      case 'torch._utils._rebuild_tensor':
        return args.length === 4 ? tensor(args, null) : fail(NOT_A_TENSOR)
      case 'torch._utils._rebuild_tensor_v2':
        return args.length === 6 || args.length === 7 ? tensor(args, null) : fail(NOT_A_TENSOR)
      case 'torch._utils._rebuild_tensor_v3': {
        const dtype = dtypeOf(args[6])
        if (!dtype) return new Inert(args[6] instanceof Global ? args[6].name : 'a tensor')
        return tensor(args, dtype)
      }
      case 'torch._utils._rebuild_parameter':
      case 'torch._utils._rebuild_parameter_with_state':
        if (args.length !== (name.endsWith('state') ? 4 : 3)) fail(NOT_A_TENSOR)
        return isTensor(args[0]) ? args[0] : fail(NOT_A_TENSOR)
      case 'torch._tensor._rebuild_from_type_v2': {
        const [builder, , inner] = args
        if (!(builder instanceof Global && inner instanceof Sequence)) return fail(NOT_A_TENSOR)
        if (builder.name === name) return fail(NOT_A_TENSOR)
        return call(builder.name, inner.items)
      }
      case 'copyreg._reconstructor':
      case 'copy_reg._reconstructor':
        return args[0] instanceof Global ? create(args[0].name) : fail('an object has no class')
      case 'builtins.getattr':
      case '__builtin__.getattr': // how Python 3.11 writes a member of an enumeration
        if (!(args.length === 2 && args[0] instanceof Global && classes.has(args[0].name))) throw refused(file, name)
        return new Inert(args[0].name)
    }
    // Of other names, classes make objects that are left out, and said to be; what a function gives nobody can tell.
    if (!INERT.has(name) && !(classes.has(name) && /\.[A-Z]\w*$/.test(name))) throw refused(file, name)
    return new Inert(name, true)
  }

  const dict = (name: string, args: readonly unknown[]): Dict => {
    const made = new Dict(name === 'collections.OrderedDict')
    const factory = name === 'collections.defaultdict' ? 1 : 0
    if (args.length > factory + 1 || (factory && args.length && !(args[0] === null || args[0] instanceof Global)))
      fail(`it calls ${name} with something else than it takes`)
    const from = args[factory]
    const pairs =
      from instanceof Dict
        ? [...from.entries]
        : from instanceof Sequence
          ? from.items.map(pairOf)
          : args.length > factory
            ? null
            : []
    if (!Array.isArray(pairs)) return fail(`it calls ${name} with something else than it takes`)
    budget.spend('bytes of pickled objects', 192 + 100 * pairs.length)
    for (const [key, value] of pairs as unknown[][]) {
      if (key instanceof Dict || (key instanceof Sequence && !key.hashable)) fail('a key of a dict is none')
      made.entries.set(key, value)
    }
    return made
  }
  const pairOf = (item: unknown): unknown[] =>
    item instanceof Sequence && item.items.length === 2 ? item.items : fail('an item of a dict is no pair')

  const create = (name: string, args: readonly unknown[] = []): unknown => {
    if (builtin('object').includes(name)) return args.length ? fail('an object takes nothing') : new Inert(name)
    if (DICTS.has(name)) return dict(name, [])
    if (!classes.has(name) && isFunction(name)) fail('it makes an instance of something that is no class')
    return new Inert(name, true)
  }

  const persistent = (id: unknown): unknown => {
    const [kind, type, key, location, count, view] = id instanceof Sequence && id.kind === 'tuple' ? id.items : []
    const name = type instanceof Global ? storageName(type.name) : undefined
    if (kind !== 'storage' || !name || typeof key !== 'string' || typeof location !== 'string' || !isCount(count))
      return fail('a storage is not named as PyTorch does')
    if ((view ?? null) !== null) throw fileError(file, 'a storage is a part of another one, which is not read')
    const dtype = STORAGES.get(name)
    if (OTHER_STORAGES.has(name)) return new Inert(`torch.${name}`)
    if (!dtype && name !== 'UntypedStorage') return fail('a storage is not named as PyTorch does')
    const known = storages.get(key)
    if (known instanceof Inert || (known && (known.dtype !== (dtype ?? null) || known.count !== count)))
      return fail(`storage ${printable(key, 40)} is named in two ways`)
    if (known) return known
    const storage = { key, dtype: dtype ?? null, count }
    confirm(key, count * (dtype ? bytesPerElement(dtype) : 1))
    storages.set(key, storage)
    return storage
  }

  const allows = (name: string) => {
    if (INERT.has(name) || DICTS.has(name) || collection(name) || builtin('object').includes(name)) return true
    if (BUILDERS.has(name) || isStorageName(storageName(name))) return true
    const [root, ...rest] = name.split('.')
    if (root === 'torch' && rest.length === 1) return DTYPES.has(rest[0]) || TORCH_NAMES.test(rest[0])
    if (root === 'collections' || DANGEROUS.has(root)) return false
    classes.add(name)
    return true
  }
  return { ...unpickle(bytes, { file, budget, allows, call, create, persistent }), classes }
}

function dtypeOf(value: unknown): StoredDType | null {
  const name = value instanceof Global ? /^torch\.(\w+)$/.exec(value.name)?.[1] : undefined
  return (name && DTYPES.get(name)) || null
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isStorage = (value: unknown): value is Storage =>
  typeof value === 'object' && value !== null && 'key' in value && 'count' in value

/** A tensor, or one of a kind that is not read. */
export const isTensor = (value: unknown): value is Described | Inert =>
  value instanceof Described || (value instanceof Inert && /^torch\./.test(value.kind))
