// Indexing beyond parity: numbers outside of the axis, integers, one-hot rows, the same bits every time, errors.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, type Tensor, init, tensor } from '../../src/index.js'
import { refused } from '../errors.js'

const engine = await init()
const test = suite(`indexing (${engine.adapterKind})`)
test.after(() => engine.dispose())

const numbers = async (t: Tensor) => [...(await t.data())]
const ints = (...values: number[]) => tensor(Int32Array.from(values))
const { NaN: nan } = Number

test('what an index outside would give is NaN, as it cannot raise; scatterAdd, where it has no place, is NaN all over', async () => {
  const x = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  assert.equal(await numbers(F.indexSelect(x, 0, ints(2, 3, -1))), [5, 6, nan, nan, nan, nan])
  assert.equal(await numbers(F.embedding(ints(-1, 0), x)), [nan, nan, 1, 2])
  const index = tensor(Int32Array.of(1, 2, 0, -7), [2, 2])
  assert.equal(await numbers(F.gather(x, 1, tensor(Int32Array.of(1, 2, 0, -7, 1, 1), [3, 2]))), [2, nan, 3, nan, 6, 6])
  assert.equal(await numbers(F.scatterAdd(x, 0, index, ones(2, 2))), new Array(6).fill(nan))
  assert.equal(await numbers(F.oneHot(ints(2, 0, 3, -1), 3)), [0, 0, 1, 1, 0, 0, nan, nan, nan, nan, nan, nan])
})

function ones(...shape: number[]) {
  return tensor(new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape)
}

test('integers are chosen too; an index outside gives the largest', async () => {
  const x = tensor(Int32Array.of(-5, 6, 70_000_001), [3])
  const y = F.indexSelect(x, 0, ints(2, 0, 5))
  assert.is(y.dtype, 'i32')
  assert.equal([...(await y.data('i32'))], [70_000_001, -5, 2 ** 31 - 1])
  const repeated = F.repeat(x, [2])
  assert.equal([...(await repeated.data('i32'))], [-5, 6, 70_000_001, -5, 6, 70_000_001])
})

test('gradients of many equal numbers are right and the same bits every time, also in a captured step', async () => {
  const rows = 50
  const count = 5000
  const indices = tensor(Int32Array.from({ length: count }, (_, i) => (i * i + 7 * i) % rows))
  const values = Float32Array.from({ length: count * 3 }, (_, i) => Math.fround(Math.sin(i * 0.37)))
  const dy = tensor(values, [count, 3])
  const weight = tensor(new Float32Array(rows * 3), [rows, 3], { requiresGrad: true })
  const run = engine.capture(({ at }: { at: Tensor }) => {
    weight.grad = null
    F.embedding(at, weight).backward(dy)
    return weight.grad!
  })
  const first = await numbers(await run({ at: indices }))
  const expected = new Float64Array(rows * 3)
  const places = await indices.data('i32')
  places.forEach((row, i) => {
    for (let c = 0; c < 3; c++) expected[row * 3 + c] += values[i * 3 + c]
  })
  first.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) < 1e-4, `${i}: ${v}, not ${expected[i]}`))
  assert.equal(await numbers(await run({ at: indices })), first)
  weight.grad = null
  F.embedding(indices, weight).backward(dy)
  assert.equal(await numbers(weight.grad!), first)
})

test('what does not fit is refused in one line', () => {
  const x = ones(3, 2)
  refused(() => F.indexSelect(x, 0, ones(2)), "indexSelect: 'index' takes i32, got f32; cast it")
  refused(() => F.indexSelect(x, 2, ints(0)), 'indexSelect: dim must be between -2 and 1, got 2')
  refused(() => F.gather(x, 0, ints(0)), 'gather: index must fit x [3, 2] outside dim 0, got [1]')
  refused(
    () => F.scatterAdd(x, 0, tensor(Int32Array.of(0), [1, 1]), ones(1, 1)),
    'scatterAdd: index and src must have the shape of x [3, 2] outside dim 0, got [1, 1] and [1, 1]',
  )
  refused(() => F.embedding(ints(0), x, { paddingIdx: 3 }), 'embedding: paddingIdx must be between -3 and 2, got 3')
  refused(
    () => F.embedding(ints(0), x, { maxNorm: 1 } as never),
    "embedding: unknown option 'maxNorm', it takes paddingIdx",
  )
  refused(() => F.split(x, [1, 1]), 'split: sizes must be positive integers that add up to the 3 of dim 0, got 1,1')
  refused(() => F.stack([x, ones(2)]), 'stack: shapes must be equal, got [3, 2] and [2]')
  refused(() => F.roll(x, [1, 2], 0), 'roll: needs as many whole shifts as dims, got 1,2 and 0')
  refused(() => F.repeat(x, [2]), 'repeat: needs a positive count for each axis of [3, 2], got [2]')
  refused(() => F.flip(x, [0, -2]), 'flip: dims must be distinct, got [0, 0]')
  refused(() => F.pad(x, [2, 0], { mode: 'reflect' }), 'pad: 2 and 0 do not fit an axis of 2 in mode reflect')
  refused(() => F.pad(x, [-1, -1]), 'pad: -1 and -1 do not fit an axis of 2 in mode constant')
  refused(() => F.pad(x, [1]), 'pad: padding must be pairs of whole numbers, at most 2 of them, got [1]')
})

test.run()
