// What a run tells whoever started it, as it happens: plain data, for a terminal's lines, a page's drawing, or a
// message from one thread to another.
import type { MemoryReport } from '../engine/index.js'
import type { Evaluation } from '../train/evaluation.js'
import type { HistoryRow } from '../train/history.js'
import type { ModelCard } from './card.js'
import type { RunRecord, WeightsReport } from './record.js'
import type { TrainSettings } from './settingTables.js'

/** A training run begins, or goes on, with these. */
export interface SettingsEvent {
  kind: 'settings'
  settings: TrainSettings
}

/** The adapter that computes. */
export interface AdapterEvent {
  kind: 'adapter'
  name: string
  /** 'gpu', 'lavapipe', 'swiftshader', … */
  adapterKind: string
  /** The CPU does the GPU's work. */
  isSoftware: boolean
}

/** A run goes on that was stopped or killed. */
export interface ResumedEvent {
  kind: 'resumed'
  /** Where, from 1. */
  epoch: number
  epochs: number
  /** Batches of that epoch that were done. */
  batches: number
  /** What is another now than when the run was last saved, such as `adapter`: the last bits may differ from here on. */
  changed: { name: string; was: string; is: string }[]
  /** The newest saved state was not whole: the one before it is gone on from. */
  broken: boolean
}

/** The store held a run that was not finished; it is given up for this one. */
export interface ReplacedEvent {
  kind: 'replaced'
}

/** Images of each class in each part of the data set. */
export interface DataEvent {
  kind: 'data'
  classes: readonly string[]
  train: readonly number[]
  validation: readonly number[] | null
  /** Where validation comes from, in words. */
  validationFrom: string
  test: readonly number[]
}

/** Something about the data that may be missed or mislead, in one line. */
export interface NoteEvent {
  kind: 'note'
  text: string
}

/** The model is made and its weights are loaded. */
export interface ModelEvent {
  kind: 'model'
  model: string
  imageSize: number
  /** What was loaded, and from which file; null for fresh values. */
  weights: WeightsReport | null
  /** Numbers that learn, of `parameters`. */
  trained: number
  parameters: number
}

/** An evaluation begins. */
export interface TestEvent {
  kind: 'test'
  card: ModelCard
  /** Images of each class, in the order of the card's. */
  images: readonly number[]
}

/** A checkpoint's operating point is about to be fitted anew. */
export interface CalibrateEvent {
  kind: 'calibrate'
  card: ModelCard
  /** Validation images of each class. */
  images: readonly number[]
  /** Where they come from, in words. */
  from: string
}

/** A prediction begins. */
export interface PredictEvent {
  kind: 'predict'
  card: ModelCard
}

/** What a dry run was asked for. */
export interface MemoryEvent {
  kind: 'memory'
  memory: MemoryReport
}

/** After every step. */
export type ProgressEvent = {
  kind: 'progress'
  /** Images done in this phase, of `total`. */
  images: number
  total: number
  imagesPerSecond: number
} & (
  | { phase: 'test' }
  | {
      phase: 'train' | 'validate'
      /** From 1, of `epochs`. */
      epoch: number
      epochs: number
      /** Mean training loss of the epoch so far; NaN before the first result. */
      loss: number
    }
)

/** After every whole epoch, when its files are written. */
export interface EpochEvent {
  kind: 'epoch'
  row: HistoryRow
  epochs: number
  /** Whether it is the best so far, and `best.safetensors` its weights. */
  best: boolean
}

/** Training ended before its last epoch, or the run before its test. */
export interface StoppedEvent {
  kind: 'stopped'
  /** 'aborted': by the signal; the run can be gone on with. */
  why: 'early' | 'aborted'
  /** The epoch whose weights `best.safetensors` holds; null when there is none. */
  bestEpoch: number | null
}

/** The weights of the best epoch on the test images. */
export interface MetricsEvent {
  kind: 'metrics'
  metrics: Evaluation
  classes: readonly string[]
  bestEpoch: number
}

/** All files are written. */
export interface DoneEvent {
  kind: 'done'
  record: RunRecord
  metrics: Evaluation
}

/** What a run says while it works; `kind` tells which. */
export type RunEvent =
  | SettingsEvent
  | AdapterEvent
  | ResumedEvent
  | ReplacedEvent
  | DataEvent
  | NoteEvent
  | ModelEvent
  | TestEvent
  | CalibrateEvent
  | PredictEvent
  | MemoryEvent
  | ProgressEvent
  | EpochEvent
  | StoppedEvent
  | MetricsEvent
  | DoneEvent
