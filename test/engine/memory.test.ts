// Memory for time: checkpointed activations and batches in parts give the same gradients for less; a dry engine tells
// beforehand what a real one takes.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, type Tensor, Trainer, checkpoint, init, models, nn, noGrad, optim, tensor } from '../../src/index.js'
import type { Batch } from '../../src/data/dataLoader.js'
import { compose, Normalize, Resize, ToTensor } from '../../src/data/transforms.js'
import { contiguousRuns } from '../../src/tensor/arena.js'
import type { BatchSource } from '../../src/train/batches.js'
import { relativeError } from '../cases/case.js'
import { refused } from '../errors.js'

let engine = await init({ seed: 3 })
const test = suite(`memory (${engine.adapterKind})`)

const SIZE = 32
const small = { imageSize: SIZE, patchSize: 4, dim: 64, depth: 6, heads: 2, numClasses: 3 }
const pixels = Uint8Array.from({ length: 12 * SIZE * SIZE * 3 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255)

/** One batch of 12 pictures an epoch, of uneven classes. */
function source(batchSize = 12): BatchSource {
  const labels = Int32Array.from({ length: 12 }, (_, i) => (i < 7 ? 0 : i < 10 ? 1 : 2))
  return {
    dataset: {
      samples: Array.from(labels, (label, i) => ({ path: `${i}.png`, file: '', label })),
      classes: ['a', 'b', 'c'],
      transform: compose([Resize([SIZE, SIZE]), ToTensor(), Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])]),
    },
    length: 12 / batchSize,
    batchSize,
    async *epoch(): AsyncGenerator<Batch, void, void> {
      for (let at = 0; at < 12; at += batchSize) {
        const bytes = SIZE * SIZE * 3
        yield {
          images: pixels.slice(at * bytes, (at + batchSize) * bytes),
          shape: [batchSize, SIZE, SIZE, 3],
          labels: labels.slice(at, at + batchSize),
          indices: Int32Array.from({ length: batchSize }, (_, i) => at + i),
        }
      }
    },
  }
}

const image = () =>
  tensor(
    Float32Array.from(pixels.subarray(0, 4 * SIZE * SIZE * 3), (v) => v / 128 - 1),
    [4, SIZE, SIZE, 3],
  )

/** All gradients of one step, and what the step's plan took. */
async function gradients(model: models.VisionTransformer): Promise<{ data: Float32Array[]; planned: number }> {
  const before = engine.memory().planned
  const [x, y] = [image(), tensor(Int32Array.of(0, 1, 2, 1))]
  await engine.capture(() => {
    for (const p of model.parameters()) p.grad = null
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    return loss
  })()
  const data: Float32Array[] = []
  for (const p of model.parameters()) data.push(p.requiresGrad ? await p.grad!.data() : new Float32Array(1))
  return { data, planned: engine.memory().planned - before }
}

async function fresh(options: Partial<models.VitOptions> = {}): Promise<models.VisionTransformer> {
  engine.dispose()
  engine = await init({ seed: 3 }) // the same fresh weights and random numbers for each
  return models.vit({ ...small, ...options })
}

for (const [name, options, frozen] of [
  ['all layers', {}, /^$/],
  ['dropout and stochastic depth', { dropout: 0.1, dropPath: 0.3 }, /^$/],
  ['the first half frozen', {}, /^(cls|pos|patch|blocks\.[012]\.)/],
] as const) {
  test(`checkpointed activations, ${name}: the same gradients, bit for bit, in less memory`, async () => {
    const plain = await gradients((await fresh(options)).freeze((n) => frozen.test(n)))
    const model = (await fresh(options)).freeze((n) => frozen.test(n))
    model.checkpointActivations = true
    const saving = await gradients(model)
    assert.equal(saving.data, plain.data)
    assert.ok(plain.data.some((g) => g.length > 1 && g.some((v) => v !== 0)))
    assert.ok(
      saving.planned < plain.planned * (name === 'the first half frozen' ? 0.9 : 0.6),
      `${saving.planned} of ${plain.planned} bytes`,
    )
  })
}

test('a checkpoint with several outputs, some unused, and an input that needs no gradient', async () => {
  const [a, b, c] = [1, 2, 3].map((v) => tensor([v, -v, 2 * v], [3], { requiresGrad: v < 3 }))
  const twice = (x: Tensor, y: Tensor, z: Tensor) => [F.mul(F.mul(x, y), z), F.exp(y), F.mul(x, x)]
  const run = (through: typeof twice) =>
    engine.step(() => {
      for (const t of [a, b, c]) t.grad = null
      const [first, , third] = through(a, b, c)
      F.sum(F.add(first, third)).backward()
      assert.is(c.grad, null)
      return [a.grad!, b.grad!]
    })
  const values = async (tensors: Tensor[]) => Promise.all(tensors.map((t) => t.data()))
  const direct = await values(await run(twice))
  assert.equal(await values(await run((...inputs) => checkpoint((x, y, z) => twice(x, y, z), inputs) as never)), direct)
})

/** Weights after one step of gradient descent at rate 1: they tell every gradient. */
async function descend(gradAccumulation: number): Promise<{ loss: number; weights: Float32Array[]; planned: number }> {
  const model = await fresh()
  const optimizer = new optim.SGD(model.parameters(), { lr: 1 })
  const trainer = new Trainer({
    engine,
    model,
    optimizer,
    train: source(),
    epochs: 1,
    gradAccumulation,
    classWeight: Float32Array.of(0.5, 2, 3),
  })
  const { history } = await trainer.fit()
  const weights: Float32Array[] = []
  for (const p of model.parameters()) weights.push(await p.data())
  return { loss: history[0].trainLoss, weights, planned: engine.memory().planned }
}

