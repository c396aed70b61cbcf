// Checkpoints as people have them: what training code, libraries and other machines leave beside, around and in front
// of the weights.
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RadiogradError } from '../../src/util/check.js'
import { loadCheckpoint, readTensors } from '../../src/weights/load.js'
import { withBareNames } from '../../src/weights/names.js'
import { parsePreprocessing } from '../../src/weights/preprocessing.js'
import { writeBytes } from '../../src/weights/read.browser.js'
import { openBytes } from '../../src/weights/read.node.js'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import { type TensorData, safetensorsBytes, toFloat32 } from '../../src/weights/safetensors.js'
import { memorySource } from '../../src/weights/source.js'
import { matchStateDict } from '../../src/weights/statedict.js'
import {
  type Code,
  FALSE,
  NONE,
  TRUE,
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
import { scratch } from '../cli/command.js'
import { failure } from '../errors.js'

const test = suite('kinds of checkpoints')

const numbers = (name: string, values: number[]): [string, TensorData] => [
  name,
  { dtype: 'f32', shape: [values.length], data: Float32Array.from(values) },
]
/** A state dict of a.w = [1, 2] and a.b = [3], and its storages. */
const state = dict(text('a.w'), vector('0', 2), text('a.b'), vector('1', 1))
const contents = { 0: floats(1, 2), 1: floats(3), s: floats(9) }
const scalar = tensor(storage('FloatStorage', 's', 1), 0, [], [])
const expected = new Map([numbers('a.w', [1, 2]), numbers('a.b', [3])])

const load = (code: Code, more?: Parameters<typeof pth>[2]) => loadCheckpoint(pth(pickle(code), contents, more))

async function refusal(work: Promise<unknown>): Promise<string> {
  const message = await failure(() => work)
  assert.ok(message.length < 300)
  return message
}

test("torchvision's DenseNet checkpoints have dots that its layers lost", () => {
  const layer = 'features.denseblock2.denselayer11'
  const file = new Map(
    [`module.${layer}.norm.1.running_mean`, `${layer}.conv.2.weight`, 'norm.1.bias'].map((n) => [n, 0]),
  )
  assert.equal([...withBareNames(file).keys()], [`${layer}.norm1.running_mean`, `${layer}.conv2.weight`, 'norm.1.bias'])
})

test('wherever the state dict is, whatever tensors are beside it', async () => {
  const optimizer = dict(text('state'), dict(int(0), dict(text('exp_avg'), vector('0', 2), text('step'), scalar)))
  const cases: Record<string, Code> = {
    '': state,
    "['state_dict']": dict(text('epoch'), int(3), text('best_acc1'), scalar, text('state_dict'), state),
    "['model_state_dict']": dict(text('optimizer'), optimizer, text('loss'), scalar, text('model_state_dict'), state),
    "['model']": dict(text('model'), state, text('rng'), scalar),
    "['net']": dict(text('net'), state, text('acc'), int(91)),
    "['state_dict_ema']": dict(text('state_dict_ema'), state),
    "['model']['state_dict']": dict(text('model'), dict(text('state_dict'), state)),
    "['my_encoder']": dict(text('my_encoder'), state, text('optimizer'), optimizer),
    '[0]': list(state, int(1)),
    "['runs'][1]['it']": dict(text('runs'), tuple(NONE, dict(text('it'), state))),
  }
  for (const [path, code] of Object.entries(cases)) {
    const { tensors, notes } = await load(code)
    assert.equal(tensors, expected, path)
    assert.equal(notes, path ? [`the weights are those under ${path}`] : undefined)
  }
  const both = await load(dict(text('state_dict_ema'), dict(text('x'), scalar), text('state_dict'), state))
  assert.equal(both.tensors, expected)
  assert.match(await refusal(load(scalar)), /it holds a single tensor, no state dict$/)
  assert.match(await refusal(load(dict(text('epoch'), int(1)))), /it holds no state dict, no dict of tensors$/)
})

test('prefixes of DataParallel, torch.compile, Lightning and backbones, in every format', async () => {
  const prefixed = (prefix: string) => new Map([...expected].map(([name, data]) => [prefix + name, data]))
  for (const prefix of ['module.', '_orig_mod.', 'model.', 'backbone.', 'module._orig_mod.', 'model.backbone.']) {
    const names = dict(text(`${prefix}a.w`), vector('0', 2), text(`${prefix}a.b`), vector('1', 1))
    assert.equal((await load(names)).tensors, expected, prefix)
    assert.equal((await loadCheckpoint(safetensorsBytes(prefixed(prefix)))).tensors, expected, prefix)
  }
  const dir = scratch()
  writeFileSync(
    join(dir, 's.bin'),
    pth(pickle(dict(text('module.a.w'), vector('0', 2), text('module.a.b'), vector('1', 1))), contents),
  )
  const index = { weight_map: { 'module.a.w': 's.bin', 'module.a.b': 's.bin' } }
  writeFileSync(join(dir, 'pytorch_model.bin.index.json'), JSON.stringify(index))
  assert.equal((await loadCheckpoint(dir)).tensors, expected)
  // Where both names are there, each keeps its own; and a model may have a part of that name.
  const clash = new Map([numbers('a', [1]), numbers('model.a', [2])])
  assert.equal((await loadCheckpoint(safetensorsBytes(clash))).tensors, clash)
  const own = (await loadCheckpoint(safetensorsBytes(new Map([numbers('model.fc.w', [1])])))).tensors
  const match = { strict: true, source: 'x', heads: [] }
  assert.is(matchStateDict([{ name: 'model.fc.w', shape: [1] }], own, match).loaded, 1)
})

/** NumPy's objects as Python pickles them. */
const ascii = (value: string) => call(global('_codecs', 'encode'), text(value), text('latin1'))
const dtype = [...call(global('numpy', 'dtype'), text('f8'), FALSE, TRUE), ...tuple(int(3), text('<'), NONE), 0x62]
const array = call(
  global('numpy.core.multiarray', '_reconstruct'),
  global('numpy', 'ndarray'),
  tuple(int(0)),
  ascii('b'),
)

test('objects that are no weights stand aside', async () => {
  const sparse = call(
    global('torch._utils', '_rebuild_sparse_tensor'),
    call(global('torch.serialization', '_get_layout'), text('torch.sparse_coo')),
    tuple(vector('1', 1), tuple(int(1)), NONE),
  )
  const objects: Record<string, Code> = {
    'numpy scalar': call(global('numpy.core.multiarray', 'scalar'), dtype, ascii('12345678')),
    'numpy 2 scalar': call(global('numpy._core.multiarray', 'scalar'), dtype, ascii('12345678')),
    'numpy array': [...array, ...tuple(int(1), tuple(int(0)), dtype, FALSE, ascii('')), 0x62],
    'defaultdict(list)': [
      ...call(global('collections', 'defaultdict'), global('__builtin__', 'list')),
      ...text('acc'),
      ...list(int(1)),
      0x73,
    ],
    Counter: call(global('collections', 'Counter'), dict(text('a'), int(2))),
    Path: call(global('pathlib', 'PosixPath'), text('/'), text('x')),
    bytes: ascii('\u0000\u00ff'),
    datetime: call(global('datetime', 'datetime'), ascii('0123456789')),
    complex: call(global('__builtin__', 'complex'), int(0.5), int(1.5)),
    slice: call(global('__builtin__', 'slice'), int(1), int(2), NONE),
    range: call(global('__builtin__', 'xrange'), int(0), int(3), int(1)),
    'defaultdict(int)': call(global('collections', 'defaultdict'), global('__builtin__', 'long')),
    'a member of an enumeration': call(global('__builtin__', 'getattr'), global('my', 'Kind'), text('FAST')),
    'quantized tensor': call(
      global('torch._utils', '_rebuild_qtensor'),
      tensor(storage('QInt8Storage', 'q', 1), 0, [1], [1]),
      tuple(global('torch', 'per_tensor_affine'), int(0.1), int(0)),
    ),
    'a class': call(global('my', 'Kind'), int(1)),
    set: call(global('__builtin__', 'set'), list(int(1))),
    frozenset: call(global('builtins', 'frozenset'), list(int(1))),
    'torch.Size': call(global('torch', 'Size'), tuple(int(1))),
    'torch.float16': global('torch', 'float16'),
    Namespace: instance(global('argparse', 'Namespace'), dict(text('lr'), int(0.5))),
    'old object': [
      ...call(global('copy_reg', '_reconstructor'), global('my', 'Config'), global('__builtin__', 'object'), NONE),
      ...dict(text('a'), int(1)),
      0x62,
    ],
    'dict of a class': [...global('addict', 'Dict'), 0x29, 0x81, ...text('lr'), ...int(1), 0x73],
    sparse,
  }
  for (const [name, code] of Object.entries(objects)) {
    assert.equal((await load(dict(text('x'), code, text('state_dict'), state))).tensors, expected, name)
  }
  // An array of 70 MB as protocol 2 writes it, a text: looked at, not kept.
  const long = (last: number) => {
    const array = new Uint8Array(6 + 70e6)
    array.set([0x58, 0, 0, 0, 0, 0x61])
    new DataView(array.buffer).setUint32(1, array.length - 5, true)
    for (let i = 6; i < array.length; i += 2) array.set([0xc3, 0xbf], i)
    array[array.length - 1] = last
    const start = Uint8Array.of(0x80, 2, 0x7d, 0x28)
    return joined([start, text('x'), array, text('state_dict'), state, [0x75, 0x2e]])
  }
  assert.equal((await loadCheckpoint(pth(long(0xbf), contents))).tensors, expected)
  assert.match(await refusal(loadCheckpoint(pth(long(0x61), contents))), /a text is not UTF-8$/)
  const { tensors, notes } = await load(
    dict(
      text('a.w'),
      vector('0', 2),
      text('adj'),
      sparse,
      text('q'),
      tensor(storage('QInt8Storage', 'q', 1), 0, [1], [1]),
      text('a.b'),
      vector('1', 1),
    ),
  )
  assert.equal(tensors, expected)
  assert.equal(notes, [
    'adj is left out, it is torch._utils._rebuild_sparse_tensor',
    'q is left out, it is torch.QInt8Storage',
  ])
})

test('files of big-endian machines are turned round', async () => {
  const reversed = (bytes: Uint8Array, width: number) =>
    Uint8Array.from(bytes, (_, i) => bytes[i - (i % width) + width - 1 - (i % width)])
  const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer)
  const stored = {
    0: reversed(floats(1, -2, 0.5), 4),
    1: reversed(bytes(BigInt64Array.of(-7n, 1n << 40n)), 8),
    2: reversed(bytes(Uint16Array.of(0x3c00, 0xc000)), 2),
    3: Uint8Array.of(1, 2, 3),
  }
  const one = (type: string, key: string, count: number) => tensor(storage(type, key, count), 0, [count], [1])
  const data = pickle(
    dict(
      text('f'),
      vector('0', 3),
      text('i'),
      one('LongStorage', '1', 2),
      text('h'),
      one('HalfStorage', '2', 2),
      text('b'),
      one('ByteStorage', '3', 3),
    ),
  )
  const order = (name: string): Parameters<typeof pth>[2] => ({
    more: [['archive/byteorder', new TextEncoder().encode(name)]],
  })
  const { tensors } = await loadCheckpoint(pth(data, stored, order('big')))
  assert.equal([...tensors.get('f')!.data], [1, -2, 0.5])
  assert.equal([...tensors.get('i')!.data], [-7n, 1n << 40n])
  assert.equal([...toFloat32(tensors.get('h')!)], [1, -2])
  assert.equal([...tensors.get('b')!.data], [1, 2, 3])
  assert.equal((await load(state, order('little'))).tensors, expected)
  assert.match(await refusal(load(state, order('middle'))), /its byte order must be little or big, got middle$/)
})

