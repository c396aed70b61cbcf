// Random graphs of operators, run at once and inside a step: placing intermediates over others must not change a bit.
// Every graph runs in two more ways that share arenas with the others: a second time from the plan, and captured.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, type Tensor, init, tensor } from '../../src/index.js'

const engine = await init()
const test = suite(`random graphs (${engine.adapterKind})`)
const GRAPHS = Number(process.argv[2] ?? 40)

/** Whole numbers below n, from a seed (xorshift). */
function dice(seed: number) {
  let state = (seed * 2654435761) | 1
  return (n: number) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

type Build = (leaves: Tensor[]) => Tensor

/** A graph over three leaves of [rows, cols] whose nodes keep that shape, ending in one sum over a few of them. */
function graph(seed: number, rows: number, cols: number): Build {
  const roll = dice(seed)
  const length = 3 + roll(20)
  const choices = Array.from({ length }, (_, i) => ({ kind: roll(12), a: roll(i + 3), b: roll(i + 3) }))
  const kept = choices.map(() => roll(4) === 0)
  return (leaves) => {
    const nodes = [...leaves]
    for (const { kind, a, b } of choices) nodes.push(apply(kind, nodes[a], nodes[b], rows, cols))
    return nodes
      .slice(3)
      .filter((_, i) => kept[i] || i === length - 1)
      .map((n) => F.mean(F.tanh(n)))
      .reduce((x, y) => F.add(x, y))
  }
}

function apply(kind: number, a: Tensor, b: Tensor, rows: number, cols: number): Tensor {
  switch (kind) {
    case 0:
      return F.add(a, b)
    case 1:
      return F.sub(a, b)
    case 2:
      return F.mul(F.tanh(a), b)
    case 3:
      return F.relu(a)
    case 4:
      return F.sigmoid(a)
    case 5:
      return F.softmax(a, { dim: 1 })
    case 6:
      return F.transpose(F.transpose(a, 0, 1), 0, 1)
    case 7:
      return F.add(a, F.mean(b, { dim: [0], keepdim: true }))
    case 8:
      return F.slice(F.cat([a, b], { dim: 0 }), { dim: 0, start: 1, end: rows + 1 })
    case 9:
      return F.tanh(F.matmul(F.matmul(F.tanh(a), F.transpose(F.tanh(b), 0, 1)), a))
    case 10:
      return F.reshape(F.neg(F.reshape(a, [cols, rows])), [rows, cols])
    default:
      return F.logSoftmax(a, { dim: 0 })
  }
}

const bits = async (tensors: readonly Tensor[]) =>
  (await Promise.all(tensors.map((t) => t.data()))).map((d) => new Uint32Array(d.buffer).join())

test(`${GRAPHS} graphs`, async () => {
  for (let seed = 1; seed <= GRAPHS; seed++) {
    const roll = dice(seed + 1000)
    const [rows, cols] = [1 + roll(9), 1 + roll(70)]
    const build = graph(seed, rows, cols)
    const random = () => Float32Array.from({ length: rows * cols }, () => roll(2000) / 1000 - 1)
    const values = [random(), random(), random()]
    const work = (leaves: Tensor[]) => {
      for (const leaf of leaves) leaf.grad = null
      const y = build(leaves)
      y.backward()
      return [y, ...leaves.flatMap((l) => (l.grad ? [l.grad] : []))]
    }
    const leaves = () => values.map((v) => tensor(v, [rows, cols], { requiresGrad: true }))
    const expected = await bits(work(leaves()))
    const mine = leaves()
    for (const way of ['recorded', 'recorded again'])
      assert.equal(await bits(await engine.step(() => work(mine))), expected, `graph ${seed}, ${way}`)
    const captured = engine.capture(() => work(mine))
    for (const way of ['captured', 'replayed'])
      assert.equal(await bits(await captured()), expected, `graph ${seed}, ${way}`)
  }
})

test.after(() => engine.dispose())
test.run()
