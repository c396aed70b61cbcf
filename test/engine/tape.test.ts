// The tape's promises, and tensors as people make and print them.
import { inspect } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gpu } from '../../src/gpu/gpu.js'
import { F, type Tensor, autocast, init, nn, noGrad, optim, tensor, zeros } from '../../src/index.js'
import { failure, refused } from '../errors.js'

const engine = await init()
const test = suite(`tape (${engine.adapterKind})`)
test.after(() => engine.dispose())

const list = async (t: Tensor) => [...(await t.data())]
const leaf = (...values: number[]) => tensor(values, [values.length], { requiresGrad: true })

test('a second backward() needs retainGraph where something was saved', async () => {
  const x = leaf(1, 2, 3)
  const y = F.sum(F.mul(x, x))
  y.backward(null, { retainGraph: true })
  y.backward()
  assert.equal(await list(x.grad!), [4, 8, 12])
  refused(() => y.backward(), 'backward: mul was freed by an earlier backward(); give that one { retainGraph: true }')
  const sum = F.sum(x)
  sum.backward()
  sum.backward() // a sum saves nothing, as in PyTorch
  assert.equal(await list(x.grad!), [6, 10, 14])
})

test('what the backward pass needs must not be written over, by hand or by an optimizer', () => {
  const [x, w] = [leaf(1, 2), leaf(3, 4)]
  const y = F.sum(F.mul(x, w))
  w.write([5, 6])
  assert.throws(() => y.backward(), /^backward: 'b' of mul was overwritten after the forward pass/)
  const z = F.sum(F.mul(x, w))
  w.grad = tensor([1, 1])
  new optim.SGD([w], { lr: 1 }).step()
  assert.throws(() => z.backward(), /was overwritten/)
})

test('a gradient goes back through an activation in the product that makes it, if that is the first input', async () => {
  const [x, v] = [tensor([[1, -2]]), tensor([[0.5, 3]])]
  const gradient = async (run: (w: Tensor) => Tensor) => {
    const w = tensor([0.5, -1, 2, 1], [2, 2], { requiresGrad: true })
    const kernels: string[] = []
    const { run: usual } = gpu
    gpu.run = (...call: Parameters<typeof usual>) => {
      kernels.push(call[0].name)
      Reflect.apply(usual, gpu, call)
    }
    try {
      F.sum(run(w)).backward()
    } finally {
      gpu.run = usual
    }
    return { values: await list(w.grad!), alone: kernels.filter((name) => name === 'unary_backward').length }
  }
  const fused = (w: Tensor) => F.linear(x, w, null, { activation: 'silu' })
  const plain = (w: Tensor) => F.silu(F.linear(x, w))
  const first = await gradient((w) => F.linear(fused(w), v))
  const second = await gradient((w) => F.linear(v, fused(w)))
  const expected = await gradient((w) => F.linear(plain(w), v))
  assert.equal([first.alone, second.alone, expected.alone], [0, 1, 1])
  for (const { values } of [first, second])
    values.forEach((value, i) => assert.ok(Math.abs(value - expected.values[i]) < 1e-6, `${value}`))
})

test('a gradient that is set by hand is the one that optimizers see', async () => {
  const w = leaf(1, 1)
  const given = tensor([5, 6])
  w.grad = given
  given.write([0, 0]) // it was copied
  new optim.SGD([w], { lr: 1 }).step()
  assert.equal(await list(w), [-4, -5])
  refused(
    () => (w.grad = tensor([5])),
    'grad: must be null or a tensor like its leaf, f32 [2], got Tensor(f32 [1]) [5]',
  )
  assert.throws(() => (F.mul(w, 2).grad = given), /^grad: only leaves have one/)
  assert.throws(
    () => F.sum(w).backward({ retainGraph: true } as never),
    /; options come second: backward\(null, options\)/,
  )
})

