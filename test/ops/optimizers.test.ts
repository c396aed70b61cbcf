// Ten steps of every optimizer on given gradients against PyTorch in float64, captured and step by step.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { init, optim, tensor } from '../../src/index.js'
import { parameter } from '../../src/tensor/arena.js'
import * as F from '../../src/ops/index.js'
import { loadFixtures, relativeError } from '../cases/case.js'
import { refused } from '../errors.js'

const engine = await init()
const test = suite(`optimizers (${engine.adapterKind})`)

for (const {
  name,
  attrs: { optimizer, ...options },
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
      const given = parameters.map((p) => tensor(new Float32Array(p.size), p.shape))
      const work = () => {
        stepper.zeroGrad()
        // Of sum(p · g), the gradient is g.
        parameters.forEach((p, i) => F.mul(p, given[i]).backward(ones[i]))
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
    assert.equal(state.groups, [{ lr: 0.01, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, params: [0, 1] }])
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

test.after(() => engine.dispose())
test.run()
