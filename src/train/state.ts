// What it takes to go on with a training loop after a stop.
import type { StateDict } from '../nn/module.js'
import type { HistoryRow } from './history.js'
import type { UpdateState } from './step.js'

/** Where a loop stands between two steps, as plain numbers. */
export interface Position {
  /** The epoch to go on with, from 1; above the last one when all are done. */
  epoch: number
  /** Its batches that are done. */
  batches: number
  /** Steps since the beginning. */
  steps: number
  /** Of the engine, which keys its random numbers. */
  engineSteps: number
  sums: EpochSums
  history: readonly HistoryRow[]
  bestEpoch: number | null
}

/** Sums over the images of an epoch so far. */
export interface EpochSums {
  images: number
  correct: number
  /** Of loss · weight. */
  loss: number
  /** Of the class weights. */
  weight: number
  seconds: number
}

export const NO_SUMS: EpochSums = { images: 0, correct: 0, loss: 0, weight: 0, seconds: 0 }

/**
 * Everything that decides how training goes on, but for the options, the data and the best state, which `onBest` has
 * handed out before.
 */
export interface TrainerState extends UpdateState {
  position: Position
  model: StateDict
  /** The model with its moving averages, where there are any. */
  ema?: StateDict
}
