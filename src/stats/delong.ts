// DeLong's variance of areas under ROC curves, and the test of two models on the same samples (DeLong et al. 1988), by
// mid-ranks in O(n log n) (Sun & Xu 2014). Takes samples as independent: several images of one patient make it too
// sure, and the bootstrap over patients is then the one to trust.
import { check } from '../util/check.js'
import { midRanks } from './curves.js'
import { twoSided, zOfLevel } from './normal.js'
import { checkSamples } from './samples.js'
import { withDefaults } from '../util/options.js'

/**
 * AUC of each model and the covariance of these AUCs, [k][k]. AUCs are NaN unless both classes are present, covariances
 * unless both have two samples or more.
 * @param scores one array of scores for each model, all of the same samples.
 * @throws unless there is a score for each label, and all are finite.
 */
export function delongCovariance(
  scores: readonly ArrayLike<number>[],
  positive: ArrayLike<boolean>,
): { aucs: number[]; covariance: number[][] } {
  for (const each of scores) checkSamples('delong', each, positive)
  const indices = Array.from({ length: positive.length }, (_, i) => i)
  const sick = indices.filter((i) => positive[i])
  const healthy = indices.filter((i) => !positive[i])
  const [m, n] = [sick.length, healthy.length]
  /** Of each positive the share of negatives it beats, and of each negative that of positives that beat it. */
  const parts = scores.map((each) => {
    const all = midRanks(each)
    const among = (kind: number[]) => midRanks(kind.map((i) => each[i]))
    const [ranksSick, ranksHealthy] = [among(sick), among(healthy)]
    return {
      sick: sick.map((i, at) => (all[i] - ranksSick[at]) / n),
      healthy: healthy.map((i, at) => 1 - (all[i] - ranksHealthy[at]) / m),
    }
  })
  const mean = (values: number[]) => values.reduce((sum, v) => sum + v, 0) / values.length
  const aucs = parts.map((part) => (m && n ? mean(part.sick) : NaN))
  const cov = (a: number[], b: number[]) => {
    const [meanA, meanB] = [mean(a), mean(b)]
    return a.reduce((sum, v, i) => sum + (v - meanA) * (b[i] - meanB), 0) / (a.length - 1)
  }
  const covariance = parts.map((a) => parts.map((b) => cov(a.sick, b.sick) / m + cov(a.healthy, b.healthy) / n))
  return { aucs, covariance }
}

/** A value with its interval. */
export interface AucInterval {
  auc: number
  standardError: number
  low: number
  high: number
}

const checkLevel = (level: number) => check(level > 0 && level < 1, `level: must be between 0 and 1, got ${level}`)

/**
 * AUC ± z standard errors, cut to 0..1. Without width where the AUC is 1, as with any normal interval.
 * @throws unless `level` is between 0 and 1.
 */
export function delongInterval(
  scores: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  options: { level?: number } = {},
): AucInterval {
  const { level } = withDefaults('delongInterval', options, { level: 0.95 })
  checkLevel(level)
  const { aucs, covariance } = delongCovariance([scores], positive)
  const [auc, standardError] = [aucs[0], Math.sqrt(covariance[0][0])]
  const half = zOfLevel(level) * standardError
  return { auc, standardError, low: Math.max(auc - half, 0), high: Math.min(auc + half, 1) }
}

/** The difference of two AUCs. */
export interface DelongTest {
  aucs: [number, number]
  /** First minus second. */
  difference: number
  standardError: number
  low: number
  high: number
  z: number
  /** Two-sided. 1 where both models rank alike; 0 where they differ without any variance. */
  p: number
}

/**
 * Whether two models rank the same samples unlike each other. NaN in what needs both classes with two samples each.
 * @param a scores of one model.
 * @param b scores of the other.
 * @throws unless `level` is between 0 and 1.
 */
export function delongTest(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  options: { level?: number } = {},
): DelongTest {
  const { level } = withDefaults('delongTest', options, { level: 0.95 })
  checkLevel(level)
  const { aucs, covariance: c } = delongCovariance([a, b], positive)
  const difference = aucs[0] - aucs[1]
  const variance = Math.max(c[0][0] + c[1][1] - 2 * c[0][1], 0)
  const standardError = Math.sqrt(variance)
  const z = difference === 0 && variance === 0 ? 0 : difference / standardError
  const half = zOfLevel(level) * standardError
  return {
    aucs: [aucs[0], aucs[1]],
    difference,
    standardError,
    low: difference - half,
    high: difference + half,
    z,
    p: twoSided(z),
  }
}
