// Special numbers as PyTorch gives them, in both kernel families: NaN, infinities, ties, and what overflows on the way;
// then sums so long, or data so far from zero, that naive arithmetic shows.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, init, nn, noGrad, optim } from '../../src/index.js'
import { type Tensor, tensor } from '../../src/tensor/tensor.js'
import { type Fixture, loadFixtures, upload } from '../cases/case.js'
import { families, within } from './families.js'

const engine = await init({ tune: false })
const test = suite(`special numbers (${engine.adapterKind})`)

/** Attributes of a case, with '$x' for input x. */
function resolve(value: unknown, inputs: Record<string, Tensor>): unknown {
  if (value === '$inf' || value === '$-inf') return Number(value.slice(1).replace('inf', 'Infinity'))
  if (typeof value === 'string' && value[0] === '$') return inputs[value.slice(1)]
  if (Array.isArray(value)) return value.map((v) => resolve(v, inputs))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolve(v, inputs)]))
}

const ELEMENTWISE =
  /^(abs|exp|log|neg|relu|sigmoid|r?sqrt|tanh|gelu|add|sub|mul|div|reciprocal|square|sign|floor|ceil|round|sin|cos|expm1|log1p|softplus|leakyRelu|elu|clamp|maximum|minimum|pow|eq|ne|gt|ge|lt|le|where)\b/
const SMALLEST = 2 ** -126 // below it an adapter may take numbers for 0

/** Whether a value stands for another: the same NaN or infinity, or as near as f32 allows. */
function near(got: number, want: number, scale: number): boolean {
  if (!Number.isFinite(want) || !Number.isFinite(got)) return Object.is(got, want)
  return Math.abs(got - want) <= Math.max(2e-5 * Math.abs(want), SMALLEST, scale)
}

async function differences({ name, attrs, y, dy, gradients, ...fixture }: Fixture): Promise<string[]> {
  const inputs = upload({ name, attrs, y, dy, gradients, ...fixture })
  const run = F[attrs.fn as keyof typeof F] as (...args: unknown[]) => Tensor
  const result = run(...(resolve(attrs.args, inputs) as unknown[]))
  if (result.requiresGrad) result.backward(tensor(dy.data.slice(), dy.shape))
  const wrong: string[] = []
  const compare = async (what: string, got: Tensor, want: ArrayLike<number>) => {
    const largest = Math.max(0, ...Array.from(want).filter(Number.isFinite).map(Math.abs))
    const scale = ELEMENTWISE.test(name) ? 0 : 1e-5 * largest
    ;(await got.data()).forEach((v, i) => {
      if (!near(v, want[i], scale)) wrong.push(`${name}: ${what}[${i}] is ${v}, not ${want[i]}`)
    })
  }
  await compare('y', result, y.data)
  for (const input in gradients) await compare(`d${input}`, inputs[input].grad!, gradients[input].data)
  return wrong
}

for (const family of families()) {
  test(`as PyTorch, ${family} kernels`, () =>
    within(family, async () => {
      const wrong: string[] = []
      for (const fixture of await loadFixtures('special')) wrong.push(...(await differences(fixture)))
      assert.is(wrong.join('\n'), '')
    }))
}

const relative = (got: number, want: number) => Math.abs(got / want - 1)

test('the best of rows with NaN: first among the largest, last among the smallest', async () => {
  const x = tensor([[1, NaN, 3, -Infinity, NaN, 2]])
  const read = async ({ values, indices }: F.ValuesAndIndices) => [...(await values.data()), ...(await indices.data())]
  assert.equal(await read(F.topk(x, 3)), [NaN, NaN, 3, 1, 4, 2])
  assert.equal(await read(F.topk(x, 5, { largest: false })), [-Infinity, 1, 2, 3, NaN, 3, 0, 5, 2, 1])
  assert.equal(await read(F.max(x, 1)), [NaN, 1])
  assert.equal(await read(F.min(x, 1)), [NaN, 1])
})

test('long sums lose no more than short ones', async () => {
  const rows = 200_000
  const logits = tensor(
    Float32Array.from({ length: rows * 3 }, (_, i) => i % 5),
    [rows, 3],
  )
  const target = tensor(Int32Array.from({ length: rows }, (_, i) => i % 3))
  const losses = await F.crossEntropy(logits, target, { reduction: 'none' }).data()
  const total = losses.reduce((a, b) => a + b, 0)
  const off = {
    'mean loss': relative(await F.crossEntropy(logits, target).item(), total / rows),
    'sum of losses': relative(await F.crossEntropy(logits, target, { reduction: 'sum' }).item(), total),
  } as Record<string, number>
  const size = 1 << 20
  const tenths = tensor(new Float32Array(size).fill(0.1))
  const tenth = Math.fround(0.1)
  off['sum of tenths'] = relative(await F.sum(tenths).item(), size * tenth)
  off['running sum'] = relative((await F.cumsum(tenths, 0).data())[size - 1], size * tenth)
  off['norm of tenths'] = relative(await F.norm(tenths).item(), Math.sqrt(size) * tenth)
  const columns = F.sum(F.reshape(tenths, [size / 16, 16]), 0)
  off['sum of columns'] = relative((await columns.data())[3], (size / 16) * tenth)
  const wide = F.softmax(F.reshape(F.mul(tenths, 0), [1, size]), { dim: 1 })
  off['softmax of equals'] = relative((await wide.data())[7], 1 / size)
  const pooled = F.adaptiveAvgPool2d(F.reshape(tenths, [1, 1024, 1024, 1]), [1, 2])
  off.pool = relative((await pooled.data())[1], tenth)
  const product = F.matmul(F.reshape(tenths, [1, size]), F.reshape(tenths, [size, 1]))
  off.product = relative(await product.item(), size * tenth * tenth)
  const wrong = Object.entries(off).filter(([name, error]) => !(error < (name === 'product' ? 1e-4 : 2e-5)))
  assert.equal(wrong, [])
})

