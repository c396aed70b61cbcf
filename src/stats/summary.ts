// Every measure of a two-class model in one flat object: what the bootstrap resamples and the reports show.
import { binsOf, brierScore, expectedCalibrationError } from './calibration.js'
import { averagePrecision, rocAuc } from './curves.js'
import type { Measure } from './bootstrap.js'
import { Ranked, countsOf } from './ranked.js'
import { type Rates, countsAt, ratesOf } from './threshold.js'
import { withDefaults } from '../util/options.js'

/** Measures of a classifier of two classes: those of its ranking, and {@link Rates} at the threshold. */
export interface BinaryMeasures extends Rates {
  auc: number
  averagePrecision: number
  brier: number
  ece: number
}

/**
 * All measures of the positive class's probabilities.
 * @param options.threshold positive from here on; 0.5.
 * @param options.bins of the expected calibration error; 10.
 * @throws as `brierScore`, and for an unknown option.
 */
export function binaryMeasures(
  probabilities: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  options: { threshold?: number; bins?: number } = {},
): BinaryMeasures {
  const { threshold, bins } = withDefaults('binaryMeasures', options, { threshold: 0.5, bins: 10 })
  return {
    auc: rocAuc(probabilities, positive),
    averagePrecision: averagePrecision(probabilities, positive),
    ...ratesOf(countsAt(probabilities, positive, threshold)),
    brier: brierScore(probabilities, positive),
    ece: expectedCalibrationError(probabilities, positive, { bins }),
  }
}

/**
 * {@link binaryMeasures} of the samples at given indices, for the bootstrap: the same numbers, to rounding, without
 * sorting each resample.
 * @throws for an unknown option.
 */
export function measureOf(
  probabilities: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  options: { threshold?: number; bins?: number } = {},
): Measure {
  const { threshold, bins } = withDefaults('measureOf', options, { threshold: 0.5, bins: 10 })
  const ranked = new Ranked(probabilities, positive)
  const n = probabilities.length
  const called = Array.from({ length: n }, (_, i) => probabilities[i] >= threshold)
  const squares = Float64Array.from({ length: n }, (_, i) => (probabilities[i] - (positive[i] ? 1 : 0)) ** 2)
  const ece = countedCalibrationError(probabilities, positive, bins)
  return (indices) => {
    const counts = countsOf(indices, n)
    const cells = { tn: 0, fp: 0, fn: 0, tp: 0 }
    let brier = 0
    for (let i = 0; i < n; i++) {
      const count = counts[i]
      if (count === 0) continue
      cells[called[i] ? (positive[i] ? 'tp' : 'fp') : positive[i] ? 'fn' : 'tn'] += count
      brier += count * squares[i]
    }
    return {
      ...ranked.measures(counts),
      ...ratesOf(cells),
      brier: brier / indices.length,
      ece: ece(counts),
    }
  }
}

/** The expected calibration error of samples that are counted so often each. */
export function countedCalibrationError(
  probabilities: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  bins = 10,
): (counts: ArrayLike<number>) => number {
  const bin = binsOf(probabilities, bins)
  return (counts) => {
    const gaps = new Float64Array(bins) // Σ probability − truth
    let total = 0
    for (let i = 0; i < bin.length; i++) {
      gaps[bin[i]] += counts[i] * (probabilities[i] - (positive[i] ? 1 : 0))
      total += counts[i]
    }
    return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total
  }
}
