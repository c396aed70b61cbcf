// Modules are walked to the bottom; each layer and each weight counts once; initial values are PyTorch's.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, type Tensor, init, nn, optim, tensor } from '../../src/index.js'
import { refused } from '../errors.js'

const engine = await init({ seed: 4 })
const test = suite(`containers (${engine.adapterKind})`)
test.after(() => engine.dispose())

const linear = () => new nn.Linear(1, 1, { bias: false })
const names = (module: nn.Module) => [...module.namedParameters()].map(([name]) => name)

class Net extends nn.Module {
  features: unknown
  constructor(features: unknown) {
    super()
    this.features = features
  }
}

test('layers in nested lists, plain objects and Maps are found; elsewhere they are refused with their path', async () => {
  const net = new Net([[linear(), { block: linear() }], new Map([['Named', [linear()]]])])
  assert.equal(names(net), ['features.0.0.weight', 'features.0.1.block.weight', 'features.1.Named.0.weight'])
  assert.equal([...(await net.stateDict()).keys()], names(net))
  assert.throws(() => names(new Net(new Set([linear()]))), /^Net.features: a Set holds layers or parameters/)
  class Holder {
    layer = linear()
  }
  assert.throws(() => names(new Net(new Holder())), /^Net.features: a Holder holds layers or parameters/)
  assert.throws(
    () => names(new Net({ 'a.b': linear() })),
    /a key must be a whole number or a text without '\.', got a\.b/,
  )
})

test('what a checkpoint could not tell apart, and what would not be found, is refused', () => {
  const parts = (fields: object) => () => [...Object.assign(new Net(null), fields).state()]
  refused(
    parts({ fooBar: linear(), foo_bar: linear() }),
    'Net: two fields are called foo_bar in checkpoints; rename one',
  )
  const keys = new Map<unknown, nn.Module>([
    [1, linear()],
    ['1', linear()],
  ])
  refused(parts({ keys }), 'Net: two fields are called keys.1 in checkpoints; rename one')
  const point = new Map([[1.5, linear()]])
  refused(parts({ point }), "Net.point: a key must be a whole number or a text without '.', got 1.5")
  class Holder {
    inside = { layers: [linear()] }
  }
  const rule = 'holds layers or parameters, which are found only in modules, arrays, plain objects and Maps'
  refused(parts({ part: new Holder() }), `Net.part: a Holder ${rule}`)
  refused(parts({ part: new Set([[linear()]]) }), `Net.part: a Set ${rule}`)
  refused(parts({ part: Object.assign((x: Tensor) => x, { layer: linear() }) }), `Net.part: a Function ${rule}`)
  const list = Object.assign(new nn.ModuleList([linear()]), { 0: linear() })
  assert.throws(() => names(list), /^ModuleList: \[0\] = … adds no module; append\(\) does/)
  assert.equal(names(new Net([linear(), , linear()])), ['features.0.weight', 'features.2.weight'])
})

test('tensors say what they are: parameters, own leaves, buffers, and neither', async () => {
  const net = new Net({
    weight: nn.Parameter([1, 2]),
    leaf: tensor([3], [1], { requiresGrad: true }),
    mean: nn.Buffer([4]),
    mask: tensor([5]),
  })
  assert.equal(names(net.freeze(() => true)), ['features.weight', 'features.leaf'])
  assert.equal(
    [...net.namedBuffers()].map(([name]) => name),
    ['features.mean'],
  )
  assert.equal([...(await net.stateDict()).keys()], ['features.weight', 'features.leaf', 'features.mean'])
})

test('an own leaf and a Parameter learn', async () => {
  const params = [nn.Parameter([1, 2]), tensor([3, 4, 5], [3], { requiresGrad: true })]
  const adam = new optim.Adam(params, { lr: 0.1 })
  const step = engine.capture(() => {
    adam.zeroGrad()
    for (const p of params) F.sum(F.mul(p, p)).backward()
    adam.step()
    return null
  })
  await step()
  const moved = [...(await params[0].data()), ...(await params[1].data())]
  ;[0.9, 1.9, 2.9, 3.9, 4.9].forEach((v, i) => assert.ok(Math.abs(moved[i] - v) < 1e-5, `${moved}`))
})

test('what has two names counts once: parameters, steps, norms; the state dict has both, as in PyTorch', async () => {
  class Tied extends nn.Module {
    a = new nn.Linear(2, 2, { bias: false })
    b = this.a
    c = new nn.Linear(2, 2, { bias: false })
    constructor() {
      super()
      this.c.weight = this.a.weight
    }
    forward(x: Tensor): Tensor {
      return this.b.forward(this.a.forward(x))
    }
  }
  const net = new Tied()
  net.a.weight.write([1, 0, 0, 1])
  assert.equal(names(net), ['a.weight'])
  assert.is([...net.modules()].length, 3)
  assert.equal([...(await net.stateDict()).keys()], ['a.weight', 'b.weight', 'c.weight'])
  const sgd = new optim.SGD(net.parameters(), { lr: 0.1 })
  F.sum(net.forward(tensor([[1, 2]]))).backward()
  const norm = await optim.clipGradNorm([net.a.weight, net.c.weight], 1e9).item()
  assert.ok(Math.abs(norm - Math.hypot(2, 4, 2, 4)) < 1e-5)
  sgd.step()
  const moved = [...(await net.a.weight.data())]
  ;[0.8, -0.4, -0.2, 0.6].forEach((v, i) => assert.ok(Math.abs(moved[i] - v) < 1e-6, `${moved}`))
  const twice = [net.a.weight, net.c.weight]
  refused(() => new optim.SGD(twice, { lr: 1 }), 'SGD: parameter [2, 2] in place 1 is given twice')
  refused(
    () => new optim.Adam([{ params: [net.a.weight] }, { params: [net.c.weight] }]),
    'Adam: parameter [2, 2] in place 0 is given twice',
  )
})

