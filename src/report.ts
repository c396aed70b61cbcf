// radiograd/report: one page about finished runs, and the experiment. Apart from the main entry point, so that a page
// that reports nothing loads nothing of it.
/// <reference types="@webgpu/types" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />
export { type ExperimentOptions, experimentRun } from './app/experiment.js'
export { type ReportOptions, type ReportedRun, writeReport } from './app/report.js'
export {
  EXPERIMENT_SETTINGS,
  type ExperimentSettings,
  REPORT_SETTINGS,
  type ReportSettings,
} from './app/reportSettings.js'
export { type MadeReport, makeReport } from './report/report.js'
export type { ExplainedMistake, FinishedRun, Predictions, ReportData, ReportInput, RunFacts } from './report/run.js'
export { epochEvents, eventFileHeader, scalarEvent } from './train/tensorboard.js'
