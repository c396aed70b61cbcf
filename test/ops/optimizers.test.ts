// Ten steps of every optimizer on given gradients against PyTorch in float64, captured and step by step.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { init, nn, optim, tensor } from '../../src/index.js'
import { layersOf } from '../../src/nn/groups.js'
import { parameter } from '../../src/tensor/arena.js'
import * as F from '../../src/ops/index.js'
import { loadFixtures, relativeError } from '../cases/case.js'
import { failure, refused } from '../errors.js'

const engine = await init()
const test = suite(`optimizers (${engine.adapterKind})`)

for (const {
  name,
  attrs: { optimizer, proximal, ...options },
  inputs,
  gradients,
  after,
} of await loadFixtures('optimizers')) {
  for (const captured of [true, false]) {
    test(`${name}, ${captured ? 'captured' : 'eager'}`, async () => {
      const names = Object.keys(after)
      const parameters = names.map((p) => parameter(inputs[p].shape, p).write(inputs[p].data.slice()))
      const ones = parameters.map((p) => tensor(new Float32Array(p.size).fill(1), p.shape))
      const kind = optim[optimizer as 'Adam' | 'AdamW' | 'SGD']
      const stepper = new kind(parameters, options)
      const pull = proximal ? new optim.Proximal(parameters, proximal as number) : null
      const given = parameters.map((p) => tensor(new Float32Array(p.size), p.shape))
      const work = () => {
        stepper.zeroGrad()
        // Of sum(p · g), the gradient is g.
        parameters.forEach((p, i) => F.mul(p, given[i]).backward(ones[i]))
        pull?.addGradient()
        stepper.step()
        return null
      }
      const step = captured ? engine.capture(work) : async () => work()
      for (let i = 0; i < 10; i++) {
        names.forEach((p, j) =>
          given[j].write(gradients[p].data.subarray(i * given[j].size, (i + 1) * given[j].size) as Float32Array),
        )
        await step()
      }
      for (const [i, p] of names.entries()) {
        const start = inputs[p].data
        const now = await parameters[i].data()
        assert.ok(relativeError(now, after[p].data) < 2e-6, `${p}: off by ${relativeError(now, after[p].data)}`)
        // What was learned, apart from where it started.
        const moved = relativeError(
          now.map((v, j) => v - start[j]),
          Float64Array.from(after[p].data, (v, j) => v - start[j]),
        )
        assert.ok(moved < 5e-5, `${p}: change off by ${moved}`)
      }
    })
  }
}

test('a list of parameters is copied; settings are checked whenever they are used', async () => {
  const [a, b] = [nn.Parameter([1]), nn.Parameter([1])]
  const list = [a]
  const sgd = new optim.SGD(list, { lr: 1 })
  list.push(b)
  F.sum(F.add(a, b)).backward()
  sgd.step()
  assert.equal([await a.item(), await b.item()], [0, 1])
  refused(() => new optim.SGD([a], { lr: '0.1' as never }), "SGD: lr must be a number of at least 0, got '0.1'")
  refused(() => new optim.Adam([a], { eps: '1e-8' as never }), "Adam: eps must be a number of at least 0, got '1e-8'")
  const step = engine.capture(() => sgd.step())
  await step()
  for (const [name, value] of Object.entries({ lr: NaN, momentum: undefined, weightDecay: '1' })) {
    const before = sgd.groups[0]
    sgd.groups[0] = before
    const was = before[name as 'lr']
    Object.assign(before, { [name]: value })
    assert.throws(() => sgd.step(), new RegExp(`^SGD: ${name} must be a number`))
    assert.match(await failure(step), new RegExp(`^SGD: ${name} must be a number`))
    Object.assign(before, { [name]: was })
  }
  await step()
  assert.is(await a.item(), -2)
})

test('an optimizer resumes from its state dict, bit for bit; groups keep their own learning rates', async () => {
  const shapes = [[5], [33, 7], [300]]
  const build = () => {
    const parameters = shapes.map((shape, i) => {
      const p = parameter(shape, `p${i}`)
      return p.write(Float32Array.from({ length: p.size }, (_, j) => Math.cos(j + i)))
    })
    const [first, ...rest] = parameters
    return { parameters, adam: new optim.Adam([{ params: [first], lr: 0 }, { params: rest }], { lr: 1e-2 }) }
  }
  const advance = async ({ parameters, adam }: ReturnType<typeof build>, steps: number) => {
    const step = engine.capture(() => {
      adam.zeroGrad()
      parameters.forEach((p) => F.sum(F.mul(p, F.mul(p, p))).backward())
      adam.step()
      return null
    })
    for (let i = 0; i < steps; i++) await step()
  }
  const whole = build()
  await advance(whole, 5)
  const start = build()
  await advance(start, 2)
  const resumed = build()
  for (const [i, p] of start.parameters.entries()) resumed.parameters[i].write(await p.data())
  resumed.adam.loadStateDict(await start.adam.stateDict())
  await advance(resumed, 3)
  for (const [i, p] of whole.parameters.entries()) assert.equal(await resumed.parameters[i].data(), await p.data())
  assert.equal(
    await whole.parameters[0].data(),
    Float32Array.from({ length: 5 }, (_, j) => Math.cos(j)),
  )
  assert.is(resumed.adam.steps, 5)
})

