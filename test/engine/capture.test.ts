// A captured step does what its function would do now: what the recording read is looked at, what it set is set again.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, type Tensor, init, nn, noGrad, optim, tensor } from '../../src/index.js'
import { failure } from '../errors.js'

const engine = await init({ seed: 1 })
const test = suite(`capture (${engine.adapterKind})`)
test('a step that takes long is cut into submissions by measured time, and computes the same bits', async () => {
  const x = tensor([1, 2, 3])
  const long = engine.capture(() => {
    let y = x
    for (let i = 0; i < 40; i++) y = F.mul(F.add(y, x), 0.9)
    return y
  })
  const run = async (times: number) => {
    let submits = 0
    let last!: Float32Array
    for (let i = 0; i < times; i++) {
      const before = engine.counters().submits
      const y = await long()
      submits = engine.counters().submits - before
      last = await y.data()
      await engine.idle()
    }
    return { submits, last }
  }
  const { now } = performance
  try {
    performance.now = () => 0 // nothing takes any time
    const untimed = await run(1)
    assert.ok(untimed.submits > 1) // nobody knows yet
    const quick = await run(12)
    assert.is(quick.submits, 1)
    let seconds = 0
    performance.now = () => 1000 * ++seconds // everything takes a second
    long.dispose()
    const slow = await run(12)
    assert.is(slow.submits, 80) // every dispatch alone
    assert.equal(slow.last, untimed.last)
    assert.equal(slow.last, quick.last)
  } finally {
    performance.now = now
  }
})

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

test('what a layer computes with: a config object, a list of numbers, a set; a layer without any tensor', async () => {
  class Config {
    factor = 2
  }
  class Net extends nn.Module {
    weight = nn.Parameter([1])
    config = new Config()
    table = Float32Array.of(1)
    flags = new Set<string>()
    forward(x: Tensor): Tensor {
      return F.mul(F.mul(x, this.weight), this.config.factor * this.table[0] * (this.flags.has('half') ? 0.5 : 1))
    }
  }
  const net = new Net()
  const slope = new nn.LeakyReLU(0.5)
  const step = engine.capture(({ x }: { x: Tensor }) => slope.forward(net.forward(x)))
  const value = async () => (await step({ x: tensor([-1]) })).item()
  assert.is(await value(), -1)
  net.config.factor = 4
  assert.is(await value(), -2)
  net.table[0] = 2
  assert.is(await value(), -4)
  net.flags.add('half')
  assert.is(await value(), -2)
  Object.assign(slope, { negativeSlope: 2 })
  assert.is(await value(), -8)
})

test('a forward that is replaced on its class is recorded anew', async () => {
  class Scaled extends nn.Module {
    forward(x: Tensor): Tensor {
      return F.mul(x, 2)
    }
  }
  const net = new Scaled()
  const captured = engine.capture(({ x }: { x: Tensor }) => net.forward(x))
  const value = async () => (await captured({ x: tensor([1]) })).item()
  assert.is(await value(), 2)
  Scaled.prototype.forward = (x) => F.mul(x, 3)
  assert.is(await value(), 3)
})

test('a step that was called sees nothing that is done before it runs', async () => {
  const x = tensor([1])
  const layer = weight(1)
  const sgd = new optim.SGD(layer.parameters(), { lr: 0.1 })
  const double = engine.capture(({ x }: { x: Tensor }) => F.mul(x, 2))
  const train = engine.capture(() => {
    sgd.zeroGrad()
    F.sum(F.mul(layer.weight, layer.weight)).backward()
    sgd.step()
    return null
  })
  await Promise.all([double.prepare({ x }), train()])
  layer.weight.write([1])
  const after = async (call: () => Promise<unknown>, then: () => unknown) => {
    const running = call()
    then()
    return failure(() => running)
  }
  const rule = 'after the step was called and before it ran; await the step first'
  const write = () => x.write([5])
  assert.is(await after(() => double({ x }), write), `step: tensor [1] was written ${rule}`)
  assert.is(await after(() => engine.step(() => F.mul(x, 2)), write), `step: tensor [1] was written ${rule}`)
  assert.is(await after(train, () => F.mul(layer.weight, 1)), `step: linear weight was read ${rule}`)
  assert.is(await after(train, () => (layer.weight.grad = null)), `step: gradient of a Tensor was set ${rule}`)
  assert.is(await after(train, () => (sgd.lr = 1)), `step: lr of a SGD was set ${rule}`)
  sgd.lr = 0.1
  assert.is(await after(train, () => (sgd.groups[0].lr = 1)), `step: lr of a SGD was set ${rule}`)
  sgd.groups[0].lr = 0.1
  const calls = [train(), double({ x }), train()]
  const other = tensor([7]).write([8]) // what no step uses may be written, read and made
  const now = await layer.weight.item() // waits for the steps
  assert.ok(Math.abs(now - 0.64) < 1e-6, String(now))
  await Promise.all(calls)
  assert.equal(await list(other), [8])
})

test('results are tensors, lists and plain objects; what comes from the host is an input', async () => {
  const x = ones(1)
  const y = () => F.mul(x, 2)
  class Outputs {
    y = y()
  }
  const kinds = { Map: () => new Map([['y', y()]]), Set: () => new Set([y()]), Outputs: () => new Outputs() }
  for (const [name, make] of Object.entries(kinds)) {
    const message = `results: must be tensors, numbers, lists or plain objects, got ${name}`
    assert.is(await failure(() => engine.step(make as never)), message)
    assert.is(await failure(() => engine.capture(make as never)()), message)
    assert.is(await failure(() => engine.tidy(make as never)), message)
  }
  const again = /^tensor: a captured function may run again without making it anew; make it outside, or pass it as/
  assert.match(await failure(engine.capture(() => F.mul(tensor([1]), 2))), again)
  assert.equal(await list(await engine.step(() => F.mul(tensor([1]), 2))), [2])
  const part = /^write: cannot be part of a step; /
  assert.match(await failure(engine.capture(() => x.write([2]))), part)
  assert.match(await failure(() => engine.step(() => x.write([2]))), part)
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
