// Fuzzes the reader of PyTorch checkpoints: honest files changed, and lies about zip entries, storages, strides, names.
import { Random } from '../../src/util/random.js'
import { readTensors } from '../../src/weights/load.js'
import type { Tensors } from '../../src/weights/safetensors.js'
import { memorySource } from '../../src/weights/source.js'
import {
  type Code,
  type Entry,
  FALSE,
  NONE,
  call,
  dict,
  global,
  int,
  instance,
  list,
  orderedDict,
  pickle,
  pth,
  storage,
  tensor,
  text,
  tuple,
  zip,
} from '../weights/pth.js'
import type { Campaign } from './campaign.js'
import { mutate, pick } from './mutate.js'
import { summary } from './safetensors.js'

const TYPES: [storage: string, bytes: number][] = [
  ['FloatStorage', 4],
  ['HalfStorage', 2],
  ['BFloat16Storage', 2],
  ['DoubleStorage', 8],
  ['LongStorage', 8],
  ['IntStorage', 4],
  ['ShortStorage', 2],
  ['CharStorage', 1],
  ['ByteStorage', 1],
  ['BoolStorage', 1],
]
const ODD = [-1, 1.5, 2, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 62, 1e18, NaN, Infinity, 0, 65536, 2 ** 24]
const ODD_TYPES = ['UntypedStorage', 'constructor', '__proto__', 'float32', 'ComplexFloatStorage', 'QInt8Storage', 'X']
const DANGEROUS =
  'os.system posix.system subprocess.Popen builtins.eval builtins.exec builtins.getattr __builtin__.eval sys.exit ' +
  'webbrowser.open runpy.run_path pickle.loads torch.load torch.hub.load torch.jit.load functools.partial ' +
  'importlib.import_module ctypes.CDLL socket.socket copyreg._reconstructor collections.OrderedDict.__init__ ' +
  'constructor.constructor __proto__.__proto__ torch.constructor torch.storage._load_from_bytes builtins.object ' +
  'numpy.testing._private.utils.runstring operator.methodcaller types.CodeType io.open shutil.rmtree'
const FOLDERS = ['..', '/etc', '', 'a/../..', '\0', 'C:\\', '__proto__', 'é', 'x'.repeat(3000)]
const OPCODES = [
  ...'(.012BCFGIJKLMNPQRSTUVXabcdeghijlopqrstu})]'.split('').map((letter) => letter.charCodeAt(0)),
  ...Array.from({ length: 25 }, (_, i) => 0x80 + i),
]

interface Described {
  name: string
  type: string
  key: string
  count: number
  offset: number
  size: number[]
  stride: number[]
}

const described = (list: readonly Described[]): Code[] =>
  list.flatMap(({ name, type, key, count, offset, size, stride }) => [
    text(name),
    tensor(storage(type, key, count), offset, size, stride),
  ])

function make(index: number): Uint8Array {
  const random = new Random(index, 7)
  const storages: Record<string, Uint8Array> = {}
  const tensors = Array.from({ length: 1 + random.integer(3) }, (_, i): Described => {
    const [type, bytes] = pick(random, TYPES)
    const count = 1 + random.integer(30)
    const most = type === 'BoolStorage' ? 2 : 256
    storages[i] = Uint8Array.from({ length: count * bytes }, () => random.integer(most))
    const rows = 1 + random.integer(Math.min(4, count))
    const columns = Math.floor(count / rows)
    const stride = random.integer(3) ? [columns, 1] : [1, rows]
    return { name: `l${i}.weight`, type, key: String(i), count, offset: 0, size: [rows, columns], stride }
  })
  const one = pick(random, tensors)
  const honest = () => pth(pickle(dict(...described(tensors))), storages)
  switch (index % 12) {
    case 0:
      return mutate(honest(), random)
    case 1:
      return pth(mutate(pickle(dict(...described(tensors))), random, 4), storages)
    case 2: {
      const code = [...pickle(dict(...described(tensors)))]
      for (let i = 1 + random.integer(4); i > 0; i--)
        code.splice(
          2 + random.integer(code.length - 2),
          random.integer(3),
          pick(random, OPCODES),
          ...(random.integer(2) ? [random.integer(256)] : []),
        )
      return pth(Uint8Array.from(code), storages)
    }
    case 3:
      if (random.integer(2)) {
        const field = pick(random, [one.size, one.stride])
        field[random.integer(2)] = pick(random, ODD)
        if (!random.integer(3)) one.offset = pick(random, ODD)
      } else {
        one.size = Array.from({ length: random.integer(6) }, () => pick(random, [0, 1, 2, 2 ** 20, 2 ** 53 - 1]))
        one.stride = Array.from({ length: one.size.length }, () => pick(random, [0, 1, 2, 2 ** 40]))
      }
      return honest()
    case 4:
      if (random.integer(2)) one.type = pick(random, ODD_TYPES)
      else one.count = pick(random, ODD)
      return honest()
    case 5: {
      const [, module, name] = /^(.*)\.(\w+)$/.exec(pick(random, DANGEROUS.split(' ')))!
      const callee = random.integer(2) ? global(module, name) : [...text(module), ...text(name), 0x93]
      const use = pick<Code>(random, [
        call(callee, text('touch pwned')),
        instance(callee, dict()),
        [...callee, ...tuple(text('touch pwned')), 0x81],
        [0x28, ...callee, ...text('x'), 0x6f],
        callee,
        [0x82, random.integer(256)],
        [...callee, ...tuple(), ...dict(), 0x92],
      ])
      return pth(pickle([...use, 0x30], dict(...described(tensors))), storages)
    }
    case 6: {
      const out = honest()
      const view = new DataView(out.buffer)
      const end = out.length - 22
      const directory = view.getUint32(end + 16, true)
      const odd = () => pick(random, [0, 1, 0xffffffff, 0x7fffffff, out.length, end, directory, random.integer(500)])
      const at = pick(random, [end + 8, end + 10, end + 12, end + 16, end + 20])
      if (random.integer(2)) view.setUint32(Math.min(at, out.length - 4), odd(), true)
      else view.setUint16(directory + 4 + 2 * random.integer(21), random.integer(65536), true)
      return out
    }
    case 7:
      return zip64(tensors, storages, random)
    case 8: {
      const folder = pick(random, FOLDERS)
      return pth(pickle(dict(...described(tensors))), storages, { folder, deflated: !random.integer(2) })
    }
    case 9: {
      const odd = pick<Code>(random, [
        orderedDict(list(int(1))),
        orderedDict(list(text('ab'))),
        orderedDict(list(tuple(text('k'), int(1)))),
        orderedDict(tuple(int(1), int(2))),
        orderedDict(list(dict())),
        call(global('torch._utils', '_rebuild_parameter')),
        call(global('torch._utils', '_rebuild_tensor_v2')),
        call(global('torch._utils', '_rebuild_tensor_v2'), NONE),
        call(global('torch', 'Size'), tuple(int(1))),
        call(global('torch', 'device'), text('cpu')),
        call(global('torch._utils', '_rebuild_parameter'), described(tensors)[1], FALSE, orderedDict()),
        [0x5d, 0x71, 0, 0x68, 0, 0x61],
        [...tuple(text('storage'), int(1)), 0x51],
        [...NONE, 0x51],
        global('torch', 'float32'),
        [0x5d, 0x7d, 0x62],
        [0x7d, 0x7d, 0x62],
        [...orderedDict(), 0x7d, 0x62],
      ])
      const key = pick<Code>(random, [
        text('x'),
        int(1),
        NONE,
        tuple(int(1)),
        list(),
        dict(),
        tuple(list()),
        text('l0.weight'),
      ])
      return pth(pickle(dict(key, odd, ...described(tensors))), storages)
    }
    case 10: {
      const wrapped = dict(
        text('best'),
        tensor(storage('FloatStorage', 'b', 1), 0, [], []),
        text('state_dict'),
        dict(...described(tensors)),
      )
      const data = pickle(wrapped)
      return pth(mutate(data, random, 1 + random.integer(2)), { ...storages, b: new Uint8Array(4) }, { deflated: true })
    }
    default: {
      const whole = honest()
      return whole.subarray(0, random.integer(whole.length + 1))
    }
  }
}