test('Sequential, ModuleList and ModuleDict have the names of PyTorch', async () => {
  const net = new nn.Sequential(new nn.Linear(2, 3), F.relu, new nn.Sequential(new nn.Linear(3, 1)))
  assert.equal(names(net), ['0.weight', '0.bias', '2.0.weight', '2.0.bias'])
  assert.equal(net.forward(tensor([[1, 2]])).shape, [1, 1])
  const list = new nn.ModuleList([linear()]).append(linear())
  assert.equal(names(list), ['0.weight', '1.weight'])
  assert.is([...list].length, 2)
  refused(() => list.at(2), 'ModuleList: has 2 modules, asked for number 2')
  const dict = new nn.ModuleDict({ first: linear() }).set('secondOne', linear())
  assert.equal(names(dict), ['first.weight', 'secondOne.weight'])
  refused(() => dict.get('third'), "ModuleDict: has first, secondOne, asked for 'third'")
  assert.throws(() => new nn.Sequential(3 as never), /^Sequential: layer 0 must be a module with forward\(\)/)
})

test('options that do not exist are refused', () => {
  const p = linear().weight
  const unknown = { learningRate: 1 } as never
  refused(
    () => new optim.Adam([p], unknown),
    "Adam: unknown option 'learningRate', it takes lr, betas, eps, weightDecay, lrScale",
  )
  assert.throws(
    () => new optim.SGD([{ params: [p], momentun: 1 } as never], { lr: 1 }),
    /^SGD: unknown option 'momentun'/,
  )
  refused(() => new optim.SGD([p], {} as never), 'SGD: lr must be a number of at least 0, got NaN')
  assert.throws(() => new optim.GradScaler(unknown), /^GradScaler: unknown option 'learningRate'/)
  assert.throws(() => new nn.Conv2d(1, 1, 1, { pad: 1 } as never), /^Conv2d: unknown option 'pad'/)
  assert.throws(() => new nn.Linear(1, 1, { bais: false } as never), /^Linear: unknown option 'bais'/)
})

test('init: moments and bounds', async () => {
  const weight = nn.Parameter(new Float32Array(200 * 300))
  const big = new nn.Conv2d(20, 50, 3).weight // [3, 3, 20, 50]
  const moments = async (t: Tensor) => {
    const data = await t.data()
    const mean = data.reduce((a, b) => a + b, 0) / data.length
    const std = Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length)
    return { mean, std, least: data.reduce((a, b) => Math.min(a, b)), most: data.reduce((a, b) => Math.max(a, b)) }
  }
  const near = (a: number, b: number, by: number) => assert.ok(Math.abs(a - b) < by, `${a}, ${b} expected`)
  let m = await moments(nn.init.truncNormal(weight, 0, 1, -2, 2))
  near(m.mean, 0, 0.02)
  near(m.std, 0.8796, 0.01) // of a normal distribution cut at 2
  assert.ok(m.least >= -2 && m.least < -1.99 && m.most <= 2 && m.most > 1.99)
  m = await moments(nn.init.truncNormal(weight, 0.1, 0.02, -0.2, 0.12))
  near(m.mean, 0.1 - 0.02 * 0.2876, 3e-4)
  assert.ok(m.most <= Math.fround(0.12))
  m = await moments(nn.init.uniform(weight, 2, 5))
  near(m.mean, 3.5, 0.02)
  near(m.std, 3 / Math.sqrt(12), 0.01)
  m = await moments(nn.init.normal(weight, 1, 3))
  near(m.mean, 1, 0.06)
  near(m.std, 3, 0.05)
  near((await moments(nn.init.kaimingNormal(big, { nonlinearity: 'relu' }))).std, Math.sqrt(2 / 180), 0.005)
  near(
    (await moments(nn.init.kaimingNormal(big, { mode: 'fanOut', nonlinearity: 'relu' }))).std,
    Math.sqrt(2 / 450),
    0.003,
  )
  near((await moments(nn.init.kaimingUniform(big, { a: Math.sqrt(5) }))).most, 1 / Math.sqrt(180), 1e-3)
  near((await moments(nn.init.xavierUniform(big))).most, Math.sqrt(6 / 630), 1e-3)
  near((await moments(nn.init.xavierNormal(big))).std, Math.sqrt(2 / 630), 0.003)
  refused(
    () => nn.init.kaimingNormal(weight),
    'init: needs a weight of 2 or 4 axes to count its connections, got [60000]',
  )
})

test('two thousand small parameters take little', () => {
  const { bytes } = engine.memory()
  const many = Array.from({ length: 2000 }, () => nn.Parameter([1, 2, 3]))
  F.sum(many[0]).backward()
  assert.ok(engine.memory().bytes - bytes < 16 << 20, `${engine.memory().bytes - bytes} bytes`)
})

test('what is to come from a checkpoint is not drawn: 0, until the function has ended or thrown', async () => {
  const weightsOf = async (layer: nn.Linear) => [...(await layer.weight.data())]
  const skipped = nn.init.skip(() => nn.init.skip(() => new nn.Linear(3, 2)) && new nn.Linear(3, 2))
  assert.equal(await weightsOf(skipped), [0, 0, 0, 0, 0, 0])
  assert.throws(() =>
    nn.init.skip(() => {
      throw new Error('in between')
    }),
  )
  assert.ok((await weightsOf(new nn.Linear(3, 2))).every((value) => value !== 0))
})

test.run()