for (const scaled of [false, true]) {
  test(`every parameter counts its own steps${scaled ? ', under a scaler' : ''}: late, with gaps, and after a resume`, async () => {
    const [early, late] = ['early', 'late'].map((name) => parameter([1], name).write(Float32Array.of(0)))
    const build = () => new optim.Adam([early, late], { lr: 0.01 })
    let adam = build()
    let scaler = scaled ? new optim.GradScaler({ initScale: 1 }) : null
    const step = (parameters: (typeof early)[], bad = false) =>
      engine.step(() => {
        adam.zeroGrad()
        for (const p of parameters) {
          const loss = F.sum(F.mul(p, bad ? Infinity : 1))
          ;(scaler?.scale(loss) ?? loss).backward()
        }
        if (scaler) {
          scaler.step(adam)
          scaler.update()
        } else adam.step()
        return null
      })
    const at = async () => Promise.all([early, late].map(async (p) => Math.round(1e5 * (await p.item())) / 1e5))
    for (let i = 0; i < 20; i++) await step([early], scaled && i === 3)
    const before = (await at())[0]
    adam.steps += 2000 // whatever the optimizer has counted
    await step([late])
    assert.equal(await at(), [before, -0.01], 'the first update of any parameter is lr')
    await step([early, late])
    const state = await adam.stateDict()
    assert.equal(
      state.state.map(({ step }) => step),
      [scaled ? 20 : 21, 2],
    )
    assert.equal(Object.keys(state.state[0].buffers), ['expAvg', 'expAvgSq'])
    assert.equal(state.groups, [
      { lr: 0.01, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, lrScale: 1, params: [0, 1] },
    ])
    adam = build()
    if (scaled) scaler = new optim.GradScaler({ initScale: 1 })
    adam.loadStateDict(structuredClone(state))
    await step([early, late])
    assert.equal(await at(), [Math.round(1e5 * (before - 0.02)) / 1e5, -0.03])
    const broken = { ...state, state: state.state.slice(1) }
    refused(() => adam.loadStateDict(broken), 'Adam: state of 2 parameters expected, got 1')
  })
}

test('clipGradNorm scales all gradients to the norm asked for, and leaves smaller ones', async () => {
  const shapes = [[3], [129, 33], [7, 1], [5000]]
  const values = shapes.map(([a, b = 1], i) => Float32Array.from({ length: a * b }, (_, j) => Math.sin(j + i)))
  const parameters = shapes.map((shape, i) => parameter(shape, `p${i}`).write(values[i].slice()))
  const norm = Math.sqrt(values.flatMap((v) => [...v]).reduce((sum, v) => sum + v * v, 0))
  // The third has no gradient and breaks the run.
  const without = Math.sqrt(norm ** 2 - values[2].reduce((sum, v) => sum + v * v, 0))
  const step = (maxNorm: number) =>
    engine.step(() => {
      parameters.forEach((p, i) => {
        p.grad = null
        // Of Σ p² / 2 the gradient is p.
        if (i !== 2) F.sum(F.mul(F.mul(p, p), 0.5)).backward()
      })
      return { norm: optim.clipGradNorm(parameters, maxNorm) }
    })
  for (const [maxNorm, factor] of [
    [1, 1 / without],
    [2 * without, 1],
  ]) {
    assert.ok(Math.abs((await (await step(maxNorm)).norm.item()) / without - 1) < 1e-6)
    for (const i of [0, 1, 3]) {
      const expected = values[i].map((v) => v * factor)
      assert.ok(relativeError(await parameters[i].grad!.data(), expected) < 1e-5)
    }
  }
})

