// Engines that are not yet, no more, or lost: every call says so, and another one can be opened.
import { readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, type Tensor, autocast, init, models, nn, noGrad, optim, tensor, zeros } from '../../src/index.js'
import { failure } from '../errors.js'

const test = suite('lifecycle')

const calls: Record<string, () => unknown> = {
  tensor: () => tensor([1]),
  zeros: () => zeros([1]),
  Linear: () => new nn.Linear(1, 1),
  Parameter: () => nn.Parameter([1]),
  model: () => models.resnet18(),
  noGrad: () => noGrad(() => null),
  autocast: () => autocast(() => null),
  GradScaler: () => new optim.GradScaler(),
}

test('before init() every call says so', async () => {
  for (const [name, call] of Object.entries(calls))
    assert.is(await failure(call), 'engine: none is running; call await init() first', name)
})

test('after dispose() too; what an earlier engine made is known as such by a later one', async () => {
  const immediately = globalThis.setImmediate
  const engine = await init()
  const layer = new nn.Linear(1, 1)
  const sgd = new optim.SGD(layer.parameters(), { lr: 1 })
  const x = tensor([1], [1, 1])
  const step = engine.capture(() => layer.forward(x))
  await step()
  engine.dispose()
  assert.is(globalThis.setImmediate, immediately)
  for (const [name, call] of Object.entries(calls))
    assert.is(await failure(call), 'engine: it was disposed; await init() opens another', name)
  const own = [step, () => step.prepare(), () => engine.step(() => null), () => engine.idle(), () => engine.memory()]
  for (const call of own) assert.is(await failure(call), 'engine: it was disposed')
  x.dispose()

  assert.match(await failure(() => init({ sed: 3 } as never)), /^init: unknown option 'sed', it takes seed, adapter/)
  const opening = init()
  assert.match(await failure(() => init()), /already running/)
  const later = await opening
  const gone = /is gone, it belongs to an engine that was disposed$/
  for (const call of [
    () => layer.forward(x),
    () => x.data(),
    () => x.write([1]),
    () => layer.stateDict(),
    () => F.relu(x),
  ])
    assert.match(await failure(call), gone)
  const copying = later.capture(({ x }: { x: Tensor }) => F.relu(x))
  assert.match(await failure(() => copying({ x })), gone)
  const fresh = tensor([2], [1, 1])
  assert.match(await failure(() => F.add(fresh, x)), gone)
  sgd.zeroGrad()
  assert.is(await (await copying({ x: fresh })).item(), 2)
  assert.is(await failure(step), 'engine: it was disposed')
  later.dispose()
})

test('a lost device: everything rejects, then a new engine goes on', async () => {
  const engine = await init()
  const layer = new nn.Linear(4, 2)
  const x = tensor(new Float32Array(4), [1, 4])
  const step = engine.capture(({ x }: { x: Tensor }) => layer.forward(x))
  const state = await layer.stateDict()
  const result = await step({ x })
  const pending = [step({ x }), engine.step(() => F.relu(x)), result.data(), engine.idle()].map((p) => failure(() => p))
  engine.device.destroy()
  const lost = /GPU device lost: .*; dispose\(\) the engine and init\(\) another$/
  for (const text of await Promise.all(pending)) assert.match(text, lost)
  for (const call of [
    () => step({ x }),
    () => engine.step(() => F.relu(x)),
    () => engine.idle(),
    () => x.data(),
    () => layer.stateDict(),
    () => F.relu(x),
    () => tensor([1]),
  ])
    assert.match(await failure(call), lost)
  engine.dispose()
  const next = await init()
  const again = new nn.Linear(4, 2)
  again.loadStateDict(state)
  assert.equal([...(await again.weight.data())], [...(state.get('weight')!.data as Float32Array)])
  next.dispose()
})

test('engines opened and closed do not pile up threads', async () => {
  if (process.platform !== 'linux') return
  const threads = () => readdirSync('/proc/self/task').length
  const once = async () => {
    const engine = await init()
    await (await engine.step(() => F.relu(tensor([1])))).data()
    engine.dispose()
  }
  await once()
  const before = threads()
  // A device's thread ends with its object, which the collector is made to find in time.
  for (let i = 0; i < 24; i++) await once()
  assert.ok(threads() < before + 18, `${before} threads, then ${threads()}`)
})

test.run()
