// dropout has no PyTorch twin to the bit: its rate, scaling, mask and seeds are tested instead.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, init, tensor } from '../../src/index.js'

let engine = await init({ seed: 7 })
const test = suite(`dropout (${engine.adapterKind})`)
const N = 100_003
const ones = () => tensor(new Float32Array(N).fill(1), [N], { requiresGrad: true })

/** Output and gradient for inputs and upstream gradients of one. */
async function once(p: number, training = true) {
  const x = ones()
  const { y } = await engine.step(() => {
    const y = F.dropout(x, p, training)
    y.backward(ones())
    return { y }
  })
  return { y: await y.data(), dx: await x.grad!.data() }
}

test('zeroes a share of p and scales the rest by 1 / (1 - p)', async () => {
  for (const p of [0.1, 0.5, 0.9]) {
    const { y } = await once(p)
    const zeros = y.filter((v) => v === 0).length
    const deviation = Math.sqrt(N * p * (1 - p))
    assert.ok(Math.abs(zeros - N * p) < 5 * deviation, `p = ${p}: ${zeros} zeros of ${N}`)
    assert.ok(
      y.every((v) => v === 0 || Math.abs(v * (1 - p) - 1) < 1e-6),
      `p = ${p}: scale`,
    )
    // Neighbours are independent: pairs of zeros come at p².
    const pairs = y.filter((v, i) => v === 0 && y[i + 1] === 0).length
    assert.ok(Math.abs(pairs - N * p * p) < 8 * Math.sqrt(N * p * p), `p = ${p}: ${pairs} pairs`)
  }
})

test('backward uses the mask of forward', async () => {
  const { y, dx } = await once(0.3)
  assert.equal(dx, y)
})

test('every call and every step draws anew', async () => {
  const x = ones()
  const [a, b] = await engine.step(() => [F.dropout(x, 0.5, true), F.dropout(x, 0.5, true)])
  const differ = (p: Float32Array, q: Float32Array) => p.filter((v, i) => v !== q[i]).length / N
  assert.ok(Math.abs(differ(await a.data(), await b.data()) - 0.5) < 0.02)
  const captured = engine.capture(() => F.dropout(x, 0.5, true))
  const first = await (await captured()).data()
  assert.ok(Math.abs(differ(first, await (await captured()).data()) - 0.5) < 0.02)
})

test('p = 0 and evaluation change nothing, p = 1 leaves zeros', async () => {
  assert.ok((await once(0)).y.every((v) => v === 1))
  assert.ok((await once(0.5, false)).y.every((v) => v === 1))
  const { y, dx } = await once(1)
  assert.ok(y.every((v) => v === 0) && dx.every((v) => v === 0))
})

test('dropPath drops whole samples, backward the same ones, by either of its kernels', async () => {
  for (const per of [8, 5]) {
    const x = tensor(new Float32Array(400 * per).fill(1), [400, per], { requiresGrad: true })
    const { y } = await engine.step(() => {
      const y = F.dropPath(x, 0.25, true)
      y.backward(tensor(new Float32Array(400 * per).fill(1), [400, per]))
      return { y }
    })
    const values = await y.data()
    assert.equal(await x.grad!.data(), values)
    let dropped = 0
    for (let i = 0; i < 400; i++) {
      const sample = values.subarray(i * per, (i + 1) * per)
      assert.ok(sample.every((v) => v === sample[0]) && (sample[0] === 0 || Math.abs(sample[0] - 4 / 3) < 1e-6))
      if (sample[0] === 0) dropped++
    }
    assert.ok(Math.abs(dropped - 100) < 5 * Math.sqrt(75), `${dropped} of 400 dropped`)
  }
})

test('the seed decides', async () => {
  const run = async (seed: number) => {
    engine.dispose()
    engine = await init({ seed })
    return (await once(0.5)).y
  }
  const a = await run(1)
  const b = await run(1)
  const c = await run(2)
  assert.equal(a, b)
  assert.ok(a.some((v, i) => v !== c[i]))
})

test.after(() => engine.dispose())
test.run()
