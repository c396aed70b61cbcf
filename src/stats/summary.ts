// Every measure of a two-class model in one flat object: what the bootstrap resamples and the reports show.
import { brierScore, expectedCalibrationError } from './calibration.js'
import { averagePrecision, rocAuc } from './curves.js'
import type { Measure } from './bootstrap.js'
import { type Rates, countsAt, ratesOf } from './threshold.js'

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
 */
export function binaryMeasures(
  probabilities: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  { threshold = 0.5, bins = 10 }: { threshold?: number; bins?: number } = {},
): BinaryMeasures {
  return {
    auc: rocAuc(probabilities, positive),
    averagePrecision: averagePrecision(probabilities, positive),
    ...ratesOf(countsAt(probabilities, positive, threshold)),
    brier: brierScore(probabilities, positive),
    ece: expectedCalibrationError(probabilities, positive, { bins }),
  }
}

/** {@link binaryMeasures} of the samples at given indices, for the bootstrap. */
export function measureOf(
  probabilities: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  options: { threshold?: number; bins?: number } = {},
): Measure {
  return (indices) => ({
    ...binaryMeasures(
      Float64Array.from(indices, (i) => probabilities[i]),
      Array.from(indices, (i) => positive[i]),
      options,
    ),
  })
}
