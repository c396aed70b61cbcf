// What a report is made of: finished runs with all that their models say, the data they were trained on, and pictures.
// Plain data; where it comes from is the application's business.
import type { Audit } from '../audit/audit.js'
import type { Image } from '../data/image.js'
import type { HeatMap } from '../explain/read.js'
import type { Evaluation } from '../train/evaluation.js'
import type { HistoryRow } from '../train/history.js'

type Counts = Readonly<Record<string, number>>

/** What a record of a run says; `run.json` has more. */
export interface RunFacts {
  settings: Readonly<Record<string, unknown>> & {
    model: string
    imageSize: number
    resizeSize?: number
    epochs: number
    batchSize: number
    lr: number
    seed: number
    optimizer: string
    schedule: string
    precision: string
    patience: number
    valSplit: number
    limit?: number
    trainable?: readonly string[]
    dropLast?: boolean
    balance: string
    mixup: number
    cutmix: number
    augment: string
  }
  classes: readonly string[]
  images: { train: Counts; validation: Counts | null; test: Counts }
  validationFrom: string
  weights: {
    file: string
    tensors: number
    loaded: number
    missing: readonly string[]
    reinitialised: readonly string[]
  } | null
  bestEpoch: number | null
  epochs: number
  stopped: string
  seconds: number
  secondsPerEpoch: number | null
  adapter: { name: string; kind: string; isSoftware: boolean }
  versions: Readonly<Record<string, string>>
}

/** What a model says of labelled images. */
export interface Predictions {
  /** Paths in the data set. */
  files: readonly string[]
  labels: ArrayLike<number>
  /** [n, C] logits. */
  logits: ArrayLike<number>
  /** Of each image. */
  patients: readonly string[]
}

/** Where a model looked, by one method, and what the map is worth; null where a map is the same everywhere. */
export interface ShownMap {
  /** As `explain` calls it: grad-cam, attention-gradient, rollout. */
  method: string
  /** The same for readers: 'Grad-CAM of layer4'. */
  words: string
  /** As the method gives it. */
  map: HeatMap
  /** Over the picture. */
  heatMap: Image
  /** The share of the map on the outermost tenth of the image at each side, and that region's share of the area. */
  border: { share: number | null; area: number }
  /** With randomised weights: over the picture, rank correlation of the two maps, share on the border. */
  randomised: { heatMap: Image; correlation: number | null; borderShare: number | null }
}

/** A mistake and where the model looked. */
export interface ExplainedMistake {
  /** In the test images. */
  index: number
  /** What the model saw of the radiograph. */
  picture: Image
  maps: readonly ShownMap[]
}

/** A finished run as a report shows it. */
export interface FinishedRun {
  /** What the report calls it; runs that differ in their seed alone share a name. */
  name: string
  record: RunFacts
  history: readonly HistoryRow[]
  test: Predictions
  /** The most probable class called, and at the operating point that the checkpoint stores. */
  mostProbable: Evaluation
  atPoint: Evaluation
  explained: readonly ExplainedMistake[]
}

/** A data set that runs were trained on. */
export interface ReportData {
  name: string
  audit: Audit
  /** A few training images of each class, in the order of the classes. */
  samples: readonly { class: string; path: string; image: Image }[]
}

/** All that a report is made of. */
export interface ReportInput {
  title: string
  runs: readonly FinishedRun[]
  data: readonly ReportData[]
  /** Test images by file, for the grid. */
  pictures: ReadonlyMap<string, Image>
  /** Whether the notebook's own figures stand beside. */
  notebook: boolean
}

/** The first run of each name: the one whose curves and pictures are shown. */
export const shownRuns = (runs: readonly FinishedRun[]): FinishedRun[] =>
  runs.filter((run, i) => runs.findIndex(({ name }) => name === run.name) === i)

/** Whether two runs were tested on the same images. */
export const sameTest = (a: FinishedRun, b: FinishedRun): boolean =>
  a.record.classes.join('\n') === b.record.classes.join('\n') && a.test.files.join('\n') === b.test.files.join('\n')

/** The shown runs, those that were tested on the same images together. */
export function groupsOf(runs: readonly FinishedRun[]): FinishedRun[][] {
  const shown = shownRuns(runs)
  const firsts = shown.filter((run, i) => shown.findIndex((other) => sameTest(run, other)) === i)
  return firsts.map((first) => shown.filter((run) => sameTest(run, first)))
}
