// Small checkpoints that ask for much, or for what they have not: each is refused in one line, by the size of the
// budget and not by what the machine has, or read for what it is.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RadiogradError } from '../../src/util/check.js'
import { readTensors } from '../../src/weights/load.js'
import { memorySource } from '../../src/weights/source.js'
import {
  type Code,
  type Entry,
  NONE,
  call,
  dict,
  floats,
  global,
  instance,
  int,
  joined,
  list,
  orderedDict,
  pickle,
  pth,
  storage,
  tensor,
  text,
  tuple,
  vector,
  zip,
} from './pth.js'

const test = suite('bombs')
const MIB = 2 ** 20

async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    return `accepted ${(await readTensors(memorySource(bytes), 'x')).tensors.size}`
  } catch (error) {
    assert.instance(error, RadiogradError, String((error as Error).stack))
    const { message } = error as Error
    assert.ok(message.startsWith('x: ') && message.length < 300, message.slice(0, 400))
    assert.not.match(message, /[\p{Cc}\p{Cf}]/u)
    return message
  }
}

/** `code` as often as a bomb wants it, deflated into a checkpoint. */
const repeated = (times: number, code: Code, before: Code = [], after: Code = []) =>
  pth(joined([[0x80, 4], before, ...Array<Code>(times).fill(code), after, [0x2e]]), {}, { deflated: true })

test('pickles: opcodes, objects, memo and marks are counted', async () => {
  const filled = (byte: number) => {
    const many = new Uint8Array(5 * MIB).fill(byte)
    return pth(joined([[0x80, 4, 0x4e], many, [0x2e]]), {}, { deflated: true })
  }
  for (const [what, byte] of Object.entries({ list: 0x5d, mark: 0x28, memo: 0x94 }))
    assert.match(await outcome(filled(byte)), /asks for more than \d+ (pickle opcodes|bytes of pickled objects)$/, what)
})

test('pickles: what is copied is counted each time', async () => {
  const pairs = Array.from({ length: 20000 }, (_, i) => tuple(int(i), NONE))
  const dictionary = [...list(...pairs), 0x71, 0, 0x30]
  const copies = (callee: Code) => repeated(1000, [...callee, 0x68, 0, 0x85, 0x52, 0x30], dictionary, [...NONE])
  for (const name of ['OrderedDict', 'set', 'list'])
    assert.match(
      await outcome(copies(name === 'OrderedDict' ? global('collections', name) : global('builtins', name))),
      /asks for more than \d+ bytes of pickled objects$/,
    )
  // A state is not copied into its dict.
  const items = [...dict(...Array.from({ length: 20000 }, (_, i) => [int(i), NONE]).flat()), 0x71, 0, 0x30]
  assert.match(await outcome(repeated(1000, [0x68, 0, 0x62], [...items, ...orderedDict()])), /holds no state dict/)
})

test('pickles: long numbers, shared and deep keys', async () => {
  const long = pth(joined([[0x80, 2, 0x8b, 0x40, 0x42, 0x0f, 0], new Uint8Array(1e6).fill(7), [0x2e]]))
  assert.match(await outcome(long), /a whole number has 1000000 bytes$/)
  const laughs = [
    ...text('lol'),
    0x85,
    0x71,
    0,
    ...Array.from({ length: 40 }, (_, i) => [0x68, i, 0x68, i, 0x86, 0x71, i + 1]).flat(),
  ]
  const state = pth(pickle(laughs, [0x30], dict([0x68, 40], vector('0', 1))), { 0: floats(1) })
  assert.match(await outcome(state), /holds no state dict/)
  assert.match(await outcome(pth(pickle(laughs, text('x'), [0x93]))), /a name is no text$/)
  const deep = [0x29, ...Array<number>(100000).fill(0x85)]
  assert.match(await outcome(pth(pickle(dict(deep, NONE)))), /holds no state dict/)
  assert.match(
    await outcome(
      pth(pickle(tuple(text('storage'), global('torch', 'FloatStorage'), deep, text('cpu'), int(1)), [0x51])),
    ),
    /a storage is not named/,
  )
  assert.match(await outcome(pth(pickle(dict(tuple(list()), NONE)))), /a key of a dict is none$/)
})

