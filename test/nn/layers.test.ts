// Layers against PyTorch's, in a row: names and shapes of the state dict, output, every parameter's gradient; and what
// they refuse.
import * as assert from 'uvu/assert'
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import { F, init, nn, tensor } from '../../src/index.js'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import type { TensorData } from '../../src/weights/safetensors.js'
import { hwioToOihw } from '../../src/weights/statedict.js'
import { relativeError } from '../cases/case.js'
import { parameter, values } from '../models/formula.js'
import { refused } from '../errors.js'

const engine = await init()
const test = suite(`layers (${engine.adapterKind})`)
test.after(() => engine.dispose())

const file = new URL('../../../test/fixtures/models/layers.safetensors', import.meta.url)
const { tensors, metadata } = parseSafetensors(new Uint8Array(await readFile(file)), 'layers.safetensors')
const { shape, names } = Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, JSON.parse(text)]))

const build = () =>
  new nn.Sequential(
    new nn.ReflectionPad2d([1, 2, 0, 1]),
    new nn.Conv2d(3, 8, [3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 2] }),
    new nn.InstanceNorm2d(8, { affine: true }),
    new nn.ReLU(),
    new nn.ConvTranspose2d(8, 6, [3, 2], { stride: [2, 1], padding: [1, 0], outputPadding: [1, 0], groups: 2 }),
    new nn.GroupNorm(3, 6),
    new nn.SiLU(),
    new nn.Upsample({ scaleFactor: 2, mode: 'bilinear', alignCorners: true }),
    new nn.ZeroPad2d(1),
    new nn.ConvTranspose2d(6, 4, 2, { stride: 2, bias: false }),
    new nn.ReplicationPad2d([0, 1, 2, 0]),
    new nn.AvgPool2d(3, { stride: 2, padding: 1, countIncludePad: false }),
    new nn.Tanh(),
    new nn.MaxPool2d([2, 3]),
    new nn.AdaptiveAvgPool2d([3, 2]),
    new nn.Flatten(),
    new nn.Identity(),
    new nn.Linear(24, 5),
    new nn.GELU(),
    new nn.Sigmoid(),
  )

test("the state dict has PyTorch's names and shapes; a checkpoint of PyTorch gives its output and gradients", async () => {
  const model = build()
  const state = await model.stateDict()
  assert.equal([...state.keys()], names)
  for (const [name, { shape }] of state) {
    assert.equal([...shape], [...tensors.get(`gradient.${name}`)!.shape], name)
    state.set(name, { dtype: 'f32', shape, data: parameter(name, shape) } satisfies TensorData)
  }
  model.loadStateDict(state)
  for (const [name, { data }] of await model.stateDict()) assert.equal(data, state.get(name)!.data, name)
  const truth = tensors.get('y')!
  const y = await engine.step(() => {
    const y = model.forward(tensor(values('layers.x', shape, 2), shape))
    y.backward(tensor(values('layers.dy', truth.shape, 2), truth.shape))
    return y
  })
  assert.ok(relativeError(await y.data(), truth.data as Float32Array) < 1e-5)
  for (const [name, p] of model.namedParameters()) {
    const data = await p.grad!.data()
    const { shape, data: expected } = tensors.get(`gradient.${name}`)!
    const error = relativeError(shape.length === 4 ? hwioToOihw(data, shape) : data, expected as Float32Array)
    assert.ok(error < 1e-5, `${name} off by ${error}`)
  }
})

test('Embedding: normal rows but the padding, which stays', async () => {
  const layer = new nn.Embedding(5, 3, { paddingIdx: -2 })
  const rows = await layer.weight.data()
  assert.equal([...rows.subarray(9, 12)], [0, 0, 0])
  assert.ok([...rows].filter((v) => v !== 0).length === 12)
  assert.equal([...(await layer.stateDict()).keys()], ['weight'])
  const y = layer.forward(tensor(Int32Array.of(3, 1, 3, 0), [2, 2]))
  assert.equal(y.shape, [2, 2, 3])
  y.backward(tensor(new Float32Array(12).fill(1), [2, 2, 3]))
  assert.equal([...(await layer.weight.grad!.data())], [1, 1, 1, 1, 1, 1, ...new Array(9).fill(0)])
})

