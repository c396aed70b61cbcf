// The training loop on a linear model of tiny images: what it reports, when it stops, what it leaves.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import {
  type Exchange,
  F,
  type Late,
  Random as Numbers,
  type Tensor,
  type TrainResult,
  Trainer,
  type TrainerOptions,
  type TrainerState,
  init,
  nn,
  optim,
  readLate,
  tensor,
  transforms,
} from '../../src/index.js'
import type { StateDict } from '../../src/nn/module.js'
import type { Batch } from '../../src/data/dataLoader.js'
import type { BatchSource } from '../../src/train/batches.js'
import { Evaluator } from '../../src/train/evaluator.js'
import { type CacheTrunkOptions, cacheTrunk } from '../../src/trunk.js'
import { vary } from '../../src/data/transforms.js'
import { failure } from '../errors.js'
import { historyCsv } from '../../src/train/history.js'
import { crossEntropy } from '../../src/train/metrics.js'

const engine = await init({ seed: 1 })
const test = suite(`trainer (${engine.adapterKind})`)

const SIZE = 3 // 27 bytes an image: no multiple of a word

/** Images whose red channel is bright in class 1, in batches of 4 and one of 2. */
function source(count = 18, batchSize = 4): BatchSource {
  const labels = Int32Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 0 : 1))
  const picture = (i: number) =>
    Uint8Array.from(
      { length: SIZE * SIZE * 3 },
      (_, k) => (k % 3 === 0 ? 60 + 120 * labels[i] : 128) + ((i * 31 + k * 17) % 40),
    )
  return {
    dataset: {
      samples: Array.from(labels, (label, i) => ({ path: `${i}.png`, file: '', label })),
      classes: ['dark', 'red'],
      transform: { host: [], device: { random: [], mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } },
    },
    length: Math.ceil(count / batchSize),
    batchSize,
    async *epoch(_, from = 0): AsyncGenerator<Batch, void, void> {
      for (let at = batchSize * from; at < count; at += batchSize) {
        const indices = Int32Array.from({ length: Math.min(batchSize, count - at) }, (_, i) => at + i)
        const images = new Uint8Array(indices.length * SIZE * SIZE * 3)
        indices.forEach((i, slot) => images.set(picture(i), slot * SIZE * SIZE * 3))
        yield { images, shape: [indices.length, SIZE, SIZE, 3], labels: labels.slice(at, at + batchSize), indices }
      }
    },
  }
}

class Linear extends nn.Module {
  fc = new nn.Linear(SIZE * SIZE * 3, 2)

  forward(x: Tensor): Tensor {
    return this.fc.forward(F.reshape(x, [x.shape[0], SIZE * SIZE * 3]))
  }
}

class Normed extends Linear {
  bn = new nn.BatchNorm2d(3)

  override forward(x: Tensor): Tensor {
    return super.forward(this.bn.forward(x))
  }
}

/** With a transform that says how large its pictures are. */
const sized = (dataset: BatchSource['dataset']): BatchSource['dataset'] => ({
  ...dataset,
  transform: { ...dataset.transform, host: [{ kind: 'Resize', size: [SIZE, SIZE] }] },
})

function trainer(model: Linear, lr: number, options: Partial<TrainerOptions> = {}) {
  const optimizer = new optim.SGD(
    model.parameters().filter((p) => p.requiresGrad),
    { lr },
  )
  return new Trainer({ engine, model, optimizer, train: source(), validation: source(), epochs: 4, ...options })
}

const values = async (model: nn.Module) =>
  [...(await model.stateDict())].map(([name, { data }]) => `${name} ${data.join()}`)

