// ConvNeXt against torchvision's: names and shapes of the state dict, logits, every parameter's gradient.
import * as assert from 'uvu/assert'
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import { gpu } from '../../src/gpu/gpu.js'
import { F, autocast, init, models, tensor } from '../../src/index.js'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import { hwioToOihw } from '../../src/weights/statedict.js'
import { relativeError } from '../cases/case.js'
import { formulaState, values } from './formula.js'
import { refused } from '../errors.js'

const engine = await init()
const test = suite(`convnext (${engine.adapterKind})`)
const file = new URL('../../../test/fixtures/models/convnext.safetensors', import.meta.url)
const { tensors, metadata } = parseSafetensors(new Uint8Array(await readFile(file)), 'convnext.safetensors')
const truth = (key: string) => tensors.get(key)!.data as Float32Array
const { widths, classes, size, labels, names } = Object.fromEntries(
  Object.entries(metadata).map(([key, text]) => [key, JSON.parse(text)]),
)

const build = () => models.convnext({ depths: [1, 1, 1, 1], widths, numClasses: classes })

test("the state dict has torchvision's names and shapes, and comes back bit for bit", async () => {
  const state = await formulaState(build())
  assert.equal([...state.keys()].sort(), [...names].sort())
  for (const [name, { shape }] of state) assert.equal([...shape], [...tensors.get(`gradient.${name}`)!.shape], name)
  const model = build()
  model.loadStateDict(state)
  for (const [name, { data }] of await model.stateDict()) assert.equal(data, state.get(name)!.data, name)
})

test('logits and gradients', async () => {
  const model = build()
  model.loadStateDict(await formulaState(build()))
  const shape = [labels.length, size, size, 3]
  const x = tensor(values(`image.${size}`, shape, 2), shape)
  const logits = await engine.step(() => {
    const y = model.forward(x)
    F.crossEntropy(y, tensor(Int32Array.from(labels))).backward()
    return y
  })
  const error = relativeError(await logits.data(), truth('logits'))
  assert.ok(error < 1e-5, `logits off by ${error}`)
  const errors = new Map<string, number>()
  for (const [name, p] of model.namedParameters()) {
    const data = await p.grad!.data()
    const expected = tensors.get(`gradient.${name}`)!
    const found = expected.shape.length === 4 ? hwioToOihw(data, expected.shape) : data
    errors.set(name, relativeError(found, truth(`gradient.${name}`)))
  }
  assert.is(errors.size, names.length)
  console.log(`logits ${error.toExponential(1)}, gradients ${Math.max(...errors.values()).toExponential(1)}`)
  assert.equal(
    [...errors].filter(([, e]) => !(e < 1e-4)),
    [],
  )
})

test('mixed precision: logits near, every parameter gets a finite gradient', async () => {
  if (!gpu.caps.f16) return console.log('skip: this adapter has no shader-f16')
  const model = build()
  model.loadStateDict(await formulaState(build()))
  const shape = [labels.length, size, size, 3]
  const x = tensor(values(`image.${size}`, shape, 2), shape)
  const logits = await engine.step(() => {
    const y = autocast(() => model.forward(x))
    F.crossEntropy(y, tensor(Int32Array.from(labels))).backward()
    return F.cast(y, 'f32')
  })
  const error = relativeError(await logits.data(), truth('logits'))
  assert.ok(error < 1e-2, `logits off by ${error}`)
  for (const [name, p] of model.namedParameters()) assert.ok((await p.grad!.data()).every(Number.isFinite), name)
})

test('options and images that do not fit', () => {
  refused(
    () => models.convnext({ depths: [1, 1], widths: [8] }),
    'convnext: needs a depth and a width for each stage, got 2 and 1',
  )
  refused(
    () => build().forward(tensor(new Float32Array(4), [1, 2, 2, 1])),
    'convnext: needs images [N, H, W, 3], got [1, 2, 2, 1]',
  )
})

test.after(() => engine.dispose())
test.run()
