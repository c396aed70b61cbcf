// Training and evaluation: part of the public entry point.
export type { BatchSource } from './batches.js'
export { type EvaluateOptions, Evaluator } from './evaluator.js'
export { type HistoryRow, historyCsv, parseHistory } from './history.js'
export {
  type BinaryConfusion,
  type Metrics,
  type Outputs,
  computeMetrics,
  confusionMatrix,
  crossEntropy,
  probabilities,
} from './metrics.js'
export { type Progress, type TrainResult, Trainer, type TrainerOptions } from './loop.js'
export { type Late, LateArray, readLate } from '../util/late.js'
export type { EpochSums, Position, TrainerState } from './state.js'
export { type Exchange, type LossScaling, type Optimizer, type StepOptions, TrainingStep } from './step.js'
