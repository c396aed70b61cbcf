// A captured step does what its function would do now: what the recording read is looked at, what it set is set again.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, type Tensor, init, nn, noGrad, optim, tensor } from '../../src/index.js'

const engine = await init({ seed: 1 })
const test = suite(`capture (${engine.adapterKind})`)
test.after(() => engine.dispose())

const list = async (t: Tensor) => [...(await t.data())]
const ones = (n: number) => tensor(new Float32Array(n).fill(1), [1, n])

/** A linear layer of one weight, which is `value`. */
function weight(value: number): nn.Linear {
  const layer = new nn.Linear(1, 1, { bias: false })
  layer.weight.write([value])
  return layer
}

test('train() and eval()', async () => {
  const dropout = new nn.Dropout(0.5)
  let calls = 0
  const step = engine.capture(({ x }: { x: Tensor }) => {
    calls++
    return dropout.forward(x)
  })
  const x = ones(64)
  assert.ok((await list(await step({ x }))).includes(0))
  dropout.eval()
  assert.equal(await list(await step({ x })), await list(x))
  dropout.train()
  assert.ok((await list(await step({ x }))).includes(0))
  assert.is(calls, 2, 'both recordings are kept')
})

test('freeze() and requiresGrad', async () => {
  const layer = weight(2)
  const step = engine.capture(() => {
    layer.weight.grad = null
    const y = F.sum(F.mul(layer.weight, layer.weight))
    if (y.requiresGrad) y.backward()
    return y
  })
  await step()
  assert.equal(await list(layer.weight.grad!), [4])
  layer.freeze(() => true)
  await step()
  assert.is(layer.weight.grad, null)
})

test('a replaced head, a changed number of a layer, noGrad around the call', async () => {
  class Net extends nn.Module {
    parts = { head: [weight(2)] }
    factor = 1
    forward(x: Tensor): Tensor {
      return F.mul(this.parts.head[0].forward(x), this.factor)
    }
  }
  const net = new Net()
  const step = engine.capture(({ x }: { x: Tensor }) => net.forward(x))
  const value = async () => (await step({ x: ones(1) })).item()
  assert.is(await value(), 2)
  net.parts.head[0] = weight(3)
  assert.is(await value(), 3)
  net.factor = 10
  assert.is(await value(), 30)
  const grads: boolean[] = []
  const watching = engine.capture(({ x }: { x: Tensor }) => {
    grads.push(net.forward(x).requiresGrad)
    return null
  })
  await watching({ x: ones(1) })
  await noGrad(() => ({ done: watching({ x: ones(1) }) })).done
  assert.equal(grads, [true, false])
})

test('gradients: zeroGrad and step outside of it, accumulation over calls, null before each call', async () => {
  const layer = weight(0)
  const sgd = new optim.SGD([layer.weight], { lr: 1 })
  const backward = engine.capture(() => {
    F.sum(F.mul(layer.weight, 1)).backward()
    return null
  })
  const weights: number[] = []
  for (let i = 0; i < 4; i++) {
    sgd.zeroGrad()
    await backward()
    await engine.step(() => {
      sgd.step()
      return null
    })
    weights.push(await layer.weight.item())
  }
  assert.equal(weights, [-1, -2, -3, -4])

  const other = weight(1)
  const micro = engine.capture(({ x }: { x: Tensor }) => {
    F.sum(F.mul(other.weight, x)).backward()
    return null
  })
  for (const v of [1, 2, 3, 4]) await micro({ x: tensor([v], [1, 1]) })
  assert.equal(await list(other.weight.grad!), [10])
  for (const v of [5, 7]) {
    other.weight.grad = null
    await micro({ x: tensor([v], [1, 1]) })
    assert.equal(await list(other.weight.grad!), [v])
  }
})

test('what is prepared, or fails while it is recorded, leaves no gradient behind', async () => {
  const layer = weight(3)
  const step = engine.capture(() => {
    F.sum(F.mul(layer.weight, 2)).backward()
    return null
  })
  await step.prepare()
  assert.is(layer.weight.grad, null)
  await step()
  assert.equal(await list(layer.weight.grad!), [2])
  const failing = engine.step(() => {
    layer.weight.grad = null
    throw new Error('on purpose')
  })
  await failing.catch(() => {})
  assert.equal(await list(layer.weight.grad!), [2])
})

test('numbers are inputs, booleans and strings are constants', async () => {
  let calls = 0
  const step = engine.capture(({ x, by, twice }: { x: Tensor; by: Tensor; twice: boolean }) => {
    calls++
    const y = F.mul(x, by)
    return twice ? F.add(y, y) : y
  })
  const x = tensor([1, 2])
  assert.equal(await list(await step({ x, by: 3, twice: false })), [3, 6])
  assert.equal(await list(await step({ x, by: 5, twice: false })), [5, 10])
  assert.equal(await list(await step({ x, by: 5, twice: true })), [10, 20])
  assert.is(calls, 2)
  const refused = await step({ x, by: null as never, twice: true }).catch((error: Error) => error.message)
  assert.match(String(refused), /^capture: input 'by' must be a tensor, a number, a boolean or a string, got null$/)
})

test('an operator that ran outside of a captured function has no gradient inside', async () => {
  const layer = weight(1)
  const loss = F.sum(F.mul(layer.weight, layer.weight))
  const step = engine.capture(() => {
    loss.backward()
    return null
  })
  let said = ''
  await step().catch((error: Error) => (said = error.message))
  assert.match(said, /ran outside of this captured function/)
})

test('dispose() gives plans back; a hundred shapes are said once and do not pile up', async () => {
  const said: string[] = []
  const { warn } = console
  console.warn = (line: string) => said.push(line)
  try {
    const step = engine.capture(({ x }: { x: Tensor }) => F.mul(x, 0.5))
    const run = async (n: number) => (await step({ x: ones(n) })).dispose()
    await run(1)
    const { bytes } = engine.memory()
    const before = engine.memory().uses.step
    for (let n = 2; n < 130; n++) await run(n)
    assert.is(said.length, 1)
    assert.match(said[0], /^radiograd: 100 plans of steps are kept/)
    step.dispose()
    assert.ok(engine.memory().bytes < bytes + (1 << 20))
    assert.ok((engine.memory().uses.step ?? 0) <= (before ?? 0))
    await run(3)
  } finally {
    console.warn = warn
  }
})

test.run()
