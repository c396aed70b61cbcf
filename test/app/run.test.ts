// Runs as the library offers them: a store and events instead of a folder and lines.
import * as assert from 'uvu/assert'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import {
  MemoryStore,
  type RunEvent,
  TRAIN_SETTINGS,
  type TrainSettings,
  UNFITTED,
  computeMetrics,
  evaluateRun,
  init,
  loadCheckpoint,
  models,
  openFolder,
  openModel,
  parseSettings,
  predictRun,
  readModel,
  resumeRun,
  safetensorsBytes,
  stats,
  trainRun,
} from '../../src/index.js'
import { toMetadata } from '../../src/app/card.js'
import { modelFacts } from '../../src/app/modelTable.js'
import { parsePredictions, predictionsCsv } from '../../src/app/predictions.js'
import { writeReport } from '../../src/app/report.js'
import { viewsOf } from '../../src/app/views.js'
import { unchanged } from '../../src/data/augment.js'
import { MACHINE_SETTINGS } from '../../src/app/settingTables.js'
import { SettingError } from '../../src/util/check.js'
import { serveRuns, spawn } from '../../src/worker.js'
import { Evaluator } from '../../src/train/evaluator.js'
import { DataLoader, ImageFolder, type ModelCard, Random, pipeline } from '../../src/index.js'
import { scratch } from '../cli/command.js'
import { generated as data } from '../data/generated.js'
import { failure, refused } from '../errors.js'

const test = suite('runs')
const settings = parseSettings(TRAIN_SETTINGS, {
  data: 'generated',
  imageSize: 32,
  batchSize: 8,
  epochs: 2,
  lr: 1e-3,
  valSplit: 0.3,
  trainable: ['head'],
  workers: 0,
})

const store = new MemoryStore()
const json = async (name: string) => JSON.parse(new TextDecoder().decode((await store.read(name))!))

test('training tells what happens and writes six files, and nothing else', async () => {
  const events: RunEvent[] = []
  const { record, metrics } = await trainRun(settings, { store, data, on: (event) => events.push(event) })
  assert.equal(await store.list(), [
    'MODEL_CARD.md',
    'best.safetensors',
    'history.csv',
    'metrics.json',
    'predictions.csv',
    'run.json',
  ])
  const kinds = events.map((event) => event.kind).filter((kind, i, all) => kind !== all[i - 1])
  assert.equal(kinds, [
    'settings',
    'note',
    'adapter',
    'data',
    'model',
    ...['progress', 'epoch', 'progress', 'epoch', 'progress'],
    'metrics',
    'done',
  ])
  assert.equal(JSON.parse(JSON.stringify(record)), await json('run.json'))
  assert.equal(metrics, await json('metrics.json'))
  assert.equal([record!.epochs, record!.stopped, record!.settings.trainable], [2, 'completed', ['head']])
})

test('dropLast trains and validates on full batches alone; resizeSize goes into the checkpoint', async () => {
  const seen = { train: 0, validate: 0, test: 0 }
  const there = new MemoryStore()
  const { record } = await trainRun(
    { ...settings, epochs: 1, batchSize: 3, dropLast: true, resizeSize: 40 },
    { store: there, data, on: (e) => e.kind === 'progress' && (seen[e.phase] = e.images) },
  )
  const total = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b)
  const full = (counts: Record<string, number>) => total(counts) - (total(counts) % 3)
  const { train, validation, test: all } = record!.images
  assert.is.not(total(train) % 3, 0)
  assert.is.not(total(validation!) % 3, 0)
  assert.equal(seen, { train: full(train), validate: full(validation!), test: total(all) })
  const { card } = await readModel((await there.read('best.safetensors'))!)
  assert.is(card.resizeSize, 40)
  let said = ''
  await trainRun({ ...settings, resizeSize: 31 }, { store: new MemoryStore(), data }).catch((error: Error) => {
    said = error.message
  })
  assert.match(said, /^resizeSize: must be 32 or more, .* got 31$/)
})

test('a run stopped by its signal leaves the best so far and says so', async () => {
  const abort = new AbortController()
  const there = new MemoryStore()
  await there.write('metrics.json', new Uint8Array(1)) // of an earlier run
  const events: RunEvent[] = []
  const { record, metrics } = await trainRun(settings, {
    store: there,
    data,
    signal: abort.signal,
    on: (event) => {
      events.push(event)
      if (event.kind === 'epoch') abort.abort()
    },
  })
  assert.equal([record!.stopped, record!.epochs, metrics], ['aborted', 1, null])
  assert.equal(events.at(-1), { kind: 'stopped', why: 'aborted', bestEpoch: 1 })
  const results = (await there.list()).filter((name) => !name.endsWith('.resume'))
  assert.equal(results, ['best.safetensors', 'history.csv', 'run.json'])
})