test('learns, and reports what it did', async () => {
  const model = new Linear()
  const best: number[] = []
  const phases = new Set<string>()
  const run = trainer(model, 0.05, {
    onBest: (state, row) => {
      best.push(row.epoch)
      assert.is(state.size, 2)
    },
    onProgress: ({ phase, images, total }) => {
      phases.add(`${phase} ${total}`)
      assert.ok(images <= total)
    },
  })
  const { history, best: chosen, stopped } = await run.fit()
  assert.is(stopped, 'completed')
  assert.equal(
    history.map((r) => r.epoch),
    [1, 2, 3, 4],
  )
  assert.ok(history[3].trainLoss < history[0].trainLoss && history[3].valAccuracy === 1 && history[3].valAuc === 1)
  const lowest = history.filter((r, i) => history.slice(0, i).every((p) => p.valLoss > r.valLoss))
  assert.equal(
    best,
    lowest.map((r) => r.epoch),
  )
  assert.is(chosen!.epoch, best.at(-1))
  assert.equal([...phases].sort(), ['train 18', 'validate 18'])
  const lines = historyCsv(history).trimEnd().split('\n')
  assert.is(lines[0], 'epoch,trainLoss,trainAccuracy,valLoss,valAccuracy,valAuc,seconds,imagesPerSecond,lr')
  assert.is(lines.length, 5)
  assert.ok(lines[4].startsWith('4,') && lines[4].endsWith(',0.05'))
})

/** A frozen layer, then dropout and a layer that learns. */
class Staged extends nn.Module {
  first = new nn.Linear(SIZE * SIZE * 3, 5)
  path = new nn.DropPath(0) // takes random numbers that it does not use
  drop = new nn.Dropout(0.3)
  fc = new nn.Linear(5, 2)

  stages() {
    const stage = (f: (x: Tensor) => Tensor) => (inputs: readonly Tensor[]) => [f(inputs[0])]
    return [
      stage((x) => this.path.forward(F.relu(this.first.forward(F.reshape(x, [x.shape[0], SIZE * SIZE * 3]))))),
      stage((x) => this.fc.forward(this.drop.forward(x))),
    ]
  }

  forward(x: Tensor): Tensor {
    return this.stages().reduce((inputs, stage) => stage(inputs), [x])[0]
  }
}

/** Mirrored at random, in another order each epoch; a last batch of two. */
function varied(): BatchSource {
  const plain = source()
  const { dataset } = plain
  const device = { ...dataset.transform.device, random: [transforms.RandomHorizontalFlip()] }
  const transform = { ...sized(dataset).transform, device }
  return {
    ...plain,
    dataset: { ...dataset, transform },
    async *epoch(e: number): AsyncGenerator<Batch, void, void> {
      const batches: Batch[] = []
      for await (const batch of plain.epoch(0)) {
        const { shape, indices } = batch
        const [count, height, width] = shape
        batches.push({ ...batch, ...vary(transform, [count, height, width], (at) => new Numbers(e, indices[at])) })
      }
      yield* e % 2 ? [...batches.slice(0, 4).reverse(), batches[4]] : batches
    },
  }
}

test('a frozen trunk computes each view once, in memory, on the disk, or as far as there is room: the same bits', async () => {
  const model = new Staged()
  model.freeze((name) => name.startsWith('first'))
  const start = await model.stateDict()
  const still = { ...source(), dataset: sized(source().dataset) }
  const trained = async (limits: CacheTrunkOptions | null) => {
    model.loadStateDict(start)
    engine.stepCounter = 7
    const optimizer = new optim.SGD(model.fc.parameters(), { lr: 0.1 })
    const options = { engine, model, optimizer, train: varied(), validation: still, epochs: 5 }
    const cached = limits && (await cacheTrunk(options, limits))
    const { history } = await new Trainer(cached?.options ?? options).fit()
    const kept = cached?.kept
    await cached?.close()
    const rows = history.map(({ trainLoss, valLoss }) => [trainLoss, valLoss])
    return { kept, result: [rows, await values(model), engine.stepCounter] }
  }
  const { result } = await trained(null)
  const memory = await trained({})
  assert.equal([memory.result, memory.kept!.onDisk], [result, 0])
  const { rows } = memory.kept!
  assert.ok(rows > 18 + 18 && rows <= 18 + 36, `${rows}`) // of validation, and of training in one view or both
  const disk = await trained({ memoryBytes: 40 })
  assert.equal([disk.result, disk.kept], [result, { rows, bytes: 20 * rows, onDisk: rows - 2 }])
  const few = await trained({ bytes: 100 })
  assert.equal([few.result, few.kept], [result, { rows: 5, bytes: 100, onDisk: 0 }])

  const bare = new Linear()
  bare.freeze(() => true)
  const options = { engine, model: bare, optimizer: new optim.SGD([bare.fc.weight], { lr: 1 }), epochs: 1 }
  assert.is(
    await failure(() => cacheTrunk({ ...options, train: varied() })),
    'cacheTrunk: takes a model with stages(), got Linear',
  )
  assert.is(
    await failure(() => cacheTrunk({ ...options, model, train: source() })),
    'cacheTrunk: takes images of one size, got Resize of the shorter side alone',
  )
})

