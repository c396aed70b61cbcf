// A threshold, how to choose it on validation data, and what it means in the clinic's words. A sample is called
// positive where its score is >= the threshold. A ratio with nothing to divide by is NaN, never 0 or 1.
import { check } from '../util/check.js'
import { type Steps, checkSamples, stepsOf } from './samples.js'

/** A threshold and what it reaches on the data it was chosen on. */
export interface ChosenThreshold {
  threshold: number
  sensitivity: number
  specificity: number
}

const chosen = ({ thresholds, truePositives, falsePositives, positives, negatives }: Steps, i: number) => ({
  threshold: thresholds[i],
  sensitivity: truePositives[i] / positives,
  specificity: (negatives - falsePositives[i]) / negatives,
})

/**
 * The highest score that, taken as the threshold, reaches a sensitivity of `wanted` or more: the greatest specificity
 * that this sensitivity allows. Specificity is NaN without a negative sample.
 * @param wanted above 0, up to 1.
 * @throws where no sample is positive, or scores are not finite.
 */
export function thresholdForSensitivity(
  scores: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  wanted: number,
): ChosenThreshold {
  check(wanted > 0 && wanted <= 1, `thresholdForSensitivity: sensitivity must be above 0, up to 1, got ${wanted}`)
  const steps = stepsOf('thresholdForSensitivity', scores, positive)
  check(steps.positives > 0, `thresholdForSensitivity: needs a positive sample, got none of ${scores.length}`)
  return chosen(
    steps,
    steps.truePositives.findIndex((count) => count / steps.positives >= wanted),
  )
}

/**
 * The score that, taken as the threshold, has the greatest sensitivity + specificity − 1 (Youden 1950); of several, the
 * one with the greatest sensitivity, since a missed case weighs most.
 * @throws unless both classes are present and scores are finite.
 */
export function youdenThreshold(scores: ArrayLike<number>, positive: ArrayLike<boolean>): ChosenThreshold {
  const steps = stepsOf('youdenThreshold', scores, positive)
  const { truePositives, falsePositives, positives, negatives } = steps
  check(
    positives > 0 && negatives > 0,
    `youdenThreshold: needs both classes, got ${positives} positive and ${negatives} negative samples`,
  )
  // In whole numbers, so that equal is equal.
  const index = truePositives.map((count, i) => count * negatives - falsePositives[i] * positives)
  return chosen(steps, index.lastIndexOf(Math.max(...index)))
}

/** Counts of a two-class problem at a threshold. */
export interface Counts {
  tn: number
  fp: number
  fn: number
  tp: number
}

/**
 * How many samples are called right and wrong at a threshold.
 * @throws unless there is a score for each label, and all are finite.
 */
export function countsAt(scores: ArrayLike<number>, positive: ArrayLike<boolean>, threshold: number): Counts {
  checkSamples('countsAt', scores, positive)
  check(!Number.isNaN(threshold), 'countsAt: threshold must be a number, got NaN')
  const counts = { tn: 0, fp: 0, fn: 0, tp: 0 }
  for (let i = 0; i < scores.length; i++)
    counts[scores[i] >= threshold ? (positive[i] ? 'tp' : 'fp') : positive[i] ? 'fn' : 'tn']++
  return counts
}

/** What counts at a threshold amount to. */
export interface Rates {
  accuracy: number
  /** Of the sick, the share called sick; recall. NaN without a positive sample. */
  sensitivity: number
  /** Of the healthy, the share called healthy. NaN without a negative sample. */
  specificity: number
  /** Of those called sick, the share that is; precision. NaN where nobody is called sick. */
  ppv: number
  /** Of those called healthy, the share that is. NaN where nobody is called healthy. */
  npv: number
  /** Harmonic mean of ppv and sensitivity. NaN where nobody is sick or called sick. */
  f1: number
  /** sensitivity / (1 − specificity): how much a positive call raises the odds. Infinity without a false positive. */
  likelihoodRatioPositive: number
  /** (1 − sensitivity) / specificity: how much a negative call lowers the odds. */
  likelihoodRatioNegative: number
}

/** Rates of counts. PPV and NPV hold for the share of sick among the samples, not for a clinic with another. */
export function ratesOf({ tn, fp, fn, tp }: Counts): Rates {
  return {
    accuracy: (tp + tn) / (tp + tn + fp + fn),
    sensitivity: tp / (tp + fn),
    specificity: tn / (tn + fp),
    ppv: tp / (tp + fp),
    npv: tn / (tn + fn),
    f1: (2 * tp) / (2 * tp + fp + fn),
    likelihoodRatioPositive: tp / (tp + fn) / (fp / (tn + fp)),
    likelihoodRatioNegative: fn / (tp + fn) / (tn / (tn + fp)),
  }
}