test('what does not fit is refused in one line', () => {
  const image = tensor(new Float32Array(12), [1, 2, 2, 3])
  refused(
    () => new nn.ConvTranspose2d(6, 4, 2, { groups: 4 }),
    'ConvTranspose2d: groups must divide both channel counts, got 6, 4 and groups 4',
  )
  refused(
    () => new nn.ConvTranspose2d(3, 4, 2, { stride: 2, outputPadding: 2 }).forward(image),
    'convTranspose2d: outputPadding must be below stride or dilation, got 2,2',
  )
  refused(() => new nn.Conv2d(3, 4, [3, 0]), 'Conv2d: kernelSize must be an integer of at least 1, or two, got [3, 0]')
  refused(() => new nn.Embedding(5, 3, { paddingIdx: 5 }), 'Embedding: paddingIdx must be between -5 and 4, got 5')
  refused(
    () => new nn.InstanceNorm2d(3, { trackRunningStats: true } as never),
    "InstanceNorm2d: unknown option 'trackRunningStats', it takes eps, affine",
  )
  refused(
    () => new nn.InstanceNorm2d(3).forward(tensor(new Float32Array(3), [1, 1, 1, 3])),
    'instanceNorm: needs x [N, ..., C] of more than one position, got [1, 1, 1, 3]',
  )
  refused(() => new nn.Upsample({}).forward(image), 'Upsample: needs size or scaleFactor, got neither')
  refused(
    () => new nn.Upsample({ size: 3, mode: 'bicubic' as never }).forward(image),
    "Upsample: mode must be one of nearest bilinear, got 'bicubic'",
  )
  refused(
    () => new nn.AvgPool2d(2, { padding: 2 }).forward(image),
    'AvgPool2d: padding must be at most half the kernel, got 2,2 for 2,2',
  )
  refused(
    () => new nn.ZeroPad2d([1, 2]),
    'ZeroPad2d: padding must be a whole number or [left, right, top, bottom], got [1, 2]',
  )
})

test('activations and losses are what their functions compute; a weight that is a buffer is saved', async () => {
  const x = tensor([
    [-4, 0.5, 2],
    [25, -1, 0.25],
  ])
  const y = tensor([
    [0.5, 0.25, 0.25],
    [1, 0, 0],
  ])
  const classes = tensor(Int32Array.of(2, 0))
  const weight = nn.Buffer([1, 2, 3])
  const pairs: Record<string, [typeof x, typeof x]> = {
    Hardswish: [new nn.Hardswish().forward(x), F.hardswish(x)],
    Hardsigmoid: [new nn.Hardsigmoid().forward(x), F.hardsigmoid(x)],
    LeakyReLU: [new nn.LeakyReLU(0.2).forward(x), F.leakyRelu(x, { negativeSlope: 0.2 })],
    ELU: [new nn.ELU(2).forward(x), F.elu(x, { alpha: 2 })],
    Softplus: [new nn.Softplus(2, 1).forward(x), F.softplus(x, { beta: 2, threshold: 1 })],
    Softmax: [new nn.Softmax(1).forward(x), F.softmax(x, { dim: 1 })],
    LogSoftmax: [new nn.LogSoftmax(-1).forward(x), F.logSoftmax(x, 1)],
    MSELoss: [new nn.MSELoss().forward(x, y), F.mseLoss(x, y)],
    L1Loss: [new nn.L1Loss({ reduction: 'sum' }).forward(x, y), F.l1Loss(x, y, { reduction: 'sum' })],
    SmoothL1Loss: [new nn.SmoothL1Loss({ beta: 2 }).forward(x, y), F.smoothL1Loss(x, y, { beta: 2 })],
    HuberLoss: [new nn.HuberLoss({ delta: 2 }).forward(x, y), F.huberLoss(x, y, { delta: 2 })],
    BCEWithLogitsLoss: [
      new nn.BCEWithLogitsLoss({ posWeight: weight }).forward(x, y),
      F.bceWithLogits(x, y, { posWeight: weight }),
    ],
    CrossEntropyLoss: [
      new nn.CrossEntropyLoss({ weight, labelSmoothing: 0.1 }).forward(x, classes),
      F.crossEntropy(x, classes, { weight, labelSmoothing: 0.1 }),
    ],
    NLLLoss: [new nn.NLLLoss({ reduction: 'none' }).forward(x, classes), F.nllLoss(x, classes, { reduction: 'none' })],
    KLDivLoss: [new nn.KLDivLoss({ reduction: 'batchmean' }).forward(x, y), F.klDiv(x, y, { reduction: 'batchmean' })],
  }
  for (const [name, [got, want]] of Object.entries(pairs)) {
    const numbers = await want.data()
    assert.ok(numbers.every(Number.isFinite), name)
    assert.equal(await got.data(), numbers, name)
  }
  assert.equal([...(await new nn.CrossEntropyLoss({ weight }).stateDict()).keys()], ['weight'])
  refused(() => new nn.Softmax(undefined as never), 'Softmax: dim must be an axis, got undefined')
})

test.run()