test('the loss of an epoch is the weighted mean over its images, whatever the batches', async () => {
  const model = new Linear()
  const classWeight = new Float32Array([3, 0.5])
  const { history } = await trainer(model, 0, { epochs: 1, classWeight }).fit()
  const outputs = (await new Evaluator(engine, model).run(source()))!
  const expected = crossEntropy(outputs, classWeight)
  assert.ok(Math.abs(history[0].trainLoss - expected) < 1e-6 * expected)
  assert.is(history[0].valLoss, expected)
})

test('mixed batches: the loss is the mean of cross entropies with the mixtures of their labels', async () => {
  const model = new Linear()
  const classWeight = new Float32Array([3, 0.5])
  const targets = Float32Array.of(0.75, 0.25, 0.1, 0.9, 1, 0, 0.5, 0.5)
  const effects = Float32Array.from([0, 1, 2, 3].flatMap((i) => [0.75, (i + 3) % 4, ...Array<number>(14).fill(0)]))
  const plain = source(4)
  const batches: Batch[] = []
  for await (const batch of plain.epoch(0)) batches.push({ ...batch, effects, targets })
  const train: BatchSource = {
    ...plain,
    async *epoch() {
      yield* batches
    },
  }
  const { mean, std } = plain.dataset.transform.device
  const x = Float32Array.from(batches[0].images, (byte, i) => (byte / 255 - mean[i % 3]) / std[i % 3])
  const size = x.length / 4
  const mixed = x.map((v, i) => 0.75 * v + 0.25 * x[(i + 3 * size) % x.length])
  const logits = model.forward(tensor(mixed, [4, SIZE, SIZE, 3]))
  const expected = await F.crossEntropy(logits, tensor(targets, [4, 2]), { weight: tensor(classWeight) }).item()
  for (const gradAccumulation of [1, 2]) {
    const options = { train, validation: undefined, epochs: 1, classWeight, gradAccumulation }
    const { history } = await trainer(model, 0, options).fit()
    assert.ok(Math.abs(history[0].trainLoss - expected) < 2e-6 * expected, `${history[0].trainLoss} ${expected}`)
  }
})

test('stops early and holds the best state', async () => {
  const model = new Linear()
  const before = await values(model)
  const { history, best, stopped } = await trainer(model, 0, { epochs: 9, patience: 2 }).fit()
  assert.is(stopped, 'early')
  assert.is(history.length, 3)
  assert.is(best!.epoch, 1)
  assert.equal(await values(model), before)
  let kept: string[] = []
  const rough = trainer(model, 40, {
    epochs: 3,
    patience: 5,
    onBest: async () => {
      kept = await values(model)
    },
  })
  await rough.fit()
  assert.equal(await values(model), kept)
})

test('without validation the last epoch is the best', async () => {
  const run = trainer(new Linear(), 0, { validation: undefined, epochs: 3, patience: 1 })
  const { best, stopped, history } = await run.fit()
  assert.is(stopped, 'completed')
  assert.is(best!.epoch, 3)
  assert.ok(Number.isNaN(history[2].valLoss) && historyCsv(history).includes(',,,'))
})