test('tensors that share or repeat a storage', async () => {
  const bytes = new Uint8Array(4 * 100_000)
  const views = Array.from({ length: 200 }, (_, i) => [
    text(`w${i}`),
    tensor(storage('FloatStorage', 'odd', 100_000), i, [1], [1]),
  ])
  const { tensors } = await readTensors(memorySource(pth(pickle(dict(...views.flat())), { odd: bytes })), 'x')
  const buffers = new Set([...tensors.values()].map(({ data }) => data.buffer))
  assert.is(buffers.size, 1, 'views of one storage, wherever it lies in the file')
  const expanded = Array.from({ length: 20 }, (_, i) => [
    text(`w${i}`),
    tensor(storage('DoubleStorage', '0', 1), 0, [1024, 1024], [0, 0]),
  ])
  assert.match(
    await outcome(pth(pickle(dict(...expanded.flat())), { 0: new Uint8Array(8) })),
    /bytes of strided tensors$/,
  )
  const past = tensor(storage('FloatStorage', '0', 4), 0, [2 ** 40, 2 ** 12], [0, 0])
  assert.match(await outcome(pth(pickle(dict(text('w'), past)), { 0: floats(1, 2, 3, 4) })), /strided tensors$/)
  for (const [offset, size, stride] of [
    [1, [4], [1]],
    [0, [2], [4]],
    [0, [2 ** 53 - 1, 2 ** 20, 0], [1, 1, 1]],
  ] as const)
    assert.match(
      await outcome(
        pth(pickle(dict(text('w'), tensor(storage('FloatStorage', '0', 4), offset, size, stride))), {
          0: floats(1, 2, 3, 4),
        }),
      ),
      /reaches past its storage of 4 elements$/,
    )
  const lie = pth(pickle(dict(text('w'), vector('0', 1000))), { 0: floats(1) })
  assert.match(await outcome(lie), /storage 0 must have 4000 bytes, got 4$/)
})

test('zip: sizes that lie, one content for many entries, and what miniz would not read', async () => {
  const data = pickle(dict(text('w'), vector('0', 1)))
  const version: Entry = ['a/version', Uint8Array.of(0x33)]
  const archive = (...[first, second]: [Entry[2]?, Entry[2]?]) =>
    zip([['a/data.pkl', data, first], ['a/data/0', floats(1), second], version])
  assert.is(await outcome(archive()), 'accepted 1')
  assert.match(await outcome(archive({ method: 8, size: 0xfffffffe })), /more than \d+ bytes unpacked$/)
  assert.match(await outcome(archive({ method: 8, size: data.length + 1 })), /'a\/data\.pkl' cannot be unpacked$/)
  assert.match(await outcome(archive({ method: 8, size: data.length - 1 })), /'a\/data\.pkl' cannot be unpacked$/)
  assert.match(await outcome(archive({}, { size: 5 })), /directory is damaged$/)
  assert.match(await outcome(archive({}, { crc: 1 })), /'a\/data\/0' is damaged$/)
  assert.match(await outcome(archive({}, { offset: 0 })), /two of its entries lie in one place$/)
  assert.match(await outcome(archive({ packed: data.length + 60, size: data.length + 60 })), /overlaps another entry$/)
  assert.match(await outcome(archive({ method: 12 })), /packed with method 12$/)
  assert.match(await outcome(archive({ flags: 1 })), /is encrypted$/)
  assert.match(await outcome(zip([['a/data.pkl', data], ['a/data.pkl', data], version])), /is in it twice$/)
  assert.match(
    await outcome(
      zip([
        ['a/data.pkl', data],
        ['a/data/0', floats(1)],
      ]),
    ),
    /of a known version, got none$/,
  )
  assert.match(await outcome(zip([['b/x', data], ['a/data.pkl', data], version])), /the zip holds no data\.pkl$/)
  assert.match(await outcome(zip([['a/data.pkl\0', data], version])), /directory is damaged$/)
})

