// Statistics of a classifier's outputs: `stats` of the public entry point. Pure functions of plain arrays in float64; a
// sample is a score and whether it is positive. Scores that are not finite are refused, what is undefined is NaN.
export {
  type Interval,
  type Measure,
  type PairedInterval,
  type ResampleOptions,
  bootstrapIntervals,
  pairedBootstrap,
  quantile,
  resamples,
} from './bootstrap.js'
export {
  type ReliabilityBin,
  type Temperature,
  brierScore,
  expectedCalibrationError,
  fitTemperature,
  reliabilityBins,
} from './calibration.js'
export {
  type PrecisionRecallCurve,
  type RocCurve,
  averagePrecision,
  precisionRecallCurve,
  rocAuc,
  rocCurve,
} from './curves.js'
export { type AucInterval, type DelongTest, delongCovariance, delongInterval, delongTest } from './delong.js'
export { binaryIntervals, wilsonInterval } from './intervals.js'
export { type BinaryMeasures, binaryMeasures, measureOf } from './summary.js'
export {
  type ChosenThreshold,
  type Counts,
  type Rates,
  countsAt,
  ratesOf,
  thresholdForSensitivity,
  youdenThreshold,
} from './threshold.js'