test('stops when asked, after a step, with the last best state', async () => {
  const abort = new AbortController()
  const model = new Linear()
  let kept: string[] = []
  const { history, stopped } = await trainer(model, 0.05, {
    signal: abort.signal,
    onBest: async () => {
      kept = await values(model)
    },
    onProgress: ({ epoch, images }) => {
      if (epoch === 2 && images > 4) abort.abort()
    },
  }).fit()
  assert.is(stopped, 'aborted')
  assert.is(history.length, 1)
  assert.equal(await values(model), kept)
})

test('a loss that is not finite is an error with its place', async () => {
  let message = ''
  await trainer(new Linear(), 1e39)
    .fit()
    .catch((error: Error) => {
      message = error.message
    })
  assert.match(message, /^Trainer: the loss must stay finite, got (NaN|Infinity) at epoch 1, step 2; lower .*$/)
})

test('logits that are not finite are an error with their image; the best state so far was given out', async () => {
  const model = new Linear()
  const given: number[] = []
  const schedule = (step: number) => (step === 1 ? 3e38 : 0.1) // the second epoch's loss is finite, its weights useless
  const message = await trainer(model, 0.1, {
    train: source(4),
    validation: source(10),
    schedule,
    onBest: (state, row) => {
      assert.ok([...state.values()].every(({ data }) => Array.from(data as Float32Array).every(Number.isFinite)))
      given.push(row.epoch)
    },
  })
    .fit()
    .then(
      () => '',
      (error: Error) => error.message,
    )
  assert.match(message, /^\d\.png: logits after epoch 2 must be finite, got (NaN|-?Infinity)$/)
  assert.equal(given, [1])
  const broken = new Linear()
  broken.fc.bias!.write(Float32Array.of(0, NaN))
  const refused = await new Evaluator(engine, broken).run(source()).then(String, (error: Error) => error.message)
  assert.is(refused, '0.png: logits must be finite, got NaN')
})

