// Gradients against finite differences of the engine's own forward pass: a witness that knows nothing of PyTorch.
// Along a random direction v, <dx, v> must be (f(x + h v) − f(x − h v)) / 2h with f = <y, dy>, summed in double.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { init } from '../../src/index.js'
import { type Tensor, tensor } from '../../src/tensor/tensor.js'
import { operators } from '../cases/all.js'
import { type Fixture, type OpCase, loadFixtures, upload } from '../cases/case.js'

const engine = await init()
const test = suite(`finite differences (${engine.adapterKind})`)
const only = process.argv[2]
/** Elements of all inputs of a case above which it is left to parity. */
const SMALL = 3000
const DIRECTIONS = 3

/** Normally distributed, from a fixed seed (mulberry32 and Box-Muller). */
function normals(seed: number): () => number {
  const uniform = () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** f(x + step · direction) for the inputs named in `directions`. */
async function value(
  op: OpCase,
  fixture: Fixture,
  directions: Record<string, Float32Array>,
  step: number,
): Promise<number> {
  const inputs: Record<string, Tensor> = upload(fixture)
  for (const name in directions) {
    const { data, shape } = fixture.inputs[name]
    inputs[name] = tensor(
      Float32Array.from(data, (x, i) => x + step * directions[name][i]),
      shape,
    )
  }
  return dot(await op.run(inputs, fixture.attrs).data(), fixture.dy.data)
}

/**
 * Largest difference over the inputs, in units of what a random direction is expected to see. Of the directions of one
 * input the median counts: a wrong gradient shows along all of them, a step across a kink of relu only along some.
 */
async function check(op: OpCase, fixture: Fixture): Promise<number> {
  const inputs = upload(fixture)
  op.run(inputs, fixture.attrs).backward(tensor(fixture.dy.data.slice(), fixture.dy.shape))
  const random = normals(fixture.name.length)
  let worst = 0
  for (const name in fixture.gradients) {
    const gradient = await inputs[name].grad!.data()
    const norm = Math.sqrt(dot(gradient, gradient))
    const data = Array.from(fixture.inputs[name].data)
    const mean = data.reduce((a, b) => a + b, 0) / data.length
    const spread = Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length) || 1
    const h = op.gradStep?.(spread, fixture.attrs) ?? 1e-2 * Math.min(1, spread)
    const errors: number[] = []
    for (let i = 0; i < DIRECTIONS; i++) {
      const direction = gradient.map(() => random())
      // The step that is taken is the one that f32 can hold.
      const along = direction.map((v, j) => (Math.fround(data[j] + h * v) - Math.fround(data[j] - h * v)) / (2 * h))
      const difference =
        ((await value(op, fixture, { [name]: direction }, h)) - (await value(op, fixture, { [name]: direction }, -h))) /
        (2 * h)
      const error = Math.abs(difference - dot(gradient, along)) / Math.max(norm, 1e-2)
      errors.push(Number.isNaN(error) ? Infinity : error)
    }
    worst = Math.max(worst, errors.sort((a, b) => a - b)[DIRECTIONS >> 1])
  }
  return worst
}

for (const op of operators) {
  if (only && op.op !== only) continue
  test(op.op, async () => {
    let worst = { error: 0, name: '' }
    const failures: string[] = []
    for (const fixture of await loadFixtures(op.op)) {
      const elements = Object.values(fixture.inputs).reduce((n, { data }) => n + data.length, 0)
      if (fixture.attrs.kink || elements > SMALL || Object.keys(fixture.gradients).length === 0) continue
      const error = await check(op, fixture)
      if (error >= worst.error) worst = { error, name: fixture.name }
      const tolerance = op.gradTolerance?.(fixture.attrs) ?? 2e-3
      if (!(error < tolerance)) failures.push(`${fixture.name}: off by ${error.toExponential(1)}`)
    }
    console.log(`${op.op.padEnd(26)} worst difference ${worst.error.toExponential(1)} (${worst.name})`)
    assert.is(failures.join('\n'), '')
  })
}

test.after(() => engine.dispose())
test.run()
