// The application below every face: part of the public entry point.
import type { makeReport as MakesReport } from '../report/report.js'
import type { experimentRun as Experiments } from './experiment.js'
import type { explainRun as Explains } from './explain.js'
import type { writeReport as WritesReport } from './report.js'

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
export type { ExperimentOptions } from './experiment.js'
export type { ExplainRunOptions, ExplainedFile } from './explain.js'
export type { MadeReport } from '../report/report.js'
export type { FinishedRun, ReportData, ReportInput } from '../report/run.js'
export type { ReportOptions, ReportedRun } from './report.js'
export { EXPERIMENT_SETTINGS, type ExperimentSettings, REPORT_SETTINGS, type ReportSettings } from './reportSettings.js'
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

// What few pages use loads when it is called.

/**
 * Explains what a checkpoint says of images. An engine is opened for it and closed at the end. Events: `note`,
 * `adapter`, `predict`, `progress`.
 *
 * @throws RadiogradError when the checkpoint or an image cannot be read, the model has no such method, layer or class,
 * or its outputs are not finite, naming the image.
 */
export const explainRun: typeof Explains = async (settings, options) =>
  (await import('./explain.js')).explainRun(settings, options)

/**
 * Writes a report of finished runs, side by side: `report.html`, `results.json` and the figures. An engine is opened
 * for it and closed at the end. Returns what results.json holds; null when stopped by the signal. Events: `note`,
 * `adapter`, `progress`.
 *
 * @throws RadiogradError where a folder holds no finished run, or its images are not there any more.
 */
export const writeReport: typeof WritesReport = async (runs, options) =>
  (await import('./report.js')).writeReport(runs, options)

/**
 * The experiment `chest-xray`: trains ResNet18 and a Vision Transformer with each seed, what is not trained yet, tests
 * all, and writes `report.html`, `results.json` and the figures. Returns what results.json holds; null when stopped by
 * the signal, or after a dry run, which writes nothing.
 *
 * @throws RadiogradError where the folder holds an experiment with other settings, or another run has it.
 */
export const experimentRun: typeof Experiments = async (settings, options) =>
  (await import('./experiment.js')).experimentRun(settings, options)

/** A report of plain data, such as another program's predictions; the same input gives the same bytes. */
export const makeReport: typeof MakesReport = async (input) => (await import('../report/report.js')).makeReport(input)
