// Whether a probability of 0.8 is right in 80 of 100 cases: Brier score, reliability bins, expected calibration error,
// and the temperature that mends a model's logits.
import { allFinite, check } from '../util/check.js'
import { exp } from '../util/exp.js'
import { checkProbabilities } from './samples.js'
import { withDefaults } from '../util/options.js'

/**
 * Mean of (probability − outcome)² (`sklearn.metrics.brier_score_loss`): 0 is perfect, 0.25 what 0.5 always gives.
 * @throws unless there is a probability for each label, from 0 to 1.
 */
export function brierScore(probabilities: ArrayLike<number>, positive: ArrayLike<boolean>): number {
  checkProbabilities('brierScore', probabilities, positive)
  let sum = 0
  for (let i = 0; i < probabilities.length; i++) sum += (probabilities[i] - (positive[i] ? 1 : 0)) ** 2
  return sum / probabilities.length
}

/** The samples whose probability lies in (low, high]; the first bin holds 0 too. */
export interface ReliabilityBin {
  low: number
  high: number
  count: number
  meanProbability: number
  fractionPositive: number
}

/** Lower end of bin i (`numpy.linspace`). */
const edge = (i: number, bins: number): number => (i === bins ? 1 : i * (1 / bins))

/** The bin of each probability. */
export function binsOf(probabilities: ArrayLike<number>, bins: number): Uint32Array {
  return Uint32Array.from(probabilities, (p) => {
    let bin = Math.min(Math.floor(p * bins), bins - 1)
    while (bin > 0 && p <= edge(bin, bins)) bin--
    while (bin < bins - 1 && p > edge(bin + 1, bins)) bin++
    return bin
  })
}

/**
 * Bins of equal width with what was predicted and what was true, those without samples left out
 * (`sklearn.calibration.calibration_curve`). Takes the positive class's probability and its truth, or any class's
 * confidence and whether it was right (Guo et al. 2017).
 * @throws as {@link brierScore}, and unless `bins` is a whole number above 0.
 */
export function reliabilityBins(
  probabilities: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  options: { bins?: number } = {},
): ReliabilityBin[] {
  const { bins } = withDefaults('reliabilityBins', options, { bins: 10 })
  checkProbabilities('reliabilityBins', probabilities, positive)
  check(Number.isInteger(bins) && bins > 0, `reliabilityBins: bins must be a whole number above 0, got ${bins}`)
  const sums = Array.from({ length: bins }, () => ({ count: 0, probability: 0, positive: 0 }))
  binsOf(probabilities, bins).forEach((bin, i) => {
    sums[bin].count++
    sums[bin].probability += probabilities[i]
    if (positive[i]) sums[bin].positive++
  })
  return sums.flatMap(({ count, probability, positive }, i) =>
    count
      ? {
          low: edge(i, bins),
          high: edge(i + 1, bins),
          count,
          meanProbability: probability / count,
          fractionPositive: positive / count,
        }
      : [],
  )
}

/** Mean distance between what was predicted and what was true, over the bins by their counts (Naeini et al. 2015). */
export function expectedCalibrationError(
  probabilities: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  options: { bins?: number } = {},
): number {
  return reliabilityBins(probabilities, positive, options).reduce(
    (sum, bin) => sum + (bin.count / probabilities.length) * Math.abs(bin.meanProbability - bin.fractionPositive),
    0,
  )
}

/** What {@link fitTemperature} found. */
export interface Temperature {
  /** Logits are to be divided by it: above 1 the model was too sure. */
  temperature: number
  /** Mean cross-entropy of the data it was fitted on, before and after. */
  before: number
  after: number
  /**
   * Whether the best temperature lies outside 0.01..100 and the nearer end was taken: every sample right (no
   * temperature is low enough), or logits no better than chance (none is high enough).
   */
  bounded: boolean
}

const LIMITS = [0.01, 100] as const

/**
 * The temperature with the least mean cross-entropy on validation data (Guo et al. 2017). The loss is convex in
 * 1/temperature, so there is one; Newton's method, kept inside a bracket, finds it to rounding.
 * @param outputs.logits [n, C], row-major; labels [n] in 0..C−1.
 * @throws where shapes disagree or logits are not finite.
 */
export function fitTemperature(outputs: {
  logits: ArrayLike<number>
  labels: ArrayLike<number>
  numClasses: number
}): Temperature {
  const { logits, labels, numClasses } = outputs
  check(
    labels.length > 0 && numClasses > 1 && logits.length === labels.length * numClasses,
    () =>
      `fitTemperature: logits must be [n, C], n 1 and C 2 or more, got ${logits.length} values, ` +
      `n ${labels.length}, C ${numClasses}`,
  )
  allFinite(logits, (at) => `fitTemperature: logit ${at}`)
  for (let i = 0; i < labels.length; i++)
    check(
      Number.isInteger(labels[i]) && labels[i] >= 0 && labels[i] < numClasses,
      () => `fitTemperature: labels must be in 0..${numClasses - 1}, got ${labels[i]}`,
    )
  /** Loss, slope and curvature at 1/temperature. */
  const at = (inverse: number) => {
    let [loss, slope, curvature] = [0, 0, 0]
    for (let i = 0; i < labels.length; i++) {
      const row = i * numClasses
      let most = -Infinity
      for (let c = 0; c < numClasses; c++) most = Math.max(most, logits[row + c])
      let [sum, first, second] = [0, 0, 0]
      for (let c = 0; c < numClasses; c++) {
        const z = logits[row + c] - most
        const weight = exp(inverse * z)
        sum += weight
        first += weight * z
        second += weight * z * z
      }
      const target = logits[row + labels[i]] - most
      const mean = first / sum
      loss += Math.log(sum) - inverse * target
      slope += mean - target
      curvature += second / sum - mean * mean
    }
    const n = labels.length
    return { loss: loss / n, slope: slope / n, curvature: curvature / n }
  }
  const before = at(1).loss
  let [low, high] = [1 / LIMITS[1], 1 / LIMITS[0]]
  const end = at(low).slope >= 0 ? low : at(high).slope <= 0 ? high : null
  if (end !== null) return { temperature: 1 / end, before, after: at(end).loss, bounded: true }
  let inverse = 1
  for (let step = Infinity, round = 0; round < 200 && Math.abs(step) > 1e-15 * inverse; round++) {
    const { slope, curvature } = at(inverse)
    if (slope < 0) low = inverse
    else high = inverse
    let next = inverse - slope / curvature
    if (!(next > low && next < high)) next = slope === 0 ? inverse : (low + high) / 2
    step = next - inverse
    inverse = next
  }
  return { temperature: 1 / inverse, before, after: at(inverse).loss, bounded: false }
}