test('names and classes: nothing is called, unknown calls are refused, texts are UTF-8', async () => {
  const beside = (code: Code) =>
    pth(pickle(dict(text('x'), code, text('state_dict'), dict(text('w'), vector('0', 1)))), { 0: floats(1) })
  for (const name of [
    'os.system',
    'posix.system',
    'builtins.eval',
    'subprocess.Popen',
    'torch.load',
    'torch.hub.load',
    'my.module.function',
    'collections.OrderedDict.__init__',
    'torch.storage._load_from_bytes',
    'numpy.testing._private.utils.runstring',
    'constructor.constructor',
    '__proto__.__proto__',
  ]) {
    const [, module, word] = /^(.*)\.(\w+)$/.exec(name)!
    const message = await outcome(beside(call(global(module, word), text('touch pwned'))))
    assert.is(message, `x: refused to load, the pickle asks for ${name}`)
  }
  // Python refuses to make instances of functions.
  for (const name of ['copyreg._reconstructor', '_codecs.encode', 'torch._utils._rebuild_tensor_v2', 'torch.float32']) {
    const [, module, word] = /^(.*)\.(\w+)$/.exec(name)!
    const message = await outcome(beside(instance(global(module, word), dict())))
    assert.match(message, /makes an instance of something that is no class$/, name)
  }
  assert.match(await outcome(beside(call(global('e\u001b[2J', 'f')))), /asks for e\\u\{1b\}\[2J\.f$/)
  const { tensors, notes } = await readTensors(
    memorySource(beside(instance(global('__main__', 'Config'), dict()))),
    'x',
  )
  assert.equal([...tensors.keys()], ['w'])
  assert.equal(notes, ["the weights are those under ['state_dict']", 'objects of __main__.Config are left out'])
  const bad: Code = [0x58, 2, 0, 0, 0, 0xff, 0xfe]
  assert.match(await outcome(pth(pickle(dict(bad, vector('0', 1))), { 0: floats(1) })), /a text is not UTF-8$/)
  assert.match(await outcome(pth(pickle([0x7d, 0x7d, 0x62]))), /sets the state of something that has none$/)
})

test('safetensors: headers that are deep, long or double', async () => {
  const file = (header: string, bytes = 0) => {
    const encoded = new TextEncoder().encode(header)
    const length = new Uint8Array(BigUint64Array.of(BigInt(encoded.length)).buffer)
    return joined([length, encoded, new Uint8Array(bytes)])
  }
  const entry = (dtype: string, more = '', key = 'data_offsets') =>
    `{"dtype":${dtype},"shape":[1],"${key}":[0,4]${more}}`
  assert.is(await outcome(file(`{"a":${entry('"F32"')}}`, 4)), 'accepted 1')
  assert.is(await outcome(file(`{"__metadata__":{"data_offsets":"x"},"a":${entry('"F32"')}}`, 4)), 'accepted 1')
  assert.is(await outcome(file(`{"__metadata__":null,"a":${entry('"F32"', ',"x":[1.5]')}}  \n`, 4)), 'accepted 1')
  const bad: [string, RegExp][] = [
    [`\ufeff{"a":${entry('"F32"')}}`, /not an object$/],
    [` {"a":${entry('"F32"')}}`, /not an object$/],
    [`{"a":${entry('"F32"')},"\\u0061":${entry('"F32"')}}`, /'a' appears twice/],
    [`{"a":${entry('"F32"', '', 'data_offs\\u0065ts')},"a":${entry('"F32"')}}`, /'a' appears twice/],
    [`{"a":${entry('"F32"', ',"dtype":"F32"')}}`, /'dtype' appears twice/],
    [`{"__metadata__":{"a":"b","a":"c"}}`, /'a' appears twice/],
    [`{"a":${entry('"constructor"')}}`, /has the dtype constructor, which is none$/],
    [`{"a":${entry('"__proto__"')}}`, /which is none$/],
    [`{"a":${entry('{"toString":"F32"}')}}`, /has the dtype object, which is none$/],
    [`{"a":${entry('null')}}`, /which is none$/],
    [`{"a":${entry('['.repeat(200000))}}`, /nested deeper than 127$/],
    [`{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}`, /lacks a shape or offsets$/],
    [`{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,4]}}`, /lacks a shape or offsets$/],
    [`{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}`, /lacks a shape or offsets$/],
    [`{"\\ud800":${entry('"F32"')}}`, /half of a surrogate pair/],
    [`{"\\u001b]0;owned\\u0007":${entry('"X"')}}`, /tensor '\\u\{1b\}\]0;owned\\u\{7\}' has the dtype X/],
    [`{"a":${entry('"F32"')},}`, /not JSON/],
    [`{"a":${entry('"F32"')}}\0`, /not JSON/],
  ]
  for (const [header, message] of bad) assert.match(await outcome(file(header, 4)), message, header.slice(0, 100))
  const many = Array.from({ length: 110_000 }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)
  assert.match(await outcome(file(`{${many.join()}}`)), /asks for more than \d+ (tensors|entries)$/)
  const names = `{"__proto__":${entry('"F32"')}}`
  assert.equal([...(await readTensors(memorySource(file(names, 4)), 'x')).tensors.keys()], ['__proto__'])
})

test.run()
