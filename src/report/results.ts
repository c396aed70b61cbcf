// Finished runs as figures: what results.json holds and the page shows. Pure and seeded: the same runs give the same
// results, times aside, which stand under `times` alone.
import { pairedBootstrap, resamples } from '../stats/bootstrap.js'
import { reliabilityBins } from '../stats/calibration.js'
import { delongInterval, delongTest } from '../stats/delong.js'
import { measureOf } from '../stats/summary.js'
import type { Evaluation } from '../train/evaluation.js'
import { argmax, probabilities } from '../train/metrics.js'
import { Random } from '../util/random.js'
import { NOTEBOOK, differences } from './notebook.js'
import { type FinishedRun, type ReportInput, sameTest, shownRuns } from './run.js'
import { fileOf } from './words.js'

/** Probabilities [n, C] as the model gives them, or at a temperature. */
export function probabilitiesOf({ record, test }: FinishedRun, temperature = 1): Float64Array {
  const scaled = Array.from(test.logits, (logit) => logit / temperature)
  return probabilities(scaled, record.classes.length)
}

/** Of two classes the second's probability and who has it. */
export function positives(run: FinishedRun, temperature = 1): { scores: Float64Array; positive: boolean[] } {
  const rows = probabilitiesOf(run, temperature)
  return {
    scores: Float64Array.from(run.test.labels, (_, i) => rows[2 * i + 1]),
    positive: Array.from(run.test.labels, (label) => label === 1),
  }
}

export const isBinary = ({ record }: FinishedRun): boolean => record.classes.length === 2

/** One test image and what the model said of it. */
export interface Said {
  index: number
  file: string
  actual: string
  called: string
  /** Of the class that was called. */
  probability: number
  right: boolean
}

/** What the model says of each test image, the most probable class called. */
export function saidOf(run: FinishedRun): Said[] {
  const { classes } = run.record
  const rows = probabilitiesOf(run)
  const called = argmax(rows, classes.length)
  return run.test.files.map((file, index) => ({
    index,
    file,
    actual: classes[run.test.labels[index]],
    called: classes[called[index]],
    probability: rows[index * classes.length + called[index]],
    right: called[index] === run.test.labels[index],
  }))
}

/** The mistakes that the model was surest of, so many of each actual class at most. */
export function confidentMistakes(run: FinishedRun, most = 3): Said[] {
  const wrong = saidOf(run).filter(({ right }) => !right)
  return run.record.classes.flatMap((name) =>
    wrong
      .filter(({ actual }) => actual === name)
      .sort((a, b) => b.probability - a.probability || a.index - b.index)
      .slice(0, most),
  )
}

/** Test images for the grid, drawn at random with a fixed seed: as many right and wrong ones as chance brings. */
export function gridOf({ test }: FinishedRun, most = 24): number[] {
  const all = Array.from(test.files, (_, i) => i)
  return new Random(0, 0x9e1d)
    .shuffle(all)
    .slice(0, most)
    .sort((a, b) => a - b)
}

/** Two models on the same test images. */
export interface Comparison {
  models: [string, string]
  /** First minus second; DeLong's test takes images as independent. */
  delong: ReturnType<typeof delongTest>
  /** First minus second, patients resampled; the most probable class called. */
  paired: ReturnType<typeof pairedBootstrap>
}

/** Of every two shown runs with two classes and the same test images. */
export function comparisonsOf(runs: readonly FinishedRun[]): Comparison[] {
  const shown = shownRuns(runs).filter(isBinary)
  return shown.flatMap((a, i) =>
    shown.slice(i + 1).flatMap((b): Comparison[] => {
      if (!sameTest(a, b)) return []
      const [own, other] = [positives(a), positives(b)]
      const { positive } = own
      const paired = pairedBootstrap(
        measureOf(own.scores, positive),
        measureOf(other.scores, positive),
        positive.length,
        resamples(a.test.patients, positive),
      )
      return [{ models: [a.name, b.name], delong: delongTest(own.scores, other.scores, positive), paired }]
    }),
  )
}

/** Mean and standard deviation over runs that differ in their seed alone. */
export interface Spread {
  name: string
  seeds: number[]
  /** By measure, the most probable class called; sd with n − 1 below the line. */
  measures: Record<string, { values: number[]; mean: number; sd: number }>
}

const SPREAD = ['accuracy', 'precision', 'recall', 'specificity', 'f1', 'auc'] as const

/** Of each name with several runs. */
export function spreadsOf(runs: readonly FinishedRun[]): Spread[] {
  return shownRuns(runs).flatMap(({ name }) => {
    const own = runs.filter((run) => run.name === name)
    if (own.length < 2) return []
    const measures = SPREAD.map((measure) => {
      const values = own.map((run) => run.mostProbable[measure])
      const mean = values.reduce((a, b) => a + b, 0) / values.length
      const sd = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1))
      return [measure, { values, mean, sd }] as const
    })
    return [{ name, seeds: own.map((run) => run.record.settings.seed), measures: Object.fromEntries(measures) }]
  })
}

