// GradScaler in captured steps: what an overflow leaves alone, how the factor moves, and that only steps taken count
// for the optimizer.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, init, optim, tensor } from '../../src/index.js'
import { parameter } from '../../src/tensor/arena.js'
import type { GradScalerOptions } from '../../src/optim/scaler.js'
import { relativeError } from '../cases/case.js'
import { refused } from '../errors.js'

const engine = await init()
const test = suite(`GradScaler (${engine.adapterKind})`)
const SHAPES = [[3], [129, 33], [5000]]
const BAD = new Set([0, 2, 3])
const STEPS = 9

/** Gradient of parameter j in step i; not finite in bad ones, in a single place. */
function gradient(i: number, j: number): Float32Array {
  const size = SHAPES[j].reduce((a, b) => a * b, 1)
  const g = Float32Array.from({ length: size }, (_, k) => Math.sin(k * 0.7 + i + j) * 1e-3)
  if (BAD.has(i) && j === i % 3) g[size - 1] = i === 2 ? NaN : -Infinity
  return g
}

const start = (j: number) =>
  Float32Array.from({ length: SHAPES[j].reduce((a, b) => a * b, 1) }, (_, k) => Math.cos(k + j))

type Kind = 'Adam' | 'AdamW' | 'SGD'
const SETTINGS: Record<Kind, any> = {
  Adam: { lr: 1e-2, weightDecay: 0.1 },
  AdamW: { lr: 1e-2, weightDecay: 0.1, betas: [0.8, 0.99] },
  SGD: { lr: 0.5, momentum: 0.9, nesterov: true, weightDecay: 0.01 },
}

function build(kind: Kind, options?: GradScalerOptions) {
  const parameters = SHAPES.map((shape, j) => parameter(shape, `p${j}`).write(start(j)))
  const given = SHAPES.map((shape, j) => tensor(start(j), shape))
  const optimizer = new optim[kind](parameters, SETTINGS[kind])
  const scaler = new optim.GradScaler(options)
  // Of sum(p · g), the gradient is g.
  const losses = () => parameters.map((p, j) => F.sum(F.mul(p, given[j])))
  const scaled = engine.capture(() => {
    optimizer.zeroGrad()
    for (const loss of losses()) scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return null
  })
  const plain = engine.capture(() => {
    optimizer.zeroGrad()
    for (const loss of losses()) loss.backward()
    optimizer.step()
    return null
  })
  const advance = async (i: number, step = scaled) => {
    given.forEach((t, j) => t.write(gradient(i, j)))
    await step()
  }
  const state = async () => [
    ...(await Promise.all(parameters.map((p) => p.data()))),
    ...(await optimizer.stateDict()).state.flatMap(({ buffers }) => Object.values(buffers)),
  ]
  return { parameters, optimizer, scaler, advance, plain, state }
}

for (const kind of ['Adam', 'AdamW', 'SGD'] as const) {
  test(`${kind}: steps that overflow change nothing and do not count, the others are those of an optimizer that never saw them`, async () => {
    const [ours, reference] = [build(kind), build(kind)]
    for (let i = 0; i < STEPS; i++) {
      const before = await ours.state()
      await ours.advance(i)
      if (BAD.has(i)) assert.equal(await ours.state(), before)
      else await reference.advance(i, reference.plain)
      const [a, b] = [await ours.state(), await reference.state()]
      a.forEach((values, k) =>
        assert.ok(relativeError(values, b[k]) < 1e-6, `step ${i}, tensor ${k}: off by ${relativeError(values, b[k])}`),
      )
      for (const j of [0, 1, 2]) {
        // what was learned, apart from where it started
        const origin = start(j)
        const moved = (s: Float32Array[]) => Float64Array.from(s[j], (v, k) => v - origin[k])
        assert.ok(
          relativeError(moved(a), moved(b)) < 5e-5,
          `step ${i}: change off by ${relativeError(moved(a), moved(b))}`,
        )
      }
    }
    const { steps, state } = await ours.optimizer.stateDict()
    assert.is(steps, STEPS)
    for (const { step } of state) assert.is(step, STEPS - BAD.size)
    assert.equal(await ours.scaler.stateDict(), {
      scale: 65536 / 2 ** BAD.size,
      growthTracker: STEPS - 4,
      skipped: BAD.size,
    })
  })
}

