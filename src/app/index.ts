// The application below every face: part of the public entry point.
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
export {
  type CalibrateRunOptions,
  EVALUATION_BATCH,
  type EvaluateRunOptions,
  type PredictRunOptions,
  type Prediction,
  calibrateRun,
  evaluateRun,
  predictRun,
} from './evaluate.js'
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
export type { Listener } from './session.js'
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
