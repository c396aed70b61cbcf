// The application below every face: part of the public entry point.
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
export { type Evaluation, type Figure, evaluateOutputs } from './evaluation.js'
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
export { type OperatingPoint, UNFITTED, fitOperatingPoint, readOutputs } from './operatingPoint.js'
export { type ExplainRunOptions, type ExplainedFile, explainRun } from './explain.js'
export type { ResumedAt, Surroundings } from './resume.js'
export type { RunRecord, WeightsReport } from './record.js'
export type { Listener } from './session.js'
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
  type Setting,
  type SettingTable,
  type SettingsOf,
  TRAIN_SETTINGS,
  type TrainSettings,
  defaultsOf,
  fits,
  fromText,
  parseSettings,
  ruleOf,
} from './settings.js'
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