test("learning rates are PyTorch's", () => {
  const near = (actual: number[], expected: number[]) =>
    expected.forEach((value, i) => assert.ok(Math.abs(actual[i] - value) < 1e-12, `${i}: ${actual[i]}, not ${value}`))
  const rates = (schedule: (step: number) => number, steps: number) =>
    Array.from({ length: steps }, (_, step) => schedule(step))
  // OneCycleLR(0.05, total_steps=10, cycle_momentum=False), then with pct_start=0.5, div_factor=10, final_div_factor=100
  near(rates(optim.oneCycle(0.05, 10), 10), [
    ...[0.0020000000000000018, 0.026000000000000002, 0.05, 0.04752423160067369, 0.04058728269748815],
    ...[0.030563101096814465, 0.019437098903185537, 0.00941291730251185, 0.0024759683993263145, 2e-7],
  ])
  near(rates(optim.oneCycle(0.05, 10, { pctStart: 0.5, divFactor: 10, finalDivFactor: 100 }), 10), [
    ...[0.0049999999999999975, 0.011590097423302678, 0.0275, 0.04340990257669732, 0.05, 0.04523019943451431],
    ...[0.032742699434514314, 0.01730730056548569, 0.00481980056548569, 5e-5],
  ])
  assert.ok(rates(optim.oneCycle(1, 1), 3).every(Number.isFinite))
  // SequentialLR of LinearLR(0.25, total_iters=3) and CosineAnnealingLR(6) from step 4 on
  near(rates(optim.cosine(0.05, 10, { warmup: 4 }), 10), [
    ...[0.0125, 0.025, 0.037500000000000006, 0.05, 0.05, 0.046650635094610975, 0.037500000000000006],
    ...[0.025, 0.012500000000000006, 0.0033493649053890325],
  ])
  near(rates(optim.warmUp(0.05, 4), 6), [0.0125, 0.025, 0.0375, 0.05, 0.05, 0.05])
  // ReduceLROnPlateau(patience=1), then with factor=0.5, patience=0, cooldown=2, min_lr=0.01
  const losses = [1, 0.9, 0.9, 0.89995, 0.95, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86, NaN, 0.79]
  const after = (schedule: (step: number, losses: readonly number[]) => number) =>
    Array.from({ length: losses.length + 1 }, (_, n) => schedule(0, losses.slice(0, n)))
  near(after(optim.reduceOnPlateau(0.05, { patience: 1 })), [
    ...[0.05, 0.05, 0.05, 0.05, 0.005, 0.005, 0.005, 0.005, 0.0005, 0.0005, 5e-5, 5e-5, 5e-6, 5e-6, 5e-6],
  ])
  near(after(optim.reduceOnPlateau(0.05, { factor: 0.5, patience: 0, cooldown: 2, least: 0.01 })), [
    ...[0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.0125, 0.01, 0.01, 0.01, 0.01, 0.01],
  ])
})

test('a moving average follows the weights and the running statistics, and changes places with them', async () => {
  const model = new nn.BatchNorm2d(70)
  model.bias.requiresGrad = false
  const tensors = [model.weight, model.runningMean, model.bias]
  const values = () => Promise.all(tensors.map(async (t) => (await t.data())[69]))
  const ema = new optim.ModelEma(model, 0.75)
  model.weight.write(new Float32Array(70).fill(3))
  model.runningMean.write(new Float32Array(70).fill(8))
  model.bias.write(new Float32Array(70).fill(5))
  ema.update() // 1 → 1.5 and 0 → 2
  ema.update()
  ema.swap()
  assert.equal(await values(), [1.875, 3.5, 5], 'what is frozen is as it is')
  ema.swap()
  assert.equal(await values(), [3, 8, 5])
  refused(() => new optim.ModelEma(model, 1), 'ModelEma: decay must be below 1, got 1')
})

test('groups: norms and biases without decay, layers with their share of the rate', async () => {
  const names = ['conv1.weight', 'layer1.0.conv1.weight', 'layer1.0.bn1.bias', 'layer1.1.conv1.weight', 'fc.bias']
  assert.equal([...layersOf(names, ['fc']).values()], [0, 1, 1, 2, 3])
  const vit = ['cls_token', 'pos_embed', 'blocks.0.attn.qkv.weight', 'blocks.1.norm1.weight', 'norm.bias', 'head.bias']
  assert.equal([...layersOf(vit, ['head']).values()], [0, 0, 1, 2, 2, 3])
  const model = new nn.Sequential(new nn.Linear(3, 2), new nn.Linear(2, 2))
  const groups = nn.parameterGroups(model, { noDecay: true, weightDecay: 0.5, layerDecay: 0.5, head: ['1'] })
  assert.equal(
    groups.map(({ params, ...rest }) => [params.map((p) => p.shape.length), rest]),
    [
      [[2], { lrScale: 0.5, weightDecay: 0.5 }],
      [[1], { lrScale: 0.5, weightDecay: 0 }],
      [[2], { lrScale: 1, weightDecay: 0.5 }],
      [[1], { lrScale: 1, weightDecay: 0 }],
    ],
  )
  const sgd = new optim.SGD(groups, { lr: 0.1 })
  const bias = groups[1].params[0].write(Float32Array.of(1, 1))
  await engine.step(() => {
    F.sum(bias).backward()
    sgd.step()
  })
  assert.equal(await bias.data(), Float32Array.of(0.95, 0.95))
})

test.after(() => engine.dispose())
test.run()