test('element types: all that convert, and one that is left out', () => {
  const entries: [string, number[], number[]][] = [
    ['F64', [...new Uint8Array(Float64Array.of(0.1).buffer)], [Math.fround(0.1)]],
    ['F16', [0x00, 0x3c, 0x01, 0x00], [1, 2 ** -24]],
    ['BF16', [0x80, 0x3f, 0x40, 0xc0], [1, -3]],
    ['F8_E4M3', [0x38, 0x7e, 0x01, 0x80, 0xff], [1, 448, 2 ** -9, -0, NaN]],
    ['F8_E5M2', [0x3c, 0x7b, 0x01, 0xfc], [1, 57344, 2 ** -16, -Infinity]],
    ['U64', [1, 0, 0, 0, 0, 0, 0, 128], [2 ** 63]],
    ['U32', [255, 255, 255, 255], [2 ** 32]],
    ['U16', [255, 255], [65535]],
    ['I8', [255], [-1]],
    ['BOOL', [1, 0], [1, 0]],
  ]
  for (const [label, bytes, values] of entries) {
    const header = JSON.stringify({ a: { dtype: label, shape: [values.length], data_offsets: [0, bytes.length] } })
    const file = joined([[header.length, 0, 0, 0, 0, 0, 0, 0], new TextEncoder().encode(header), bytes])
    const { tensors } = parseSafetensors(file, 'x')
    assert.equal([...toFloat32(tensors.get('a')!)], values, label)
    assert.equal(parseSafetensors(safetensorsBytes(tensors), 'x').tensors, tensors)
  }
  const header = '{"z":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}'
  const complex = parseSafetensors(
    joined([[header.length, 0, 0, 0, 0, 0, 0, 0], new TextEncoder().encode(header), new Uint8Array(8)]),
    'x',
  )
  assert.equal([complex.tensors.size, complex.notes], [0, ["'z' is left out, its dtype C64 is not supported"]])
})