test('follows a schedule, step by step', async () => {
  const asked: number[] = []
  const schedule = (step: number) => {
    asked.push(step)
    return 0.1 / (step + 1)
  }
  const { history } = await trainer(new Linear(), 1, { epochs: 2, schedule }).fit()
  assert.equal(asked, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.equal(
    history.map((r) => r.lr),
    [0.1 / 5, 0.1 / 10],
  )
})

test('frozen BatchNorm follows the batch unless asked not to', async () => {
  for (const freezeBatchNorm of [false, true]) {
    const model = new Normed()
    model.freeze((name) => name.startsWith('bn.'))
    const [mean] = [await model.bn.runningMean.data()]
    await trainer(model, 0.01, { epochs: 1, freezeBatchNorm }).fit()
    const moved = (await model.bn.runningMean.data()).some((v, i) => v !== mean[i])
    assert.is(moved, !freezeBatchNorm)
    assert.is(model.bn.numBatchesTracked, freezeBatchNorm ? 0 : 5)
  }
})

/** Random in every step, with state of its own and an optimizer that remembers. */
class Random extends Normed {
  drop = new nn.Dropout(0.5)

  override forward(x: Tensor): Tensor {
    return super.forward(this.drop.forward(x))
  }
}

/** The same start each time: fresh weights depend on how many were drawn before. */
async function fresh(state: StateDict | null): Promise<[Random, StateDict]> {
  const model = new Random()
  if (state) model.loadStateDict(state)
  engine.stepCounter = 100
  return [model, state ?? (await model.stateDict())]
}

test('goes on from any save with the bits of a run without a stop', async () => {
  let start: StateDict | null = null
  const schedule = optim.cosine(0.05, 15)
  const run = async (
    more: Partial<TrainerOptions>,
    from: [TrainerState?, (StateDict | null)?] = [],
  ): Promise<{ result: TrainResult; weights: string[] }> => {
    const [model, state] = await fresh(start)
    start = state
    const optimizer = new optim.Adam(model.parameters())
    const options = { engine, model, optimizer, train: source(), validation: source(6), epochs: 3, schedule, ...more }
    const result = await new Trainer(options).fit(...from)
    return { result, weights: await values(model) }
  }
  const plain = ({ result: { history, best, stopped } }: { result: TrainResult }) => [
    history.map((row) => ({ ...row, seconds: 0, imagesPerSecond: 0 })),
    best!.epoch,
    stopped,
  ]
  const saves: [TrainerState, StateDict | null][] = []
  let best: StateDict | null = null
  let last: Late<TrainerState> | null = null
  const whole = await run({
    saveEvery: 0,
    onBest: (state) => {
      best = state
    },
    onSave: async (state) => {
      if (last && last.position.steps < state.position.steps)
        assert.match(await failure(() => readLate(last)), /^state: must be read before the next step/)
      last = state
      saves.push([await readLate<TrainerState>(state), best])
    },
  })
  assert.equal(
    saves.map(([{ position: p }]) => `${p.epoch}.${p.batches}`).join(' '),
    '1.1 1.2 1.3 1.4 1.5 2.0 2.1 2.2 2.3 2.4 2.5 3.0 3.1 3.2 3.3 3.4 3.5 4.0',
  )
  for (const at of [0, 2, 4, 5, 8, 10, 13, 16, 17]) {
    const there = await run({}, saves[at])
    assert.equal(plain(there), plain(whole), `after save ${at}`)
    assert.equal(there.weights, whole.weights, `after save ${at}`)
  }

  // Stopped in training, stopped in validation: the last save of each goes on to the same end.
  for (const phase of ['train', 'validate'] as const) {
    const abort = new AbortController()
    const kept: [TrainerState, StateDict | null][] = []
    best = null
    const { result } = await run({
      signal: abort.signal,
      onProgress: (progress) => {
        if (progress.epoch === 2 && progress.phase === phase) abort.abort()
      },
      onBest: (state) => {
        best = state
      },
      onSave: async (state) => void kept.push([await readLate<TrainerState>(state), best]),
    })
    assert.is(result.stopped, 'aborted')
    assert.is(kept.at(-1)![0].position.epoch, 2)
    const there = await run({}, kept.at(-1))
    assert.equal(plain(there), plain(whole), phase)
    assert.equal(there.weights, whole.weights, phase)
  }
})

test('an exchange between gradients and update: the same bits when it changes nothing', async () => {
  let start: StateDict | null = null
  const run = async (exchange?: Exchange) => {
    const [model, state] = await fresh(start)
    start = state
    const { history } = await trainer(model, 0.05, { epochs: 2, exchange }).fit()
    return [history.map((row) => row.valLoss), await values(model)]
  }
  let floats = 0
  const whole = await run()
  const parted = await run(async (gradients) => {
    for (const run of gradients) {
      floats += run.size
      run.write(await run.data())
    }
  })
  assert.ok(floats >= 2 * 5 * (SIZE * SIZE * 3 * 2 + 2))
  assert.equal(parted, whole)
})

test('two that average their gradients train as one on both batches', async () => {
  const both = new Linear()
  const state = await both.stateDict()
  const classWeight = new Float32Array([1, 1])
  const halves = (rank: number, of: number): BatchSource => {
    const whole = source(16)
    return {
      ...whole,
      batchSize: 4 / of,
      async *epoch(e: number, from?: number): AsyncGenerator<Batch, void, void> {
        for await (const batch of whole.epoch(e, from)) {
          const [first, last] = [(rank * 4) / of, ((rank + 1) * 4) / of]
          const [, height, width] = batch.shape
          const image = height * width * 3
          yield {
            images: batch.images.slice(first * image, last * image),
            shape: [last - first, height, width, 3],
            labels: batch.labels.slice(first, last),
            indices: batch.indices.slice(first, last),
          }
        }
      },
    }
  }
  const run = async (model: Linear, rank: number, of: number, exchange?: Exchange) => {
    const options = { train: halves(rank, of), validation: undefined, epochs: 2, classWeight, exchange }
    await trainer(model, 0.05, options).fit()
    return model.fc.weight.data()
  }
  // Whoever comes first waits for the other.
  let waiting: { mine: Float32Array; go: (mean: Float32Array) => void } | null = null
  const average: Exchange = async ([gradients, ...rest]) => {
    assert.equal(rest, [])
    const mine = await gradients.data()
    const mean = await new Promise<Float32Array>((go) => {
      if (!waiting) waiting = { mine, go }
      else {
        const sum = waiting.mine.map((v, i) => (v + mine[i]) / 2)
        waiting.go(sum)
        waiting = null
        go(sum)
      }
    })
    gradients.write(mean)
  }
  const one = await run(both, 0, 1)
  const replicas = [new Linear(), new Linear()]
  for (const replica of replicas) replica.loadStateDict(state)
  const [a, b] = await Promise.all(replicas.map((replica, rank) => run(replica, rank, 2, average)))
  assert.equal(a, b)
  a.forEach((v, i) => assert.ok(Math.abs(v - one[i]) <= 1e-6 * Math.max(1, Math.abs(one[i])), `${v} and ${one[i]}`))
  assert.not.equal([...one], [...(state.get('fc.weight')!.data as Float32Array)])
})

test('makes no GPU object after its first two epochs', async () => {
  const counts: object[] = []
  const count = () => {
    counts.push({ ...engine.counters(), submits: 0, bytes: engine.memory().bytes })
  }
  await trainer(new Normed(), 1e-3, { epochs: 6, onEpoch: count }).fit()
  assert.equal(counts[5], counts[1])
})

test('refuses settings that make no sense', () => {
  assert.throws(
    () => trainer(new Linear(), 1, { epochs: 0 }),
    /Trainer: epochs must be a whole number of at least 1, got 0/,
  )
  const classWeight = new Float32Array(3)
  assert.throws(() => trainer(new Linear(), 1, { classWeight }), /classWeight must hold 2 numbers, one per class/)
})

test.after(() => engine.dispose())
test('evaluation takes as many images at a time as the adapter has room for, with the same results', async () => {
  class Convolving extends nn.Module {
    conv = new nn.Conv2d(3, 64, 3, { padding: 1 })
    fc = new nn.Linear(64, 2)

    forward(x: Tensor): Tensor {
      return this.fc.forward(F.mean(F.relu(this.conv.forward(x)), { dim: [1, 2] }))
    }
  }
  const model = new Convolving()
  const form = { dataset: sized(source(16).dataset), batchSize: 16 }
  const logits = async () => {
    const evaluator = new Evaluator(engine, model)
    const batchSize = await evaluator.batchThatFits(form)
    const run = await evaluator.run(source(16, batchSize))
    evaluator.dispose()
    return { batchSize, logits: run!.logits }
  }
  const all = await logits()
  assert.is(all.batchSize, 16)
  // 64 channels of 3 × 3 pixels are 2304 bytes an image; the weights of the convolution are 6912.
  const { limits } = engine.device
  let limit = 9500
  const poor = new Proxy(limits, {
    get: (target, name) => (name === 'maxStorageBufferBindingSize' ? limit : Reflect.get(target, name)),
  })
  Object.defineProperty(engine.device, 'limits', { value: poor, configurable: true })
  try {
    const some = await logits()
    assert.is(some.batchSize, 4)
    Array.from(some.logits).forEach((value, i) => assert.ok(Math.abs(value - all.logits[i]) < 1e-6))
    limit = 2000
    await logits().then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /needs \d+ bytes, this adapter binds at most 2000/),
    )
  } finally {
    Object.defineProperty(engine.device, 'limits', { value: limits, configurable: true })
  }
})

test.run()
