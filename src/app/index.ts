// The application below every face: part of the public entry point.
import type { explainRun as Explains } from './explain.js'
import type { roundRun as Rounds } from './round.js'

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
export type { RoundOptions, RoundOutcome, RoundResult } from './round.js'
export { ROUND_SETTINGS, type RoundSettings } from './roundSettings.js'
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

/**
 * Trains weights on a site's images for some epochs and gives what came of them, or with `epochs` 0 only measures them:
 * the unit of federated learning, whatever carries the weights (FedAvg, McMahan et al. 2017). The optimizer begins
 * anew. The same settings, weights and images give the same bytes on the same adapter. Null when stopped by the signal.
 * An engine is opened for it and closed at the end. Events: `note`, `adapter`, `model`, `progress`, `epoch`.
 *
 * @throws RadiogradError where weights or images cannot be read, or do not fit each other.
 */
export const roundRun: typeof Rounds = async (settings, options) =>
  (await import('./round.js')).roundRun(settings, options)