test('what is no state dict is named, with the line that converts it', async () => {
  const model = instance(
    global('torchvision.models.resnet', 'ResNet'),
    dict(text('training'), FALSE, text('_modules'), orderedDict()),
  )
  assert.is(
    await refusal(load(model)),
    'checkpoint: it holds a whole model (an object of torchvision.models.resnet.ResNet), not its weights; ' +
      'convert it in Python with torch.save(torch.load(file, weights_only=False).state_dict(), other)',
  )
  assert.match(
    await refusal(load(dict(text('best'), scalar, text('model'), model))),
    /weights_only=False\)\['model'\]\.state_dict\(\)/,
  )
  assert.match(
    await refusal(load(dict(text('model'), dict(text('a.w'), array)))),
    /it holds NumPy arrays, no tensors; convert it in Python with torch.save\(\{k: torch.from_numpy\(v\) .*, other\)$/,
  )
  const script = load(state, { more: [['archive/constants.pkl', pickle(tuple())]] })
  assert.match(
    await refusal(script),
    /TorchScript program.*torch\.save\(torch\.jit\.load\(file\)\.state_dict\(\), other\)$/,
  )
  const starts: [string | Uint8Array, RegExp][] = [
    ['version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', /a Git LFS pointer; .*'git lfs pull'$/],
    ['<!doctype html><title>Log in</title>', /a page of HTML/],
    [Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10, 0), /an HDF5 file/],
    [Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0), /packed with gzip/],
    ['GGUF\x03\0\0\0\0', /a GGUF file/],
    ['\x93NUMPY\x01\0v\0{}', /a NumPy array/],
    ['\x08\x07\x12\x07pytorch', /an ONNX model/],
    ['{"weight_map": {}}', /it is JSON/],
    [pickle(dict(text('a'), int(1))), /not a PyTorch checkpoint, it is a pickle that torch.save did not write$/],
    [pickle(dict(text('a'), global('numpy', 'dtype'))), /it is a pickle that torch.save did not write$/],
    [zip([['w/resnet.pth', new Uint8Array(9)]]), /the zip holds w\/resnet.pth; unpack it first$/],
    [zip([['fc.npy', new Uint8Array(9)]]), /the zip holds NumPy arrays; only PyTorch files are read$/],
    ['', /it is empty$/],
  ]
  for (const [start, message] of starts) {
    const bytes = typeof start === 'string' ? Uint8Array.from(start, (letter) => letter.charCodeAt(0)) : start
    assert.match(await refusal(readTensors(memorySource(bytes), 'x')), message)
  }
  // The length of a header may look like the start of something else.
  const padded = `{${' '.repeat(0x3c - 2)}}`
  assert.is(
    (await readTensors(memorySource(joined([[0x3c, 0, 0, 0, 0, 0, 0, 0], new TextEncoder().encode(padded)])), 'x'))
      .tensors.size,
    0,
  )
})

