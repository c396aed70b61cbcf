// What the measures of this folder take: a score for each sample and whether it is positive.
import { allFinite, check } from '../util/check.js'

/** How many samples score at or above each distinct score, from the highest down. */
export interface Steps {
  /** Distinct scores, descending. */
  thresholds: number[]
  /** Positive samples at or above each. */
  truePositives: number[]
  /** Negative samples at or above each. */
  falsePositives: number[]
  positives: number
  negatives: number
}

/** Refuses what has no order: nothing, another number of labels than of scores, scores that are not finite. */
export function checkSamples(name: string, scores: ArrayLike<number>, positive: ArrayLike<boolean>): void {
  check(
    scores.length > 0 && scores.length === positive.length,
    () => `${name}: needs a label for each of one or more scores, got ${scores.length} and ${positive.length}`,
  )
  allFinite(scores, (at) => `${name}: score ${at}`)
}

/** As {@link checkSamples}; the scores must also be probabilities. */
export function checkProbabilities(name: string, scores: ArrayLike<number>, positive: ArrayLike<boolean>): void {
  checkSamples(name, scores, positive)
  for (let i = 0; i < scores.length; i++)
    check(scores[i] >= 0 && scores[i] <= 1, () => `${name}: probability ${i} must be in 0..1, got ${scores[i]}`)
}

/** Counts at every distinct score: equal scores are one step. */
export function stepsOf(name: string, scores: ArrayLike<number>, positive: ArrayLike<boolean>): Steps {
  checkSamples(name, scores, positive)
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a])
  const steps: Steps = { thresholds: [], truePositives: [], falsePositives: [], positives: 0, negatives: 0 }
  order.forEach((i, at) => {
    if (positive[i]) steps.positives++
    else steps.negatives++
    if (at + 1 < order.length && scores[order[at + 1]] === scores[i]) return
    steps.thresholds.push(scores[i])
    steps.truePositives.push(steps.positives)
    steps.falsePositives.push(steps.negatives)
  })
  return steps
}
