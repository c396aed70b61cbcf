// Runs that nobody trained, for tests of reports: outputs at random, names that would be HTML if nobody escaped them.
import { evaluateOutputs } from '../../src/train/evaluation.js'
import { UNFITTED, fitOperatingPoint } from '../../src/train/operatingPoint.js'
import { auditDataset } from '../../src/audit/index.js'
import { confidentMistakes } from '../../src/report/results.js'
import type { FinishedRun, ReportInput } from '../../src/report/run.js'
import { Random } from '../../src/util/random.js'
import { generated } from '../data/generated.js'

const PIXEL = { width: 2, height: 2, data: Uint8Array.from({ length: 12 }, (_, i) => 20 * i) }
const HOSTILE = `<script src="http://example.org/x.js">'"&`

/** A run whose model is right the more often the greater `skill`. */
export function madeRun(name: string, classes: string[], seed: number, skill: number): FinishedRun {
  const n = 40
  const random = new Random(seed, 1)
  const labels = Int32Array.from({ length: n }, (_, i) => i % classes.length)
  const logits = Float64Array.from({ length: n * classes.length }, (_, at) => {
    const right = at % classes.length === labels[Math.floor(at / classes.length)]
    return random.uniform(-1, 1) + (right ? skill : 0)
  })
  const outputs = { logits, labels, numClasses: classes.length }
  const files = Array.from(labels, (label, i) => `test/${classes[label]}/${HOSTILE}${i}.jpeg`)
  const patients = Array.from(labels, (label, i) => `${label}-${i >> 2}`)
  const counts = Object.fromEntries(classes.map((c) => [c, 20]))
  const run: FinishedRun = {
    name,
    record: {
      settings: {
        model: 'resnet18',
        imageSize: 224,
        resizeSize: 256,
        epochs: 20,
        batchSize: 16,
        lr: 1e-5,
        seed,
        optimizer: 'adam',
        schedule: 'constant',
        precision: 'f32',
        patience: 10,
        valSplit: 0.1,
        balance: 'weights',
        mixup: 0,
        cutmix: 0,
        augment: 'notebook',
        data: '/somewhere',
      },
      classes,
      images: { train: counts, validation: null, test: counts },
      validationFrom: 'none',
      weights: null,
      bestEpoch: 2,
      epochs: 2,
      stopped: 'completed',
      seconds: 3,
      secondsPerEpoch: 1.5,
      adapter: { name: 'made', kind: 'gpu', isSoftware: false },
      versions: { radiograd: '0' },
    },
    history: [1, 2].map((epoch) => ({
      epoch,
      trainLoss: 1 / epoch,
      trainAccuracy: 0.5,
      valLoss: NaN,
      valAccuracy: NaN,
      valAuc: NaN,
      seconds: 1.5,
      imagesPerSecond: 9,
      lr: 1e-5,
    })),
    test: { files, patients, ...outputs },
    mostProbable: evaluateOutputs(outputs, patients, UNFITTED),
    atPoint: evaluateOutputs(outputs, patients, fitOperatingPoint(outputs)),
    explained: [],
  }
  const map = { height: 1, width: 2, values: Float32Array.of(0, 1) }
  const explained = confidentMistakes(run).map(({ index }) => ({
    index,
    picture: PIXEL,
    maps: ['grad-cam', 'rollout'].map((method) => ({
      method,
      words: `made ${method}`,
      map,
      heatMap: PIXEL,
      border: { share: 0.2, area: 0.36 },
      randomised: { heatMap: PIXEL, correlation: null, borderShare: 0.3 },
    })),
  }))
  return { ...run, explained }
}

const audit = await auditDataset(generated, { workers: 0 })
const data = [{ name: HOSTILE, audit, samples: audit.classes.map((c) => ({ class: c, path: `${c}/a`, image: PIXEL })) }]
export const TWO = ['NORMAL', 'PNEUMONIA']

export const input = (runs: FinishedRun[], notebook = false): ReportInput => ({
  title: HOSTILE,
  runs,
  data,
  notebook,
  pictures: new Map(runs.flatMap((run) => run.test.files.map((file) => [file, PIXEL] as const))),
})