test('the factor halves after an overflow and doubles after so many clean steps, never beyond what f32 holds', async () => {
  const { scaler, advance } = build('SGD', { initScale: 8, growthInterval: 3 })
  const seen: number[] = []
  for (let i = 0; i < STEPS + 1; i++) {
    await advance(i)
    seen.push(await scaler.getScale())
  }
  assert.equal(seen, [4, 4, 2, 1, 1, 1, 2, 2, 2, 4])
  scaler.loadStateDict({ scale: 2 ** 127, growthTracker: 2 })
  await advance(4) // the scaled gradients stay finite: they are below 1e-3
  assert.equal(await scaler.stateDict(), { scale: 2 ** 127, growthTracker: 0, skipped: 3 })
  const other = build('SGD', { initScale: 3, growthFactor: 1.5, backoffFactor: 0.25, growthInterval: 1 })
  await other.advance(1)
  assert.is(await other.scaler.getScale(), 4.5)
  await other.advance(0)
  assert.is(await other.scaler.getScale(), 1.125)
})

test('an optimizer resumes from its state dict although steps were left out before', async () => {
  const whole = build('Adam')
  for (let i = 0; i < 5; i++) await whole.advance(i)
  const [resumed, saved] = [build('Adam'), await whole.optimizer.stateDict()]
  await resumed.advance(0) // an overflow of its own, before it takes over
  for (const [j, p] of whole.parameters.entries()) resumed.parameters[j].write(await p.data())
  resumed.optimizer.loadStateDict(saved)
  for (let i = 5; i < 7; i++) {
    await whole.advance(i)
    await resumed.advance(i)
  }
  assert.equal(await resumed.state(), await whole.state())
})

test('unscaled gradients can be clipped before the step', async () => {
  const run = async (scale: number) => {
    const p = parameter([1000], 'p').write(new Float32Array(1000))
    const sgd = new optim.SGD([p], { lr: 1 })
    const scaler = new optim.GradScaler({ initScale: scale })
    const g = tensor(Float32Array.from({ length: 1000 }, (_, k) => Math.sin(k)))
    const { norm } = await engine.step(() => {
      scaler.scale(F.sum(F.mul(p, g))).backward()
      scaler.unscale(sgd)
      const norm = optim.clipGradNorm([p], 1)
      scaler.step(sgd)
      scaler.update()
      return { norm }
    })
    return [await norm.item(), ...(await p.data())]
  }
  assert.equal(await run(1024), await run(1))
})

test('misuse is refused in a line', async () => {
  const { scaler, optimizer } = build('SGD')
  refused(() => scaler.update(), 'GradScaler.update: must follow step(), got no step')
  refused(() => scaler.scale(tensor([1, 2])), 'GradScaler.scale: needs a loss of one element, got 2')
  scaler.step(optimizer)
  refused(() => scaler.step(optimizer), 'GradScaler.step: must be called once between updates, got a second call')
  refused(
    () => scaler.unscale(optimizer),
    'GradScaler.unscale: must be called once between updates, got stepped gradients',
  )
  scaler.update()
  refused(
    () => scaler.step(build('SGD').optimizer),
    'GradScaler: serves one optimizer, got another; make a scaler for each',
  )
  refused(() => new optim.GradScaler({ backoffFactor: 1 }), 'GradScaler: backoffFactor must be between 0 and 1, got 1')
  refused(
    () => new optim.GradScaler({ growthInterval: 0.5 }),
    'GradScaler: growthInterval must be a whole number of at least 1, got 0.5',
  )
})

test.after(() => engine.dispose())
test.run()