test('what fails before an epoch is finished leaves the store as it was', async () => {
  const there = new MemoryStore()
  await there.write('metrics.json', new Uint8Array(1))
  let said = ''
  const broken = data.map((file) => (file.path.startsWith('train') ? { ...file, blob: new Blob(['x']) } : file))
  await trainRun(settings, { store: there, data: broken }).catch((error: Error) => {
    said = error.message
  })
  assert.match(
    said,
    /^16 of 24 images cannot be read \(skipUnreadable leaves them out\): .*: must be a JPEG or PNG image/,
  )
  assert.equal(await there.list(), ['metrics.json'])
})

test('broken images anywhere are found before the first epoch, and can be left out', async () => {
  const isBroken = (path: string): boolean => /train-0003|test-0002/.test(path)
  const broken = data.map((file) => (isBroken(file.path) ? { ...file, blob: file.blob.slice(0, 200) } : file))
  const names = broken.filter(({ path }) => isBroken(path)).map(({ path }) => path.replace(/^\w+\//, ''))
  const notes: string[] = []
  const on = (event: RunEvent): void => {
    if (event.kind === 'note') notes.push(event.text)
  }
  const dry = { ...settings, dryRun: true }
  const run = (more: object) => trainRun({ ...dry, ...more }, { store: new MemoryStore(), data: broken, on })
  const failed = await run({}).catch((error: Error) => error.message)
  for (const name of names) assert.match(failed as string, name)
  notes.length = 0
  await run({ skipUnreadable: true })
  assert.is(notes.filter((text) => text.startsWith('left out: ')).length, names.length)
  const tiny = await run({ maxPixels: 1000 }).catch((error: Error) => error.message)
  assert.match(tiny as string, 'must have at most 0.001 million pixels')
})

test('patients are told, and named by a pattern', async () => {
  const notes: string[] = []
  const on = (event: RunEvent): void => {
    if (event.kind === 'note') notes.push(event.text)
  }
  const run = (more: object) => trainRun({ ...settings, dryRun: true, ...more }, { store: new MemoryStore(), data, on })
  await run({})
  await run({ patientPattern: 'train-(\\d+)' })
  assert.match(notes[0], /^patients: none recognised in the names of 16 images, /)
  assert.match(notes[1], 'patients: 10 of 16 images (10 of 16 images by /train-(\\d+)/)')
  const failed = await run({ patientPattern: '(' }).catch((error: Error) => error.message)
  assert.match(failed as string, 'patientPattern: must be a regular expression, got /(/: Unterminated group')
})

/** Settings that cannot be judged by themselves: values that the model, the images or the machine refuse. */
const REFUSED_LATE: readonly [setting: keyof TrainSettings, wrong: Partial<TrainSettings>, rule: string][] = [
  ['trainable', { trainable: ['nothing'] }, 'must be names of this model such as conv1, '],
  ['imageSize', { model: 'vit-ti16', imageSize: 40 }, "must be a multiple of the vit's patchSize, got 40 and 16"],
  ['resizeSize', { imageSize: 48, resizeSize: 40 }, "must be 48 or more, as the images' size, got 40"],
  ['batchSize', { dropLast: true, batchSize: 64 }, 'must be at most the '],
  ['patientPattern', { patientPattern: '(' }, 'must be a regular expression, got /(/: '],
  ['checkpointActivations', { checkpointActivations: true }, 'must be used with a Vision Transformer, got resnet18'],
  ['syncBatchNorm', { syncBatchNorm: true, model: 'vit-ti16' }, 'takes a model with BatchNorm, got vit-ti16'],
  ['cacheTrunk', { cacheTrunk: 1, trainable: ['all'], dryRun: false }, 'takes '],
  ['imageCache', { imageCache: fileURLToPath(import.meta.url) }, 'must be a folder that can be written, got '],
  ['decoder', { decoder: 'sharp' }, 'needs the package sharp '],
]
/** Texts that name files, whose errors name these, or of which every one will do; switches that fit everything. */
const NEVER_REFUSED = [
  'data',
  'weights',
  'out',
  'normDecay',
  'dropLast',
  'freezeBatchNorm',
  'dryRun',
  'tensorboard',
  'skipUnreadable',
]

test('what model, images or machine refuse of a setting names it, and leaves nothing', async () => {
  const sharp = await import('sharp' as string).catch(() => null)
  for (const [setting, wrong, rule] of REFUSED_LATE) {
    if (setting === 'decoder' && sharp) continue
    const there = new MemoryStore()
    const run = trainRun({ ...settings, dryRun: true, ...wrong }, { store: there, data })
    const error = await run.then(
      () => null,
      (failed: unknown) => failed,
    )
    assert.ok(error instanceof SettingError, `${setting}: ${error}`)
    assert.is(error.setting, setting)
    assert.ok(
      error.message.startsWith(`${setting}${error.given === undefined ? '' : ` ${error.given}`}: ${rule}`),
      error.message,
    )
    assert.not.match(error.message, '\n')
    assert.equal(await there.list(), [])
  }
  // What is no number and no choice is in one of the lists: a new setting must be put there.
  const open = Object.entries(TRAIN_SETTINGS).filter(([, row]) => ['text', 'names', 'switch'].includes(row.kind))
  const listed = [...REFUSED_LATE.map(([setting]) => setting as string), ...NEVER_REFUSED]
  const shared = Object.keys(MACHINE_SETTINGS)
  assert.equal(
    open.map(([name]) => name).filter((name) => !listed.includes(name) && !shared.includes(name)),
    [],
  )
})

test('evaluation and prediction agree with the run, from a file or its bytes', async () => {
  const checkpoint = (await store.read('best.safetensors'))!
  assert.equal(await evaluateRun(settings, { checkpoint, data }), await json('metrics.json'))
  // Every view gives other logits, and their means are the same each time.
  const seen = await evaluateRun({ ...settings, tta: 'flip' }, { checkpoint, data })
  assert.not.equal(seen, await json('metrics.json'))
  assert.equal(await evaluateRun({ ...settings, tta: 'flip' }, { checkpoint, data }), seen)
  let reads = 0
  const counted = data.map(({ path, blob }) => {
    const arrayBuffer = () => (reads++, blob.arrayBuffer())
    return { path, blob: Object.assign(blob.slice(), { arrayBuffer }) }
  })
  const readsOf = async (tta: 'flip' | 'five-crop', dataset: typeof data) => {
    reads = 0
    const found = await evaluateRun({ ...settings, workers: 0, tta }, { checkpoint, data: dataset })
    return { found, reads }
  }
  const crops = await readsOf('five-crop', counted)
  assert.not.equal(crops.found, seen)
  // Decoded once for all views.
  assert.ok(crops.reads > 0)
  assert.is(crops.reads, (await readsOf('flip', counted)).reads)
  // What decoded the training's images is kept, and said where it is another.
  assert.is((await readModel(checkpoint)).card.decoder, 'own')
  const other = safetensorsBytes((await loadCheckpoint(checkpoint)).tensors, {
    metadata: toMetadata({ ...(await readModel(checkpoint)).card, decoder: 'sharp' }, {}),
  })
  const notes: string[] = []
  const on = (event: RunEvent) => void (event.kind === 'note' && notes.push(event.text))
  await evaluateRun(settings, { checkpoint, data, on })
  await evaluateRun(settings, { checkpoint: other, data, on })
  assert.equal(
    notes.filter((text) => text.includes('decoded')),
    ['in training sharp decoded the images, now own: grays may differ by a level'],
  )
  const images = data.filter(({ path }) => path.startsWith('test')).map(({ path, blob }) => new File([blob], path))
  const predictions = (await predictRun(settings, {
    checkpoint: new Blob([checkpoint as Uint8Array<ArrayBuffer>]),
    images,
  }))!
  const { tn, tp } = (await json('metrics.json')).confusion
  assert.is(predictions.filter((p) => p.file.includes(`/${p.class}/`)).length, tn + tp)
})

test('five crops are torchvision’s: corners and the middle of a larger image', () => {
  const plain = { mean: [0, 0, 0], std: [1, 1, 1], imageSize: 224 } as unknown as ModelCard
  const views = viewsOf({ ...plain, resizeSize: 256 }, 'five-crop')
  assert.equal(
    views.map(({ device }) => {
      const { map } = device.random[0].draw(unchanged(256, 256), new Random(0))
      return [map[2], map[5]]
    }),
    [
      [0, 0],
      [32, 0],
      [0, 32],
      [32, 32],
      [16, 16],
    ],
  )
  assert.equal(views[0].host, [
    { kind: 'Resize', size: 293 },
    { kind: 'CenterCrop', size: [256, 256] },
  ])
  assert.equal(viewsOf(plain, 'five-crop')[0].host, [{ kind: 'Resize', size: [256, 256] }])
})

test('facts of models: multiply-adds as torchvision publishes them, memory as it is planned', async () => {
  const facts = async (name: string, batchSize: number) =>
    modelFacts(name, { ...settings, batchSize, imageSize: 224, adapter: 'auto' })
  const [one, two] = [await facts('resnet18', 2), await facts('resnet18', 4)]
  const { multiplyAdds } = await facts('vit-b16', 1)
  assert.ok(Math.abs(one.multiplyAdds / 1.814e9 - 1) < 0.01, `${one.multiplyAdds}`)
  assert.ok(Math.abs(multiplyAdds / 17.564e9 - 1) < 0.01, `${multiplyAdds}`)
  assert.is(one.parameters, 11_177_538)
  // Weights, gradients, two moments.
  assert.ok(one.trainingBytes > 16 * one.parameters + one.activationBytes)
  assert.ok(two.activationBytes > 1.5 * one.activationBytes)
})

/** Of two images and classes: nothing is more probable. */
const outputsOfTwo = { logits: [0, 0, 0, 0], labels: [1, 0], numClasses: 2 }

test('a report follows a pattern for patients that was made for the names of train alone', async () => {
  const there = new MemoryStore()
  const patientPattern = 'train-(\\d+)'
  const { metrics } = await trainRun({ ...settings, epochs: 1, patientPattern }, { store: there, data })
  const places = { store: new MemoryStore(), figures: new MemoryStore() }
  const report = { ...settings, title: 'a', data, ...places }
  const results = (await writeReport([{ name: 'a', store: there }], report)) as { runs: { a: { patients: number } } }
  assert.is(results.runs.a.patients, metrics!.patients)
})

test('training that is to finish tests the best epoch so far; before the first epoch there is nothing to test', async () => {
  const enough = new AbortController()
  const there = new MemoryStore()
  const on = (event: RunEvent) => event.kind === 'epoch' && enough.abort()
  const { record, metrics } = await trainRun(settings, { store: there, data, finish: enough.signal, on })
  assert.equal([record!.stopped, record!.epochs, record!.bestEpoch, metrics!.n], ['aborted', 1, 1, 8])
  assert.equal(await there.list(), await store.list())
  const early = await trainRun(settings, { store: there, data, finish: AbortSignal.abort() })
  assert.equal(early, { record: null, metrics: null })
})

test('predictions.csv holds what the metrics are made of', async () => {
  const text = new TextDecoder().decode((await store.read('predictions.csv'))!)
  const { classes, files, patients, labels, called, probabilities } = parsePredictions(text, 'test')
  const metrics = await json('metrics.json')
  assert.equal([classes, files.length, patients.length], [['NORMAL', 'PNEUMONIA'], 8, 8])
  assert.ok(files.every((file, i) => file.startsWith(`${classes[labels[i]]}/`)))
  assert.is(
    stats.rocAuc(
      labels.map((_, i) => probabilities[2 * i + 1]),
      labels.map(Boolean),
    ),
    metrics.measures.auc.estimate,
  )
  assert.is(called.filter((c, i) => c === labels[i]).length / 8, metrics.accuracy)
  const back = parsePredictions(
    predictionsCsv({ classes: ['a,b', 'c"d'] }, ['x\ny', 'z'], ['p', ''], outputsOfTwo, UNFITTED),
    'test',
  )
  assert.equal(
    [back.classes, back.files, back.patients],
    [
      ['a,b', 'c"d'],
      ['x\ny', 'z'],
      ['p', ''],
    ],
  )
  refused(
    () => parsePredictions('file,patient\n', 'a'),
    'a: predictions.csv must have a line an image, got another table',
  )
})

const frozen = { ...settings, epochs: 3, freezeBatchNorm: true, trainable: ['last-stage'] }

test('what frozen layers make of an image is computed once: the same bytes, with workers and after a stop', async () => {
  const ended = async (there: MemoryStore) => {
    const history = new TextDecoder()
      .decode((await there.read('history.csv'))!)
      .trim()
      .split('\n')
    const rows = history.map((line) => line.split(',').slice(0, 6)) // behind them stand times
    return { rows, best: await there.read('best.safetensors') }
  }
  const run = async (more: Partial<typeof settings>, stop?: AbortController) => {
    const there = new MemoryStore()
    const on = (event: RunEvent) => event.kind === 'epoch' && event.row.epoch === 2 && stop?.abort()
    await trainRun({ ...frozen, ...more }, { store: there, data, on, signal: stop?.signal })
    if (stop) await resumeRun({ cacheTrunk: undefined, workers: 0 }, { store: there, data })
    return ended(there)
  }
  const plain = await run({})
  assert.equal(await run({ cacheTrunk: 1, workers: 4 }, new AbortController()), plain)
  const vit = { model: 'vit-ti16', epochs: 2, trainable: ['last-stage'] }
  assert.equal(await run({ ...vit, cacheTrunk: 1 }), await run(vit))
})

test('frozen layers whose results are not the same each time are not kept', async () => {
  const said = (more: Partial<typeof settings>) =>
    failure(() => trainRun({ ...frozen, cacheTrunk: 1, ...more }, { store: new MemoryStore(), data }))
  const few = 'cacheTrunk: takes images as they are, or augmentation of few views such as flip=0.5, got '
  assert.is(await said({ augment: 'rotate=10' }), `${few}numbers drawn from a range, of which no view comes twice`)
  assert.is(await said({ mixup: 0.2 }), `${few}blur, noise, erased boxes or mixed images`)
  assert.is(
    await said({ freezeBatchNorm: false }),
    'cacheTrunk: takes frozen layers that give the same every time (freezeBatchNorm keeps their statistics), got ' +
      'statistics of each batch, or stochastic depth',
  )
  assert.is(
    await said({ trainable: ['all'] }),
    'cacheTrunk: takes a model whose first layers are frozen (trainable), got one that learns from the first layer on',
  )
  assert.is(await said({ gradAccumulation: 2 }), 'cacheTrunk: takes batches that are computed in one part, got 2 parts')
})

test('a worker does what a page asks: events, results, errors and signals pass through messages', async () => {
  const { port1, port2 } = new MessageChannel()
  serveRuns(port1)
  const runs = spawn(port2)
  const dir = join(scratch(), 'asked')
  try {
    assert.equal((await runs.tables()).train, TRAIN_SETTINGS)
    const kinds = new Set<string>()
    const on = (event: RunEvent) => kinds.add(event.kind)
    const abort = new AbortController()
    const first = await runs.train(settings, {
      store: dir,
      data,
      signal: abort.signal,
      on: (event) => (on(event), event.kind === 'epoch' && abort.abort()),
    })
    assert.equal([first.record!.stopped, first.metrics], ['aborted', null])
    const { metrics } = await runs.resume({}, { store: dir, data, on })
    assert.equal(metrics, await json('metrics.json'))
    assert.ok(
      ['adapter', 'progress', 'stopped', 'resumed', 'done'].every((kind) => kinds.has(kind)),
      [...kinds].join(),
    )
    const checkpoint = (await openFolder(dir).read('best.safetensors'))!
    assert.is((await runs.card(checkpoint)).model, 'resnet18')
    assert.equal(await runs.evaluate(settings, { checkpoint, data }), metrics)
    assert.ok((await runs.memory({ imageSize: 32, batchSize: 4, valSplit: 0 }, { data })).planned > 0) // the rest as usual
    assert.is(
      await failure(() => runs.train({ ...settings, imageSize: 64, resizeSize: 63 }, { store: dir, data })),
      "resizeSize: must be 64 or more, as the images' size, got 63",
    )
    assert.is((await runs.audit({}, { data, onProgress() {} })).audit.images, data.length)
  } finally {
    runs.close()
    port2.close()
  }
  assert.is(await failure(() => runs.tables()), 'worker: must run to answer, got one that was closed')
})

test('a checkpoint opens as a model with its card', async () => {
  const folder = openFolder(join(scratch(), 'new'))
  await folder.write('best.safetensors', (await store.read('best.safetensors'))!)
  const engine = await init()
  const { model, card } = await openModel(join(folder.name, 'best.safetensors'))
  assert.equal([card.model, card.classes, card.imageSize], ['resnet18', ['NORMAL', 'PNEUMONIA'], 32])
  assert.ok(model instanceof models.ResNet && !model.training)
  const images = new ImageFolder(data, { root: 'test', transform: pipeline(card) })
  const outputs = await new Evaluator(engine, model).run(new DataLoader(images, { batchSize: 32, workers: 0 }))
  assert.equal(computeMetrics(outputs!), (await json('metrics.json')).mostProbable)
  engine.dispose()
})

test.run()