test('a batch in parts: the gradients of the whole, with class weights, in less memory; twice the same bits', async () => {
  const whole = await descend(1)
  for (const parts of [3, 5]) {
    const cut = await descend(parts)
    assert.ok(Math.abs(cut.loss / whole.loss - 1) < 1e-6, `${cut.loss} ${whole.loss}`)
    cut.weights.forEach((w, i) =>
      assert.ok(
        relativeError(w, whole.weights[i]) < 2e-6,
        `parameter ${i} off by ${relativeError(w, whole.weights[i])}`,
      ),
    )
    assert.ok(cut.planned < whole.planned * 0.6, `${cut.planned} of ${whole.planned} bytes`)
    assert.equal((await descend(parts)).weights, cut.weights)
  }
  refused(
    () =>
      new Trainer({
        engine,
        model: models.vit(small),
        optimizer: new optim.SGD(models.vit(small).parameters(), { lr: 1 }),
        train: source(),
        epochs: 1,
        gradAccumulation: 0,
      }),
    'Trainer: gradAccumulation must be a whole number of at least 1, got 0',
  )
})

/** Trains for real, or only prepares when dry; memory afterwards. */
async function memoryOf(dryRun: boolean) {
  engine.dispose()
  engine = await init({ dryRun })
  const model = models.vit({ ...small, dim: 256, depth: 4 })
  const adam = new optim.Adam(model.parameters(), { lr: 1e-3 })
  const trainer = new Trainer({ engine, model, optimizer: adam, train: source(6), validation: source(), epochs: 1 })
  if (dryRun) await trainer.prepare()
  else await trainer.fit()
  return engine.memory()
}

test('a dry engine plans what a real one takes, within 5 %, and refuses to run', async () => {
  const real = await memoryOf(false)
  const dry = await memoryOf(true)
  const ratio = dry.peakBytes / real.peakBytes
  assert.ok(ratio > 0.95 && ratio < 1.05, `planned ${dry.peakBytes}, taken ${real.peakBytes}`)
  assert.is(dry.planned, real.planned)
  for (const use of ['parameters', 'gradients', 'optimizer', 'arena']) assert.is(dry.uses[use], real.uses[use], use)
  const model = new nn.Linear(4, 4)
  const refused = async (work: () => Promise<unknown>, message: RegExp) => {
    const error = await work().then(
      () => null,
      (e: Error) => e,
    )
    assert.match(error?.message ?? 'no error', message)
  }
  await refused(
    () => engine.step(() => model.forward(tensor([1, 2, 3, 4], [1, 4]))),
    /^engine: it was started with dryRun/,
  )
  await refused(() => model.weight.data(), /^data: a dry engine/)
})

test('steps of whole models take at most 10 % more than what lives at one time; parameters lie in three runs', async () => {
  for (const [name, learn, size, batch] of [
    ['resnet18', /./, 64, 4],
    ['resnet18', /^(layer4|fc)/, 224, 4],
    ['resnet18', null, 224, 1],
    ['resnet18', null, 224, 4],
    ['vit-tiny', /./, 224, 2],
    ['vit-tiny', null, 224, 1],
  ] as const) {
    engine.dispose()
    engine = await init({ dryRun: true })
    const model = (
      name === 'resnet18' ? models.resnet18({ numClasses: 2 }) : models.vitTiny({ imageSize: 224, numClasses: 2 })
    ).freeze((n) => !learn?.test(n))
    assert.is(contiguousRuns(model.parameters()).length, 3, name)
    model.train(learn !== null)
    const x = tensor(new Float32Array(batch * size * size * 3), [batch, size, size, 3])
    const y = tensor(new Int32Array(batch), [batch])
    await engine
      .capture(() => {
        if (!learn) return noGrad(() => model.forward(x))
        const loss = F.crossEntropy(model.forward(x), y)
        loss.backward()
        return loss
      })
      .prepare()
    const { planned, lowerBound } = engine.memory()
    assert.ok(
      planned <= 1.1 * lowerBound,
      `${name}, ${learn}, ${size} px, batch ${batch}: planned ${planned}, lower bound ${lowerBound}`,
    )
  }
})

test('a step whose arenas are read and written at once: the same bits as outside steps', async () => {
  engine.dispose()
  engine = await init({ seed: 3 })
  const model = models.resnet18({ numClasses: 3 })
  model.eval()
  const x = tensor(
    Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => pixels[i % 8191] / 128 - 1),
    [1, 224, 224, 3],
  )
  const run = () =>
    noGrad(() => {
      const features = model.forward(x)
      return F.add(F.mul(features, features), features) // one storage twice in a dispatch
    })
  const inStep = await (await engine.step(run)).data()
  const { planned, lowerBound } = engine.memory()
  assert.ok(planned <= 1.1 * lowerBound, `planned ${planned}, lower bound ${lowerBound}`)
  assert.equal(inStep, await run().data())
})

test('attention needs no memory that grows with T × T', async () => {
  const needed = async (T: number) => {
    engine.dispose()
    engine = await init({ dryRun: true })
    const qkv = tensor(new Float32Array(T * 3 * 768), [1, T, 3 * 768], { requiresGrad: true })
    await engine
      .capture(() => {
        const y = F.selfAttention(qkv, { heads: 12 })
        y.backward(y)
        return y
      })
      .prepare()
    return engine.memory().planned
  }
  const [small, large] = [await needed(2048), await needed(4096)]
  assert.ok(Math.abs(large / small - 2) < 0.05, `${small} bytes for 2048 tokens, ${large} for 4096`)
  assert.ok(large < (12 * 4096 * 4096 * 4) / 16, `${large} bytes`)
})

test.after(() => engine.dispose())
test.run()