/** Sizes and places in zip64's records, true and false. */
function zip64(
  tensors: readonly Described[],
  storages: Readonly<Record<string, Uint8Array>>,
  random: Random,
): Uint8Array {
  const odd = () =>
    pick(random, [0n, 5n, 1n << 31n, 1n << 40n, 1n << 63n, 0xffffffffffffffffn, BigInt(random.integer(500))])
  const entries: Entry[] = [
    ['a/data.pkl', pickle(dict(...described(tensors)))],
    ...Object.entries(storages).map(([key, bytes]): Entry => [`a/data/${key}`, bytes]),
    ['a/version', Uint8Array.of(0x33)],
  ]
  for (const entry of entries) {
    if (random.integer(3)) continue
    const extra = new Uint8Array(28)
    const view = new DataView(extra.buffer)
    view.setUint16(0, 1, true)
    view.setUint16(2, pick(random, [24, 24, 0, 8, 65535]), true)
    const sizes = random.integer(2) ? [BigInt(entry[1].length), BigInt(entry[1].length), 0n] : [odd(), odd(), odd()]
    sizes.forEach((size, i) => view.setBigUint64(4 + 8 * i, size, true))
    const full = 0xffffffff
    const which = random.integer(8)
    entry[2] = {
      extra,
      ...(which & 1 && { size: full }),
      ...(which & 2 && { packed: full }),
      ...(which & 4 && { offset: full }),
    }
  }
  const plain = zip(entries)
  if (random.integer(2)) return plain
  const end = plain.length - 22
  const out = new Uint8Array(plain.length + 76)
  const view = new DataView(out.buffer)
  out.set(plain.subarray(0, end))
  out.set(plain.subarray(end), end + 76)
  const or = (value: number) => (random.integer(4) ? BigInt(value) : odd())
  const was = new DataView(plain.buffer)
  view.setUint32(end, 0x06064b50, true)
  view.setBigUint64(end + 4, 44n, true)
  view.setBigUint64(end + 24, or(entries.length), true)
  view.setBigUint64(end + 32, or(entries.length), true)
  view.setBigUint64(end + 40, or(was.getUint32(end + 12, true)), true)
  view.setBigUint64(end + 48, or(was.getUint32(end + 16, true)), true)
  view.setUint32(end + 56, 0x07064b50, true)
  view.setBigUint64(end + 64, or(end), true)
  view.setUint32(end + 72, 1, true)
  view.setUint16(end + 76 + 10, 0xffff, true)
  view.setUint32(end + 76 + 16, 0xffffffff, true)
  return out
}

function wrong(_: Uint8Array, { tensors }: Tensors): string | undefined {
  for (const [name, { shape, data }] of tensors) {
    const count = shape.reduce((a, b) => a * b, 1)
    if (count !== data.length) return `${name} of ${data.length} elements has the shape [${shape}]`
  }
  return undefined
}

export const campaign: Campaign<Tensors> = {
  make,
  read: (bytes) => readTensors(memorySource(bytes), 'x'),
  wrong,
  summary,
}
