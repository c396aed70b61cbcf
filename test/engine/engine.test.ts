// The engine's promises: what lives and dies with a step, plans used again, replay, failures that surface.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gpu } from '../../src/gpu/gpu.js'
import { type Engine, F, type Tensor, init, tensor } from '../../src/index.js'
import { contiguousRuns, parameter } from '../../src/tensor/arena.js'

const test = suite('engine')
let engine: Engine
const list = async (t: Tensor) => [...(await t.data())]

/** The message of the error that `work` throws or rejects with. */
async function message(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    return (error as Error).message
  }
  return 'no error'
}

test.before(async () => {
  engine = await init()
})
test.after(() => engine.dispose())

test('a second engine is refused while one runs', async () => {
  assert.match(await message(() => init()), /already running/)
})

test('returned tensors outlive the step, others die with it and say so', async () => {
  const x = tensor([1, 2, 3])
  let inner!: Tensor
  const {
    sum,
    list: [again],
  } = await engine.step(() => {
    inner = F.add(x, x)
    const sum = F.add(inner, x)
    return { sum, list: [sum] as const }
  })
  assert.equal(await list(sum), [3, 6, 9])
  assert.equal(await list(again), [3, 6, 9])
  assert.match(
    await message(() => F.add(inner, x)),
    /^add: add\.\w+ \[3\] is no longer alive.*return it from the step function to keep it$/,
  )
  assert.match(await message(() => inner.data()), /no longer alive/)
})

test('an earlier result keeps its value when the plan runs again', async () => {
  const x = tensor([1, 2])
  const step = () => engine.step(() => F.add(x, x))
  const first = await step()
  x.write(new Float32Array([10, 20]))
  const second = await step()
  assert.equal(await list(first), [2, 4])
  assert.equal(await list(second), [20, 40])
})

test('a step of the same structure makes no GPU object, also with other inputs of the same shape', async () => {
  const a = tensor([1, 2]),
    b = tensor([5, 6])
  const run = async (x: Tensor) => {
    const y = await engine.step(() => F.mul(F.add(x, x), x))
    const v = await list(y)
    y.dispose()
    return v
  }
  await run(a)
  await run(a)
  const before = engine.counters()
  const { hostMs } = engine
  assert.equal(await run(a), [2, 8])
  assert.ok(engine.hostMs > hostMs)
  const after = engine.counters()
  assert.is(after.buffers, before.buffers)
  assert.is(after.bindGroups, before.bindGroups)
  assert.equal(await run(b), [50, 72])
  assert.is(engine.counters().pipelines, before.pipelines)
})

test('capture replays without running the function again; inputs are copied in, results are new', async () => {
  let calls = 0
  const double = engine.capture(({ x }: { x: Tensor }) => {
    calls++
    return { y: F.add(x, x), x }
  })
  const first = await double({ x: tensor([1, 2]) })
  const second = await double({ x: tensor([3, 4]) })
  assert.is(calls, 1)
  assert.equal(await list(first.y), [2, 4])
  assert.equal(await list(first.x), [1, 2])
  assert.equal(await list(second.y), [6, 8])
  assert.equal(await list((await double({ x: tensor([1, 1, 1]) })).y), [2, 2, 2])
  assert.is(calls, 2, 'another shape is another recording')
})

test('host calls and dynamic params are evaluated at every replay, in steps and outside alike', async () => {
  let count = 0
  const x = tensor([1])
  const step = engine.capture(() => {
    gpu.host(() => {
      count++
    })
    return F.add(x, x)
  })
  for (let i = 0; i < 3; i++) await step()
  assert.is(count, 3)
})

test('gradients: sums over uses, through results of results, and accumulation over calls', async () => {
  const x = tensor([1, 2, 3], [3], { requiresGrad: true })
  const y = F.sum(F.mul(F.add(x, x), x)) // 2x² → 4x
  y.backward()
  assert.equal(await list(x.grad!), [4, 8, 12])
  F.sum(x).backward()
  assert.equal(await list(x.grad!), [5, 9, 13])
  x.grad = null
  const captured = engine.capture(() => {
    x.grad = null
    const loss = F.sum(F.mul(x, x))
    loss.backward()
    return loss
  })
  await captured()
  await captured()
  assert.equal(await list(x.grad!), [2, 4, 6])
})

test('parameters made together form one run for the optimizer; a frozen one breaks it', () => {
  const [a, b, c] = [parameter([5], 'a'), parameter([64], 'b'), parameter([3], 'c')]
  assert.is(contiguousRuns([c, a, b]).length, 1)
  assert.is(contiguousRuns([a, c]).length, 2)
  // Each begins at a multiple of 512 bytes, so that its half may be bound.
  assert.is(contiguousRuns([a, b])[0].floats, 128 + 128)
})

test('misuse is one line that names operator and rule', async () => {
  assert.match(await message(() => tensor([1, 2], [3])), /^tensor: shape \[3\] holds 3 elements, got 2$/)
  assert.match(await message(() => tensor([1, 2]).item()), /^item: needs a tensor of one element, got \[2\]$/)
  assert.match(await message(() => tensor([1, 2]).backward()), /does not require a gradient/)
  assert.match(await message(() => engine.step(() => engine.step(() => null) as never)), /do not nest/)
  assert.match(await message(() => engine.step((async () => null) as never)), /must not be async/)
  assert.match(await message(() => F.add(tensor([1]), 'a' as never)), /^add: /)
})

test('a step refuses a disposed tensor instead of reading what took its place', async () => {
  const x = tensor([1, 2])
  const step = engine.capture(() => F.add(x, x))
  await step()
  x.dispose()
  assert.match(await message(step), /no longer alive/)
})

test('a tensor larger than a binding is refused by name', async () => {
  const limit = engine.limits.maxStorageBufferBindingSize
  if (limit > 256 << 20) return // would need real memory to show
  const n = limit / 4 + 1024
  assert.match(
    await message(() =>
      engine.step(() =>
        F.relu(F.relu(new (Object.getPrototypeOf(tensor([1])).constructor)(gpu.memory.allocate(4 * n, 'big'), [n]))),
      ),
    ),
    /needs \d+ bytes, this adapter binds at most \d+/,
  )
})

test('a validation error of the GPU rejects the step that caused it', async () => {
  const x = tensor([1, 2, 3, 4])
  gpu.guarded(() => {
    gpu.device.createBuffer({ size: 16, usage: 0 }).destroy()
    gpu.device.createBindGroup({
      layout: gpu.device.createBindGroupLayout({ entries: [] }),
      entries: [{ binding: 3, resource: { buffer: x.storage.buffer! } }],
    })
  })
  assert.match(await message(() => engine.step(() => F.add(x, x))), /^GPU validation: /)
  assert.equal(await list(await engine.step(() => F.add(x, x))), [2, 4, 6, 8], 'and the next one runs')
})

test('a lost device rejects with the reason', async () => {
  const x = tensor([1])
  engine.device.destroy()
  assert.not.match(await message(() => x.data()), /no error/)
})

test.run()
