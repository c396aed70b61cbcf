// Tensors made of numbers: constants, sequences, random numbers and their repeatability.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, arange, eye, full, init, ones, onesLike, rand, randn, tensor, zerosLike } from '../../src/index.js'

const SEED = 7
const engine = await init({ seed: SEED, tune: false })
const test = suite(`creation (${engine.adapterKind})`)

/** The uniform numbers of shaders/lib/rng.wgsl, for the element group `i` of a call made outside of steps. */
function uniform(i: number, stream: number): number[] {
  const v = [i, SEED, stream, 0x80000000].map((k) => Math.imul(k, 1664525) + 1013904223)
  const mix = () => {
    for (const [to, a, b] of [
      [0, 1, 3],
      [1, 2, 0],
      [2, 0, 1],
      [3, 1, 2],
    ])
      v[to] = (v[to] + Math.imul(v[a], v[b])) | 0
  }
  mix()
  v.forEach((x, k) => (v[k] = x ^ (x >>> 16)))
  mix()
  return v.map((x) => (x >>> 8) / 2 ** 24)
}

test('random numbers are the same on every adapter; normal ones to rounding', async () => {
  const stream = await engine.step(() => rand([6])).then(() => 0)
  const first = await rand([6]).data()
  const second = await rand([2, 3]).data()
  const expected = [...uniform(0, stream), ...uniform(1, stream)].slice(0, 6)
  assert.equal([...first], expected)
  assert.equal([...second], [...uniform(0, stream + 1), ...uniform(1, stream + 1)].slice(0, 6))
  const normal = await randn([4]).data()
  const [a, b, c, d] = uniform(0, stream + 2)
  const [r, s] = [a, b].map((u) => Math.sqrt(-2 * Math.log(1 - u)))
  const wanted = [
    r * Math.sin(2 * Math.PI * c),
    r * Math.cos(2 * Math.PI * c),
    s * Math.sin(2 * Math.PI * d),
    s * Math.cos(2 * Math.PI * d),
  ]
  normal.forEach((z, i) => assert.ok(Math.abs(z - wanted[i]) < 2e-6, `${z}, not ${wanted[i]}`))
})

test('normal numbers have the moments of a normal distribution', async () => {
  const n = 40_000
  const z = await randn([n]).data()
  const moment = (k: number) => z.reduce((sum, v) => sum + v ** k, 0) / n
  assert.ok(Math.abs(moment(1)) < 0.02)
  assert.ok(Math.abs(moment(2) - 1) < 0.03)
  assert.ok(Math.abs(moment(4) - 3) < 0.2)
})

test('a captured step draws anew at each execution, and the same ones from the same seed', async () => {
  const captured = engine.capture(() => ({ u: rand([4]) }))
  const [one, two] = [await (await captured()).u.data(), await (await captured()).u.data()]
  assert.not.equal([...one], [...two])
})

test('constants and sequences in every dtype', async () => {
  assert.equal([...(await full([3], -2.5).data())], [-2.5, -2.5, -2.5])
  assert.equal([...(await full([5], 3, 'i32').data())], [3, 3, 3, 3, 3])
  assert.equal([...(await full([2], 2 ** 32 - 1, 'u32').data())], [2 ** 32 - 1, 2 ** 32 - 1])
  assert.equal([...(await full([5], 200, 'u8').data())], [200, 200, 200, 200, 200])
  assert.equal([...(await full([], NaN).data())], [NaN])
  assert.equal([...(await ones([2, 2]).data())], [1, 1, 1, 1])
  const x = tensor(Int32Array.of(5, 6), [2, 1])
  assert.equal(String(onesLike(x)), 'Tensor(i32 [2, 1])')
  assert.equal([...(await onesLike(x).data())], [1, 1])
  assert.equal([...(await zerosLike(x).data())], [0, 0])
  assert.equal([...(await arange(4).data())], [0, 1, 2, 3])
  assert.equal([...(await arange(1, 2, 0.25).data())], [1, 1.25, 1.5, 1.75])
  assert.equal([...(await arange(3, -3, -2, 'i32').data())], [3, 1, -1])
  assert.equal([...(await arange(2 ** 24, 2 ** 24 + 3, 1, 'i32').data())], [2 ** 24, 2 ** 24 + 1, 2 ** 24 + 2])
  assert.equal([...(await arange(0, 256, 50, 'u8').data())], [0, 50, 100, 150, 200, 250])
  assert.equal([...(await eye(2, 3).data())], [1, 0, 0, 0, 1, 0])
  assert.equal([...(await eye(3, 2, 'i32').data())], [1, 0, 0, 1, 0, 0])
  assert.equal([...(await engine.step(() => F.add(eye(2), full([2], 0.5)))).shape], [2, 2])
  if (engine.features.has('shader-f16')) {
    assert.equal([...(await full([3], 0.5, 'f16').data())], [0.5, 0.5, 0.5])
    assert.equal([...(await arange(0, 1, 0.25, 'f16').data())], [0, 0.25, 0.5, 0.75])
  }
})

test('numbers on either side, masks as numbers, bytes compared', async () => {
  const x = tensor([1, 2, 4])
  const read = async (y: { data(): Promise<ArrayLike<number>> }) => Array.from(await y.data())
  assert.equal(await read(F.sub(1, x)), [0, -1, -3])
  assert.equal(await read(F.div(1, x)), [1, 0.5, 0.25])
  assert.equal(await read(F.add(1, x)), [2, 3, 5])
  assert.equal(await read(F.mul(3, x)), [3, 6, 12])
  assert.equal(await read(F.pow(2, x)), [2, 4, 16])
  assert.equal(await read(F.sum(F.gt(x, 1))), [2])
  assert.equal(await read(F.lt(2, x)), [0, 0, 1])
  const bytes = tensor(Uint8Array.of(0, 128, 255))
  assert.equal(await read(F.ge(bytes, 128)), [0, 1, 1])
  const labels = tensor(Int32Array.of(3, -1, 7))
  assert.equal(await read(F.where(F.eq(labels, -1), 0, labels)), [3, 0, 7])
  assert.equal(await read(F.maskedFill(labels, bytes, 2 ** 24 + 1)), [3, 2 ** 24 + 1, 2 ** 24 + 1])
  assert.is(F.where(F.eq(labels, -1), 0, labels).dtype, 'i32')
})

test('operators as methods, with their gradients', async () => {
  const x = tensor(
    [
      [1, -2],
      [3, 4],
    ],
    undefined,
    { requiresGrad: true },
  )
  const y = x.add(1).mul(x).relu().sub(0.5).mean()
  assert.is(await y.item(), (1.5 + 1.5 + 11.5 + 19.5) / 4)
  y.backward()
  assert.equal([...(await x.grad!.data())], [0.75, -0.75, 1.75, 2.25])
  assert.equal([...(await x.matmul(x.transpose(0, 1)).reshape([4]).data())], [5, -5, -5, 25])
  assert.equal(x.softmax({ dim: 1 }).unsqueeze(0).shape, [1, 2, 2])
  assert.equal([...(await x.sum({ dim: 1, keepdim: true }).data())], [-1, 7])
  assert.equal(Object.keys(x).includes('add'), false)
})

test.after(() => engine.dispose())
test.run()