const metricsOf = ({ accuracy, precision, recall, specificity, f1, auc, confusion, n }: Evaluation) => ({
  accuracy,
  precision,
  recall,
  specificity,
  f1,
  auc,
  confusion,
  n,
})

/** Settings that decide about nothing, or say where files are. */
const PLACES = [
  ...['data', 'out', 'adapter', 'workers', 'saveEvery', 'dryRun', 'tune', 'maxPixels'],
  ...['cacheTrunk', 'imageCache', 'imageCacheLimit'],
]
/** The settings that decide about the results; of weights the file's name, wherever it is. */
export const decisive = ({ record: { settings, weights } }: FinishedRun): Record<string, unknown> => ({
  ...Object.fromEntries(Object.entries(settings).filter(([name]) => !PLACES.includes(name))),
  ...(weights ? { weights: fileOf(weights.file) } : {}),
})

function weightsOf({ weights }: FinishedRun['record']) {
  if (!weights) return null
  const { file, tensors, loaded, missing, reinitialised } = weights
  return { file: fileOf(file), tensors, loaded, missing, reinitialised }
}

/** One run as results.json has it. */
function resultOf(run: FinishedRun) {
  const { record, history, test, mostProbable, atPoint, explained } = run
  const { temperature } = atPoint.operatingPoint
  const rows = probabilitiesOf(run)
  const said = saidOf(run)
  const two = isBinary(run) && { raw: positives(run), scaled: positives(run, temperature) }
  const bins = ({ scores, positive }: ReturnType<typeof positives>) => reliabilityBins(scores, positive)
  return {
    model: record.settings.model,
    seed: record.settings.seed,
    settings: decisive(run),
    classes: record.classes,
    images: record.images,
    validationFrom: record.validationFrom,
    weights: weightsOf(record),
    bestEpoch: record.bestEpoch,
    epochs: record.epochs,
    stopped: record.stopped,
    metrics: metricsOf(mostProbable),
    intervals: mostProbable.measures,
    patients: mostProbable.patients,
    aucDelong: two ? delongInterval(two.raw.scores, two.raw.positive) : null,
    threshold: {
      ...atPoint.operatingPoint,
      metrics: metricsOf(atPoint),
      intervals: atPoint.measures,
    },
    calibration: two ? { temperature, before: bins(two.raw), after: bins(two.scaled) } : { temperature },
    history: history.map(({ seconds: _, imagesPerSecond: __, ...row }) => row),
    mistakes: explained.map(({ index, maps }) => ({
      ...said[index],
      maps: maps.map(({ method, words, map, border, randomised: { correlation, borderShare } }) => ({
        method,
        words,
        map: { ...map, values: Array.from(map.values) },
        border,
        randomised: { correlation, borderShare },
      })),
    })),
    predictions: {
      files: test.files,
      labels: Array.from(test.labels),
      probabilities: said.map(({ index }) =>
        Array.from(rows.subarray(index * record.classes.length, (index + 1) * record.classes.length)),
      ),
    },
    times: {
      seconds: record.seconds,
      secondsPerEpoch: record.secondsPerEpoch,
      epochs: history.map(({ seconds, imagesPerSecond }) => ({ seconds, imagesPerSecond })),
    },
  }
}

/**
 * Everything that the page shows; what is undefined or infinite becomes null in JSON.
 * @param comparisons {@link comparisonsOf} the runs.
 */
export function resultsOf(
  { runs, data, notebook }: ReportInput,
  comparisons: readonly Comparison[],
): Record<string, unknown> {
  const spreads = spreadsOf(runs)
  const models = Object.fromEntries(
    shownRuns(runs).map((first) => {
      const spread = spreads.find(({ name }) => name === first.name)
      const others = runs.filter((run) => run.name === first.name && run !== first).map(resultOf)
      const key = first.name === 'vit' ? 'vit' : 'resnet18'
      return [
        first.name,
        {
          ...resultOf(first),
          ...(spread ? { spread: spread.measures, otherSeeds: others } : {}),
          ...(notebook ? { differencesFromNotebook: differences(first.record, key) } : {}),
        },
      ]
    }),
  )
  const { record } = runs[0]
  return {
    ...(notebook ? { ...models, notebook: NOTEBOOK } : { runs: models }),
    comparisons,
    data: Object.fromEntries(data.map(({ name, audit }) => [name, audit])),
    settings: common(runs.map(decisive)),
    adapter: record.adapter,
    versions: record.versions,
  }
}

/** The settings that all runs share. */
export function common(settings: readonly Record<string, unknown>[]): Record<string, unknown> {
  const [first, ...others] = settings
  const same = (name: string) => others.every((o) => JSON.stringify(o[name]) === JSON.stringify(first[name]))
  return Object.fromEntries(Object.entries(first).filter(([name]) => same(name)))
}
