// Measures that need no threshold: the ROC and precision-recall curves and the areas under them, as scikit-learn
// defines them. What one class alone leaves undefined is NaN.
import { checkSamples, stepsOf } from './samples.js'

/** Points of a ROC curve, from (0, 0) to (1, 1). A sample is called positive where its score is >= the threshold. */
export interface RocCurve {
  /** Infinity first, then every distinct score, descending. */
  thresholds: number[]
  /** 1 − specificity; NaN without a negative sample. */
  falsePositiveRate: number[]
  /** Sensitivity; NaN without a positive sample. */
  truePositiveRate: number[]
}

/** `sklearn.metrics.roc_curve` with drop_intermediate=False. */
export function rocCurve(scores: ArrayLike<number>, positive: ArrayLike<boolean>): RocCurve {
  const { thresholds, truePositives, falsePositives, positives, negatives } = stepsOf('rocCurve', scores, positive)
  return {
    thresholds: [Infinity, ...thresholds],
    falsePositiveRate: [0, ...falsePositives].map((count) => count / negatives),
    truePositiveRate: [0, ...truePositives].map((count) => count / positives),
  }
}

/** Points of a precision-recall curve. */
export interface PrecisionRecallCurve {
  /** Every distinct score, ascending: one entry less than the rates, which end at recall 0 with precision 1. */
  thresholds: number[]
  precision: number[]
  /** NaN without a positive sample. */
  recall: number[]
}

/** `sklearn.metrics.precision_recall_curve`. */
export function precisionRecallCurve(scores: ArrayLike<number>, positive: ArrayLike<boolean>): PrecisionRecallCurve {
  const steps = stepsOf('precisionRecallCurve', scores, positive)
  const { thresholds, truePositives, falsePositives, positives } = steps
  return {
    thresholds: thresholds.reverse(),
    precision: [1, ...truePositives.map((count, i) => count / (count + falsePositives[i]))].reverse(),
    recall: [0, ...truePositives].map((count) => count / positives).reverse(),
  }
}

/**
 * Area under the precision-recall curve by its steps, without interpolation
 * (`sklearn.metrics.average_precision_score`). NaN without a positive sample.
 */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<boolean>): number {
  const { truePositives, falsePositives, positives } = stepsOf('averagePrecision', scores, positive)
  let sum = 0
  truePositives.forEach((count, i) => {
    sum += ((count - (truePositives[i - 1] ?? 0)) / positives) * (count / (count + falsePositives[i]))
  })
  return sum
}

/**
 * Exact area under the ROC curve: the probability that a positive sample scores above a negative one, equal scores
 * counting half (the Mann-Whitney statistic; `sklearn.metrics.roc_auc_score`). NaN unless both kinds are present.
 * @throws unless there is a score for each label, and all are finite.
 */
export function rocAuc(scores: ArrayLike<number>, positive: ArrayLike<boolean>): number {
  checkSamples('rocAuc', scores, positive)
  const ranks = midRanks(scores)
  let positives = 0
  let rankSum = 0
  for (let i = 0; i < scores.length; i++) {
    if (!positive[i]) continue
    positives++
    rankSum += ranks[i]
  }
  const negatives = scores.length - positives
  return positives > 0 && negatives > 0 ? (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives) : NaN
}

/** Ranks from 1, ascending; equal values share the mean of theirs (`scipy.stats.rankdata`). */
export function midRanks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a] - values[b])
  const ranks = new Float64Array(values.length)
  for (let start = 0, end = 0; start < order.length; start = end) {
    do end++
    while (end < order.length && values[order[end]] === values[order[start]])
    for (let i = start; i < end; i++) ranks[order[i]] = (start + 1 + end) / 2
  }
  return ranks
}
