// The application below every face: part of the public entry point.
import type * as evaluate from './evaluate.js'
import type { explainRun as Explains } from './explain.js'

export {
  type CheckpointSource,
  type ModelCard,
  type TrainedModel,
  modelCardOf,
  openModel,
  readModel,
  toMetadata,
} from './card.js'
export type { CalibrateRunOptions, EvaluateRunOptions, PredictRunOptions, Prediction } from './evaluate.js'
export type { Evaluation, Figure } from '../train/evaluation.js'
export type {
  AdapterEvent,
  CalibrateEvent,
  DataEvent,
  DoneEvent,
  EpochEvent,
  MemoryEvent,
  MetricsEvent,
  ModelEvent,
  PredictEvent,
  ProgressEvent,
  ReplacedEvent,
  ResumedEvent,
  RunEvent,
  SettingsEvent,
  StoppedEvent,
  TestEvent,
} from './events.js'
export { type OperatingPoint, UNFITTED, fitOperatingPoint, readOutputs } from '../train/operatingPoint.js'
export type { ExplainRunOptions, ExplainedFile } from './explain.js'
export type { ResumedAt, Surroundings } from './resume.js'
export type { RunRecord, WeightsReport } from './record.js'
export { EVALUATION_BATCH, type Listener } from './session.js'
export {
  type Setting,
  type SettingTable,
  type SettingsOf,
  defaultsOf,
  fits,
  fromText,
  parseSettings,
  ruleOf,
} from './settings.js'
export {
  ADAPTER_SETTINGS,
  AUDIT_SETTINGS,
  type AuditSettings,
  CALIBRATE_SETTINGS,
  type CalibrateSettings,
  EVALUATE_SETTINGS,
  EXPLAIN_SETTINGS,
  type ExplainSettings,
  type EvaluateSettings,
  MACHINE_SETTINGS,
  type MachineSettings,
  PREDICT_SETTINGS,
  type PredictSettings,
  TRAIN_SETTINGS,
  type TrainSettings,
} from './settingTables.js'
export {
  type DataSource,
  type SplitOptions,
  type Splits,
  classCounts,
  openSplits,
  pipeline,
  sameClasses,
} from './splits.js'
export { MemoryStore, type Store } from './store.js'
export { openFolder } from '#platform/store'
export { type TrainOutcome, type TrainRunOptions, resumeRun, trainRun } from './train.js'
export { TRAINABLE_PARTS, chooseTrainable } from './trainable.js'

/**
 * Explains what a checkpoint says of images. An engine is opened for it and closed at the end. Events: `note`,
 * `adapter`, `predict`, `progress`.
 *
 * @throws RadiogradError when the checkpoint or an image cannot be read, the model has no such method, layer or class,
 * or its outputs are not finite, naming the image.
 */
export const explainRun: typeof Explains = async (settings, options) =>
  (await import('./explain.js')).explainRun(settings, options) // a page that explains nothing does not load it

/**
 * What a checkpoint is worth on a data set's test folder, at its operating point, with intervals; null when stopped by
 * the signal. An engine is opened for it and closed at the end. Events: `note`, `adapter`, `test`, `progress`.
 *
 * @throws RadiogradError when checkpoint or folder cannot be read or their classes differ.
 */
export const evaluateRun: typeof evaluate.evaluateRun = async (settings, options) =>
  (await import('./evaluate.js')).evaluateRun(settings, options)

/**
 * Fits a checkpoint's temperature and threshold anew, on the images that its training kept for validation, and gives
 * the checkpoint's bytes with them; null when stopped by the signal. An engine is opened for it and closed at the end.
 * Events: `note`, `adapter`, `calibrate`, `progress`.
 *
 * @throws RadiogradError when checkpoint or folder cannot be read, their classes differ, or there is no validation.
 */
export const calibrateRun: typeof evaluate.calibrateRun = async (settings, options) =>
  (await import('./evaluate.js')).calibrateRun(settings, options)

/**
 * What a checkpoint sees in images, in their order; null when stopped by the signal. An engine is opened for it and
 * closed at the end. Events: `adapter`, `predict`, `progress`.
 *
 * @throws RadiogradError when the checkpoint or an image cannot be read.
 */
export const predictRun: typeof evaluate.predictRun = async (settings, options) =>
  (await import('./evaluate.js')).predictRun(settings, options)
