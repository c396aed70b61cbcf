// Training and evaluation: part of the public entry point.
export type { BatchSource } from './batches.js'
export { type EvaluateOptions, Evaluator } from './evaluator.js'
export { type HistoryRow, historyCsv } from './history.js'
export {
  type BinaryConfusion,
  type Metrics,
  type Outputs,
  computeMetrics,
  confusionMatrix,
  crossEntropy,
  probabilities,
} from './metrics.js'
export { eventFileHeader, eventFileName, scalarEvent } from './tensorboard.js'
export { type Optimizer, type Progress, type TrainResult, Trainer, type TrainerOptions } from './trainer.js'