test('BatchNorm: an outlier as first value, and running statistics that move all the way', async () => {
  const rows = 65536
  for (const outlier of [30, 1000]) {
    const values = Float32Array.from({ length: rows }, (_, i) => (i ? Math.sin(i * 12.9898) * 1.4 : outlier))
    const mean = values.reduce((a, b) => a + b, 0) / rows
    const squares = values.reduce((a, b) => a + (b - mean) ** 2, 0)
    const [runningMean, runningVar] = [tensor([5]), tensor([1])]
    const options = { training: true, momentum: 1 }
    const y = await F.batchNorm(tensor(values, [rows, 1]), runningMean, runningVar, null, null, options).data()
    assert.ok(relative(await runningVar.item(), squares / (rows - 1)) < 2e-6)
    assert.ok(Math.abs((await runningMean.item()) - mean) < 1e-6 * outlier)
    const rstd = 1 / Math.sqrt(squares / rows + 1e-5)
    assert.ok(y.every((v, i) => Math.abs(v - (values[i] - mean) * rstd) < 1e-5 * Math.max(1, Math.abs(v))))
  }
})

test('BatchNorm with momentum null: the mean over all batches, also captured and several times a step', async () => {
  const x = tensor(
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * 1.7)),
    [8, 3],
  )
  const values = await x.data()
  const mean = [0, 1, 2].map((c) => values.filter((_, i) => i % 3 === c).reduce((a, b) => a + b) / 8)
  const bn = new nn.BatchNorm2d(3, 1e-5, null)
  const shift = tensor([0], [])
  const step = engine.capture(({ shift: by }: { shift: Tensor }) =>
    noGrad(() => {
      bn.forward(F.add(x, by))
      return { y: bn.forward(F.add(x, F.mul(by, 3))) }
    }),
  )
  let sum = 0
  for (const by of [1, 4, 10]) {
    shift.write(Float32Array.of(by))
    await step({ shift })
    sum += by + 3 * by
  }
  const got = await bn.runningMean.data()
  assert.is(bn.numBatchesTracked, 6)
  got.forEach((v, c) => assert.ok(Math.abs(v - (mean[c] + sum / 6)) < 1e-5, `${v}`))
})

test('casts between all dtypes: towards zero, to the end of the range, wrapping, rounding to nearest', async () => {
  const floats = [0, -0.9, 1.9, -1.9, 255.9, 256, -300, 3e9, 5e9, -3e9, Infinity, -Infinity, NaN]
  const most = 2 ** 31 - 1
  const read = async (x: Tensor) => [...(await x.data())]
  const x = tensor(floats)
  assert.equal(await read(F.cast(x, 'i32')), [
    ...[0, 0, 1, -1, 255, 256, -300, most, most, -most - 1, most, -most - 1, 0],
  ])
  assert.equal(await read(F.cast(x, 'u32')), [0, 0, 1, 0, 255, 256, 0, 3e9, 2 ** 32 - 1, 0, 2 ** 32 - 1, 0, 0])
  assert.equal(await read(F.cast(x, 'u8')), [0, 0, 1, 0, 255, 255, 0, 255, 255, 0, 255, 0, 0])
  const integers = tensor(Int32Array.of(0, -1, 300, 16777217, -16777219, most, -most - 1))
  assert.equal(await read(F.cast(integers, 'f32')), [0, -1, 300, 16777216, -16777220, 2 ** 31, -(2 ** 31)])
  assert.equal(await read(F.cast(integers, 'u32')), [0, 2 ** 32 - 1, 300, 16777217, 4278190077, most, 2 ** 31])
  assert.equal(await read(F.cast(integers, 'u8')), [0, 255, 44, 1, 253, 255, 0])
  const large = tensor(Uint32Array.of(4294967295, 7))
  assert.equal(await read(F.cast(large, 'f32')), [2 ** 32, 7])
  assert.equal(await read(F.cast(large, 'i32')), [-1, 7])
  const bytes = tensor(Uint8Array.of(0, 1, 127, 128, 255))
  for (const dtype of ['f32', 'i32', 'u32'] as const) {
    assert.equal(await read(F.cast(bytes, dtype)), [0, 1, 127, 128, 255])
    assert.equal(await read(bytes.to(dtype).to('u8')), [0, 1, 127, 128, 255])
  }
  if (engine.features.has('shader-f16')) {
    const halves = F.cast(tensor([-2.5, 300.7, 70000]), 'f16')
    assert.equal(await read(F.cast(halves, 'i32')), [-2, 300, most])
    assert.equal(await read(F.cast(halves, 'u8')), [0, 255, 255])
    assert.equal(await read(F.cast(F.cast(bytes, 'f16'), 'f32')), [0, 1, 127, 128, 255])
    assert.equal(await read(F.cast(tensor(Int32Array.of(-3, 2049, 70000)), 'f16')), [-3, 2048, Infinity])
  }
  const leaf = tensor([1.5], [1], { requiresGrad: true })
  assert.is(F.cast(leaf, 'i32').requiresGrad, false)
})

test('clipGradNorm: a norm that is NaN leaves no gradient that looks right', async () => {
  const layer = new nn.Linear(2, 1, { bias: false })
  F.sum(F.mul(layer.weight, tensor([1, NaN], [1, 2]))).backward()
  optim.clipGradNorm([layer.weight], 1)
  assert.ok((await layer.weight.grad!.data()).every(Number.isNaN))
})

test.after(() => engine.dispose())
test.run()