test('preprocessor files as published models have them', () => {
  const base = { image_mean: [0.5, 0.4, 0.3], image_std: [0.2, 0.25, 0.5] }
  const read = (config: unknown) => parsePreprocessing(JSON.stringify(config), 'p')
  const size = (config: object) => read({ ...base, ...config }).imageSize
  assert.is(size({ size: 256, do_center_crop: true, crop_size: 224 }), 224)
  assert.is(size({ size: { shortest_edge: 256 }, crop_size: { height: 192, width: 192 } }), 192)
  assert.is(size({ size: 256, do_center_crop: false, crop_size: 224 }), 256)
  assert.is(size({ size: 256, crop_size: null }), 256)
  assert.is(size({ size: [224, 224] }), 224)
  assert.is(size({ size: [384] }), 384)
  assert.is(size({ do_resize: false, crop_size: 224 }), 224)
  const plain = { mean: [0, 0, 0], std: [1, 1, 1], imageSize: 224 }
  assert.equal(read({ ...base, do_normalize: false, size: 224 }), plain)
  assert.equal(read({ do_normalize: false, image_mean: null, image_std: null, size: 224 }), plain)
  assert.equal(read({ image_mean: [0.5], image_std: [0.25], size: 224 }), {
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    imageSize: 224,
  })
  assert.equal(read({ ...base, size: 224, rescale_factor: 0.00392156862745098 }).mean, base.image_mean)
  assert.equal(read({ image_mean: [127.5], image_std: [51], do_rescale: false, size: 224 }).std, [0.2, 0.2, 0.2])
  assert.equal(read({ ...base, do_rescale: false, size: 224 }).mean, base.image_mean)
  const bad = (config: unknown, message: RegExp) =>
    assert.throws(
      () => read(config),
      (error: Error) => error instanceof RadiogradError && message.test(error.message),
    )
  for (const config of [null, [], 3, 'x']) bad(config, /^p: must be an object, got/)
  bad({ ...base, size: 1000000 }, /^p: size must be at most 4096 pixels, got 1000000$/)
  bad({ ...base, size: { height: 32, width: 64 } }, /must be that of a square/)
  bad({ ...base, size: [224, 224, 3] }, /must be that of a square/)
  bad({ ...base, size: null }, /must be that of a square, got null/)
  bad({ ...base, size: '224' }, /must be that of a square/)
  bad({ image_mean: null, image_std: null, size: 224 }, /image_mean must be three numbers, got null/)
  bad({ ...base, image_std: [1e-300, 1, 1], size: 224 }, /image_std must be three numbers/)
  bad({ ...base, rescale_factor: 'x', size: 224 }, /rescale_factor must be above 0/)
})

