// What a model is worth on labelled images, as a clinician reads it: every measure at the operating point with its 95 %
// interval, and how often its probabilities are right. Plain data, the same in memory and as JSON.
import { type Measure, resamples } from '../stats/bootstrap.js'
import { binaryIntervals, intervalsOf } from '../stats/intervals.js'
import { Ranked, countsOf } from '../stats/ranked.js'
import { countedCalibrationError } from '../stats/summary.js'
import { type Metrics, type Outputs, computeMetrics, metricsOf, probabilities } from './metrics.js'
import { type OperatingPoint, readOutputs, secondOf } from './operatingPoint.js'

/**
 * A measure and its 95 % interval; null where it is undefined, or not finite (a likelihood ratio over 0). Both ends are
 * null where nothing tells them, as of an AUC of 1.
 */
export interface Figure {
  estimate: number | null
  low: number | null
  high: number | null
}

/** `metrics.json`, and what `eval --json` prints: {@link Metrics} at the operating point, and more. */
export interface Evaluation extends Metrics {
  operatingPoint: OperatingPoint
  /**
   * Of two classes those of `stats.binaryMeasures`, the second being positive; of more the means over the classes as in
   * {@link Metrics}, the Brier score over all classes and the calibration error of the most probable one.
   */
  measures: Record<string, Figure>
  /** Who was drawn for the intervals: each with all their images. */
  patients: number
  /** The same images with the most probable class called. */
  mostProbable: Metrics
}

/** Means over several classes. */
const RATIOS = ['accuracy', 'precision', 'recall', 'specificity', 'f1', 'auc'] as const

/**
 * Measures the outputs of a model. Intervals are those of `stats.binaryIntervals`, by 2,000 resamples of the patients
 * or by Wilson; of several classes only the accuracy is a plain share. The same outputs give the same intervals.
 * @param patients of each sample.
 */
export function evaluateOutputs(outputs: Outputs, patients: readonly string[], point: OperatingPoint): Evaluation {
  const { labels, numClasses } = outputs
  const { rows, called } = readOutputs(outputs, point)
  const sick = Array.from(labels, (label) => label === 1)
  const intervals =
    numClasses === 2
      ? binaryIntervals(secondOf(rows), sick, patients, { threshold: point.threshold ?? 0.5 })
      : intervalsOf(severalClasses(outputs, rows, called), patients, resamples(patients, sick, { stratify: false }), {
          accuracy: () => true,
        })
  const plain = (value: number) => (Number.isFinite(value) ? value : null)
  return {
    ...computeMetrics(outputs, called),
    operatingPoint: point,
    measures: Object.fromEntries(
      Object.entries(intervals).map(([name, { estimate, low, high }]): [string, Figure] => [
        name,
        { estimate: plain(estimate), low: plain(low), high: plain(high) },
      ]),
    ),
    patients: new Set(patients).size,
    mostProbable: computeMetrics(outputs),
  }
}

function severalClasses({ logits, labels, numClasses }: Outputs, rows: Float64Array, called: Int32Array): Measure {
  const classes = Array.from({ length: numClasses }, (_, c) => c)
  const samples = Array.from(labels, (_, i) => i)
  const scores = probabilities(logits, numClasses)
  const ofClass = (c: number) => samples.map((i) => scores[i * numClasses + c])
  const ranked = classes.map(
    (c) =>
      new Ranked(
        ofClass(c),
        Array.from(labels, (label) => label === c),
      ),
  )
  const sure = samples.map((i) => rows[i * numClasses + called[i]])
  const squares = samples.map((i) =>
    classes.reduce((sum, c) => sum + (rows[i * numClasses + c] - (labels[i] === c ? 1 : 0)) ** 2, 0),
  )
  const right = samples.map((i) => called[i] === labels[i])
  const ece = countedCalibrationError(sure, right)
  return (indices) => {
    const counts = countsOf(indices, labels.length)
    const matrix = classes.map(() => classes.map(() => 0))
    samples.forEach((i) => (matrix[labels[i]][called[i]] += counts[i]))
    const aucs = ranked.map((each) => each.measures(counts).auc)
    const metrics = metricsOf(matrix, aucs)
    return {
      ...Object.fromEntries(RATIOS.map((name) => [name, metrics[name]])),
      brier: squares.reduce((sum, square, i) => sum + counts[i] * square, 0) / indices.length,
      ece: ece(counts),
    }
  }
}
