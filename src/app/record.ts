// What is known of a run afterwards: `run.json` as data.
import type { Engine, MemoryReport } from '../engine/index.js'
import type { Classifier } from '../models/registry.js'
import type { TrainResult } from '../train/loop.js'
import type { Checkpoint } from '../weights/load.js'
import type { Dataset } from '../data/imageFolder.js'
import type { ModelCard } from './card.js'
import type { ResumedAt } from './resume.js'
import type { TrainSettings } from './settingTables.js'
import { type Splits, classCounts } from './splits.js'

/** What loading a checkpoint did: names of tensors. */
export interface WeightsReport {
  file: string
  /** What reading it chose and left out. */
  notes: string[]
  /** Of the model. */
  tensors: number
  loaded: number
  missing: string[]
  unexpected: string[]
  /** Of another size than the checkpoint's, hence fresh. */
  reinitialised: string[]
}

/** Copies what fits of a checkpoint into the model; what is absent there keeps its fresh values. */
export function loadInto(model: Classifier, checkpoint: Checkpoint): WeightsReport {
  const { loaded, missing, unexpected, reinitialised } = model.loadStateDict(checkpoint, { strict: false })
  const tensors = [...model.state()].length
  const otherSize = reinitialised.map((r) => r.name)
  const { source: file, notes = [] } = checkpoint
  return { file, notes, tensors, loaded, missing, unexpected, reinitialised: otherSize }
}

type Counts = Record<string, number>

/** Every setting of a run, what it ran on, and how it went. Written as `run.json`. */
export interface RunRecord {
  command: 'train'
  settings: TrainSettings & Pick<ModelCard, 'imageSize' | 'mean' | 'std'>
  classes: readonly string[]
  /** Images by class. */
  images: { train: Counts; validation: Counts | null; test: Counts }
  validationFrom: string
  weights: WeightsReport | null
  bestEpoch: number | null
  /** Epochs that were finished. */
  epochs: number
  stopped: TrainResult['stopped']
  lossScaling: TrainResult['lossScaling']
  /** Null where one process trained alone. */
  exchange: TrainResult['exchange']
  seconds: number
  secondsPerEpoch: number | null
  /** Where the run went on after it was stopped or killed. */
  resumed: readonly ResumedAt[]
  adapter: { name: string; kind: string; isSoftware: boolean; features: string[] }
  gpuMemory: MemoryReport
  /** Of this program and of what it ran on. */
  versions: Record<string, string>
}

/** What a record says of a run that does not change while it runs. */
export interface RunFacts {
  settings: TrainSettings
  card: ModelCard
  splits: Splits
  weights: WeightsReport | null
  resumed: readonly ResumedAt[]
  versions: Record<string, string>
}

export function recordOf(
  { settings, card, splits, weights, resumed, versions }: RunFacts,
  engine: Engine,
  { history, best, stopped, lossScaling, exchange }: TrainResult,
  seconds: number,
): RunRecord {
  const { imageSize, mean, std, classes } = card
  const { adapterName: name, adapterKind: kind, isSoftware } = engine
  return {
    command: 'train',
    settings: { ...settings, imageSize, mean, std },
    classes,
    images: {
      train: countsOf(splits.train),
      validation: splits.validation && countsOf(splits.validation),
      test: countsOf(splits.test),
    },
    validationFrom: splits.validationFrom,
    weights,
    bestEpoch: best?.epoch ?? null,
    epochs: history.length,
    stopped,
    lossScaling,
    exchange,
    seconds,
    secondsPerEpoch: history.length ? history.reduce((sum, row) => sum + row.seconds, 0) / history.length : null,
    resumed,
    adapter: { name, kind, isSoftware, features: [...engine.features].sort() },
    gpuMemory: engine.memory(),
    versions,
  }
}

const countsOf = (set: Dataset): Counts => Object.fromEntries(classCounts(set).map((n, c) => [set.classes[c], n]))