test('files over 2 GiB are read by ranges', async () => {
  const file = join(scratch(), 'big')
  const at = 2 ** 31 + 5
  const handle = openSync(file, 'w')
  writeSync(handle, 'here', at)
  truncateSync(file, 2 ** 32)
  closeSync(handle)
  const source = await openBytes(file)
  assert.is(source.size, 2 ** 32)
  assert.is(new TextDecoder().decode(await source.read(at, at + 4)), 'here')
  await source.close()
  assert.match(await refusal(loadCheckpoint(file)), /not a valid safetensors file/)
})

test('saving in a Worker says where to save', async () => {
  assert.match(
    await refusal(writeBytes('a.safetensors', new Uint8Array(1))),
    /^a\.safetensors: must be saved from a page.*safetensorsBytes/,
  )
})

test('a writer that writes only what readers accept', () => {
  assert.throws(
    () => safetensorsBytes(new Map([numbers('__metadata__', [1])])),
    /must be plain text and not __metadata__/,
  )
  assert.throws(() => safetensorsBytes(new Map([numbers('\ud800', [1])])), /must be plain text/)
  const odd = new Map([numbers('__proto__', [1]), numbers('1', [2])])
  const { tensors, metadata } = parseSafetensors(safetensorsBytes(odd, { metadata: { ['__proto__']: 'x' } }), 'x')
  assert.equal([...tensors.keys()].sort(), ['1', '__proto__'])
  assert.equal(Object.keys(metadata), ['__proto__'])
})

test.run()
