// How a model's outputs become a call: the temperature that its logits are divided by, and the probability from which
// on the second class is called. Both are fitted on validation images, never on those that the model is tested on.
import { fitTemperature } from '../stats/calibration.js'
import { type ChosenThreshold, thresholdForSensitivity, youdenThreshold } from '../stats/threshold.js'
import { type Outputs, argmax, probabilities } from './metrics.js'

/** Part of a checkpoint's metadata. */
export interface OperatingPoint {
  /** Logits are divided by it before softmax (Guo et al. 2017); 1 leaves them as they are. */
  temperature: number
  /** Of two classes the second is called from this probability on; null: the most probable class is called. */
  threshold: number | null
  /** How the threshold was chosen, in words. */
  rule: string
  /** What it reached on the validation images; null where there is no threshold. */
  sensitivity: number | null
  specificity: number | null
  /** Validation images it was fitted on; 0: nothing was fitted. */
  images: number
}

/** Of a checkpoint that has none. */
export const UNFITTED: OperatingPoint = {
  temperature: 1,
  threshold: null,
  rule: 'the most probable class',
  sensitivity: null,
  specificity: null,
  images: 0,
}

/** Logits over temperature must not differ by more: beyond, probabilities round to 0 and 1 and lose their order. */
const FARTHEST = 30

/**
 * Temperature and threshold for a model from what it says of validation images.
 * @param sensitivity that the threshold is to reach (the highest that does); by Youden's index when left out. With more
 *   than two classes, or images of one class alone, there is no threshold.
 */
export function fitOperatingPoint(outputs: Outputs, sensitivity?: number): OperatingPoint {
  const { logits, labels, numClasses } = outputs
  const { temperature: best, bounded } = fitTemperature(outputs)
  // Where every image is right, or none more than by chance, the images do not tell how sure the model may be.
  const temperature = bounded ? 1 : Math.max(best, widest(logits, numClasses) / FARTHEST)
  const images = labels.length
  const positive = Array.from(labels, (label) => label === 1)
  const sick = positive.filter(Boolean).length
  if (numClasses > 2 || sick === 0 || sick === images) return { ...UNFITTED, temperature, images }
  const scores = secondOf(probabilities(logits, numClasses, temperature))
  const [rule, found]: [string, ChosenThreshold] =
    sensitivity === undefined
      ? ["Youden's index", youdenThreshold(scores, positive)]
      : [`sensitivity ${sensitivity}`, thresholdForSensitivity(scores, positive, sensitivity)]
  return { temperature, ...found, rule, images }
}

/** The greatest difference of two logits of one sample. */
function widest(logits: ArrayLike<number>, numClasses: number): number {
  let most = 0
  for (let row = 0; row < logits.length; row += numClasses) {
    let [low, high] = [Infinity, -Infinity]
    for (let c = 0; c < numClasses; c++) {
      low = Math.min(low, logits[row + c])
      high = Math.max(high, logits[row + c])
    }
    most = Math.max(most, high - low)
  }
  return most
}

/** Of rows of two, the second. */
export const secondOf = (rows: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: rows.length / 2 }, (_, i) => rows[2 * i + 1])

/** Probabilities [n, C] at the point's temperature, and the class that it calls of each sample. */
export function readOutputs(
  { logits, numClasses }: Pick<Outputs, 'logits' | 'numClasses'>,
  { temperature, threshold }: OperatingPoint,
): { rows: Float64Array; called: Int32Array } {
  const rows = probabilities(logits, numClasses, temperature)
  const called =
    threshold === null || numClasses > 2
      ? argmax(logits, numClasses)
      : Int32Array.from(secondOf(rows), (probability) => (probability >= threshold ? 1 : 0))
  return { rows, called }
}