test('gradients are for leaves of floats', () => {
  assert.throws(() => tensor(Int32Array.of(1), [1], { requiresGrad: true }), /only f32 and f16 tensors have gradients/)
  const y = F.mul(leaf(1), 2)
  assert.throws(() => (y.requiresGrad = false), /detach\(\) what an operator made/)
  assert.throws(() => noGrad(async () => null), /^noGrad: the function must not be async/)
  refused(() => autocast(() => null, { enable: true } as never), "autocast: unknown option 'enable', it takes enabled")
})

test('nested lists have their shape, and only numbers are numbers', async () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ])
  assert.equal(x.shape, [2, 3])
  assert.equal(await list(x), [1, 2, 3, 4, 5, 6])
  assert.equal(tensor(7).shape, [])
  refused(() => tensor([[1, 2], [3]]), 'tensor: lists of axis 1 must all have 2 elements, got 1')
  refused(() => tensor(['a'] as never), 'tensor: elements must be numbers, got String')
  assert.throws(() => tensor([1], [1], { dtyp: 'f16' } as never), /^tensor: unknown option 'dtyp'/)
  refused(() => x.write(new Int32Array(6)), 'write: a tensor of f32 takes a Float32Array, got Int32Array')
})

test('data() is typed by the dtype, and checked where it is asked for', async () => {
  const labels: Int32Array = await tensor(Int32Array.of(1, 2)).data()
  assert.equal([...labels], [1, 2])
  const floats = F.relu(tensor([1]))
  assert.is(await failure(() => floats.data('i32')), 'data: the tensor holds f32, asked for i32')
})

test('a tensor prints its dtype, its shape, and what the host has seen of it', async () => {
  const x = tensor([[0.1, 2, 3]])
  assert.is(inspect({ x }), '{ x: Tensor(f32 [1, 3]) [0.1, 2, 3] }')
  const y = F.mul(x, 2)
  assert.is(String(y), 'Tensor(f32 [1, 3])')
  await y.data()
  assert.is(String(y), 'Tensor(f32 [1, 3]) [0.2, 4, 6]')
  y.dispose()
  assert.is(String(y), 'Tensor(f32 [1, 3]) disposed')
  assert.is(String(nn.Parameter([1])), 'Tensor(f32 [1])')
})

test('impossible shapes are refused where they are asked for, and do not count', () => {
  const { bytes } = engine.memory()
  for (const shape of [[-1, 4], [1.5], [NaN], [0, 3]])
    assert.throws(() => zeros(shape), /^zeros: sizes must be positive integers, got \[/)
  assert.throws(() => zeros([2 ** 30, 8]), /needs 34359738368 bytes, this adapter's buffers hold at most \d+$/)
  assert.is(engine.memory().bytes, bytes)
})

test('tidy() gives back what it does not return, dispose() works by `using`, and unread tensors do not pile up', async () => {
  const x = zeros([1 << 18])
  const { bytes } = engine.memory()
  const kept = engine.tidy(() => {
    const y = F.relu(x)
    return F.add(y, y)
  })
  for (let i = 0; i < 20; i++) engine.tidy(() => F.mul(F.relu(x), 2).shape)
  assert.ok(engine.memory().bytes <= bytes + 4 * (4 << 18), `${engine.memory().bytes - bytes}`)
  assert.is((await kept.data())[0], 0)
  const p = leaf(2, 3)
  const loss = engine.tidy(() => F.sum(F.mul(F.exp(p), p)))
  loss.backward() // what it needs was kept
  kept[Symbol.dispose]()
  assert.throws(() => F.relu(kept), /no longer alive/)
  const large = zeros([1 << 20])
  for (let i = 0; i < 300; i++) {
    F.relu(large)
    if (i % 5 === 0) await engine.idle()
  }
  assert.ok(engine.memory().bytes < bytes + 600 * 2 ** 20, `${engine.memory().bytes} bytes`)
})

test.run()
