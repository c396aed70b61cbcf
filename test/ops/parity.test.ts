// Every operator against PyTorch: outputs, gradients and updated state of every case, in both kernel families, run at
// once (eagerly), inside a step, and with all inputs frozen but one; the gradients must agree bit for bit.
// `node dist/test/ops/parity.test.js conv2d` runs one operator.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { init } from '../../src/index.js'
import { type Tensor, tensor } from '../../src/tensor/tensor.js'
import { operators } from '../cases/all.js'
import { type Fixture, type OpCase, loadFixtures, relativeError, upload } from '../cases/case.js'
import { families, within } from './families.js'

const engine = await init()
const test = suite(`parity with PyTorch (${engine.adapterKind})`)
const TOLERANCE = 2e-5
const only = process.argv[2]

/** Runs one case, forward and backward; all that came of it by name, the names those of the fixture. */
function evaluate(op: OpCase, fixture: Fixture, inputs: Record<string, Tensor>, dy: Tensor): Record<string, Tensor> {
  const y = op.run(inputs, fixture.attrs)
  const results: Record<string, Tensor> = { y }
  if (Object.keys(fixture.gradients).length) y.backward(dy)
  for (const name in fixture.gradients) if (inputs[name].requiresGrad) results[`d${name}`] = inputs[name].grad!
  for (const name in fixture.after) results[`${name}.after`] = inputs[name]
  return results
}

async function download(tensors: Record<string, Tensor>) {
  return Object.fromEntries(
    await Promise.all(
      Object.entries(tensors).map(async ([name, t]) => [name, { shape: t.shape, data: await t.data() }] as const),
    ),
  )
}

const sameBits = (a: Float32Array, b: Float32Array) => Buffer.from(a.buffer).equals(Buffer.from(b.buffer))

/** Largest error of a case; throws with everything that is wrong about it. */
async function compare(op: OpCase, fixture: Fixture): Promise<number> {
  const dy = tensor(fixture.dy.data.slice(), fixture.dy.shape)
  const eager = await download(evaluate(op, fixture, upload(fixture), dy))
  const inputs = upload(fixture)
  const stepped = await download(await engine.step(() => evaluate(op, fixture, inputs, dy)))
  const expected: Record<string, { shape: readonly number[]; data: ArrayLike<number> }> = { y: fixture.y }
  for (const name in fixture.gradients) expected[`d${name}`] = fixture.gradients[name]
  for (const name in fixture.after) expected[`${name}.after`] = fixture.after[name]
  const tolerance = op.tolerance ?? TOLERANCE
  const wrong: string[] = []
  let worst = 0
  for (const name in expected) {
    if (String(eager[name].shape) !== String(expected[name].shape))
      wrong.push(`${name} has shape [${eager[name].shape}], not [${expected[name].shape}]`)
    const error = relativeError(eager[name].data, expected[name].data)
    if (!(error < tolerance)) wrong.push(`${name} off by ${error.toExponential(1)}`)
    if (!sameBits(eager[name].data, stepped[name].data)) wrong.push(`${name} differs inside a step`)
    worst = Math.max(worst, error)
  }
  const differentiable = Object.keys(fixture.gradients)
  for (const wanted of differentiable.length > 1 ? differentiable : []) {
    const frozen = upload(fixture)
    for (const name of differentiable) frozen[name].requiresGrad = name === wanted
    const alone = await download(await engine.step(() => evaluate(op, fixture, frozen, dy)))
    const same = sameBits(eager[`d${wanted}`].data, alone[`d${wanted}`].data)
    if (!same) wrong.push(`d${wanted} differs when wanted alone`)
  }
  if (wrong.length) throw new Error(`${fixture.name}: ${wrong.join(', ')}`)
  return worst
}

for (const op of operators) {
  if (only && op.op !== only) continue
  for (const family of families()) {
    test(`${op.op}, ${family} kernels`, () =>
      within(family, async () => {
        let worst = { error: 0, name: '' }
        const failures: string[] = []
        for (const fixture of await loadFixtures(op.op)) {
          await compare(op, fixture).then(
            (error) => {
              if (error >= worst.error) worst = { error, name: fixture.name }
            },
            (error: Error) => {
              failures.push(error.message)
            },
          )
        }
        console.log(
          `${op.op.padEnd(26)} ${family.padEnd(9)} worst error ${worst.error.toExponential(1)} (${worst.name})`,
        )
        assert.is(failures.join('\n'), '')
      }))
  }
}

test.after(() => engine.dispose())
test.run()
