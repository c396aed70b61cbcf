// Measures of a classifier from its outputs, on the host in float64. Pure functions of plain arrays; nothing here runs
// on the GPU.
//
// Where a ratio has nothing to divide by it is 0, as with sklearn's zero_division=0; an AUC without both classes is
// undefined: NaN. Logits and scores that are not finite are refused: no order of them means anything.
import { exp } from '../util/exp.js'
import { rocAuc } from '../stats/curves.js'
import { allFinite, check } from '../util/check.js'

/**
 * Counts of a two-class problem. Positive is class 1: the second folder name in sorted order, PNEUMONIA after NORMAL.
 */
export interface BinaryConfusion {
  tn: number
  fp: number
  fn: number
  tp: number
}

/**
 * What `metrics.json` holds. With two classes precision to f1 are those of class 1; with more they are macro means over
 * the classes.
 */
export interface Metrics {
  accuracy: number
  precision: number
  /** Sensitivity. */
  recall: number
  specificity: number
  f1: number
  /** Area under the ROC curve; with more than two classes the mean of one class against the rest. */
  auc: number
  /** Two classes: counts; more: `confusion[actual][predicted]`. */
  confusion: BinaryConfusion | number[][]
  n: number
}

/** Labels in 0..C−1, row after row of C numbers each. */
export interface Outputs {
  /** [n, C], row-major. */
  logits: ArrayLike<number>
  /** [n]. */
  labels: ArrayLike<number>
  numClasses: number
}

const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0)
const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length

/**
 * Softmax over each row of [n, C] logits.
 * @param temperature that they are divided by before; 1.
 * @throws RadiogradError when a logit is not finite.
 */
export function probabilities(logits: ArrayLike<number>, numClasses: number, temperature = 1): Float64Array {
  allFinite(logits, (at) => `probabilities: logit ${at}`)
  const result = new Float64Array(logits.length)
  for (let row = 0; row < logits.length; row += numClasses) {
    let most = -Infinity
    let sum = 0
    for (let c = 0; c < numClasses; c++) most = Math.max(most, logits[row + c])
    for (let c = 0; c < numClasses; c++) sum += result[row + c] = exp((logits[row + c] - most) / temperature)
    for (let c = 0; c < numClasses; c++) result[row + c] /= sum
  }
  return result
}

/**
 * Index of the largest entry of each row, the first of equals.
 * @throws RadiogradError when an entry is not finite.
 */
export function argmax(rows: ArrayLike<number>, numClasses: number): Int32Array {
  allFinite(rows, (at) => `argmax: entry ${at}`)
  return Int32Array.from({ length: rows.length / numClasses }, (_, i) => {
    let best = 0
    for (let c = 1; c < numClasses; c++) if (rows[i * numClasses + c] > rows[i * numClasses + best]) best = c
    return best
  })
}

/**
 * Mean cross-entropy, weighted by the class of each row as in PyTorch: Σ wᵢ·lossᵢ / Σ wᵢ.
 * @throws RadiogradError when a logit is not finite.
 */
export function crossEntropy({ logits, labels, numClasses }: Outputs, classWeight?: ArrayLike<number>): number {
  allFinite(logits, (at) => `crossEntropy: logit ${at}`)
  let sum = 0
  let weights = 0
  for (let i = 0; i < labels.length; i++) {
    const row = i * numClasses
    const w = classWeight?.[labels[i]] ?? 1
    let most = -Infinity
    let total = 0
    for (let c = 0; c < numClasses; c++) most = Math.max(most, logits[row + c])
    for (let c = 0; c < numClasses; c++) total += exp(logits[row + c] - most)
    sum += w * (Math.log(total) + (most - logits[row + labels[i]]))
    weights += w
  }
  return sum / weights
}

/**
 * How often each actual class (row) was taken for each class (column).
 * @throws unless there is a prediction for each label, and both are classes.
 */
export function confusionMatrix(
  predicted: ArrayLike<number>,
  labels: ArrayLike<number>,
  numClasses: number,
): number[][] {
  check(
    predicted.length === labels.length,
    () => `confusionMatrix: needs a prediction per label, got ${predicted.length} and ${labels.length}`,
  )
  const matrix = Array.from({ length: numClasses }, () => new Array<number>(numClasses).fill(0))
  for (let i = 0; i < labels.length; i++) {
    check(
      matrix[labels[i]]?.[predicted[i]] !== undefined,
      () => `confusionMatrix: classes must be in 0..${numClasses - 1}, got ${labels[i]} and ${predicted[i]}`,
    )
    matrix[labels[i]][predicted[i]]++
  }
  return matrix
}

/**
 * All measures of a set of outputs.
 * @param predicted the class of each sample; the most probable one.
 * @throws RadiogradError when a logit is not finite.
 */
export function computeMetrics({ logits, labels, numClasses }: Outputs, predicted?: ArrayLike<number>): Metrics {
  const n = labels.length
  check(
    numClasses > 1 && logits.length === n * numClasses,
    () => `computeMetrics: logits must be [n, C], C 2 or more, got ${logits.length} values, n ${n}, C ${numClasses}`,
  )
  const scores = probabilities(logits, numClasses)
  const aucs = Array.from({ length: numClasses }, (_, c) =>
    rocAuc(
      Array.from(labels, (_, i) => scores[i * numClasses + c]),
      Array.from(labels, (label) => label === c),
    ),
  )
  return metricsOf(confusionMatrix(predicted ?? argmax(logits, numClasses), labels, numClasses), aucs)
}

/**
 * All measures, from counts and areas.
 * @param matrix actual classes by predicted ones. @param aucs of each class against the rest.
 */
export function metricsOf(matrix: number[][], aucs: readonly number[]): Metrics {
  const n = matrix.flat().reduce((sum, count) => sum + count, 0)
  const accuracy = ratio(
    matrix.reduce((sum, row, c) => sum + row[c], 0),
    n,
  )
  const classes = matrix.length === 2 ? [1] : matrix.map((_, c) => c)
  const each = classes.map((c) => {
    const tp = matrix[c][c]
    const actual = matrix[c].reduce((a, b) => a + b, 0)
    const predicted = matrix.reduce((sum, row) => sum + row[c], 0)
    const tn = n - actual - predicted + tp
    return {
      precision: ratio(tp, predicted),
      recall: ratio(tp, actual),
      specificity: ratio(tn, n - actual),
      f1: ratio(2 * tp, actual + predicted),
      auc: aucs[c],
    }
  })
  const [[tn, fp], [fn, tp]] = matrix
  return {
    accuracy,
    precision: mean(each.map((m) => m.precision)),
    recall: mean(each.map((m) => m.recall)),
    specificity: mean(each.map((m) => m.specificity)),
    f1: mean(each.map((m) => m.f1)),
    auc: mean(each.map((m) => m.auc)),
    confusion: matrix.length === 2 ? { tn, fp, fn, tp } : matrix,
    n,
  }
}
