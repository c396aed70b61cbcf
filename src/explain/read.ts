// Explanations as plain data on the host.
import { allFinite, check } from '../util/check.js'
import type { Explained } from './inspect.js'

/** Numbers over the image, row by row; how many there are is the model's choice (7 × 7, 14 × 14). */
export interface HeatMap {
  height: number
  width: number
  /** [height · width], as the method gives them: 0 or more, of no set scale. */
  values: Float32Array
}

/** Where in one image a model looked, and what it then said. */
export interface Explanation {
  /** The class that is explained: the one asked for, or the most probable (the first of equals). */
  class: number
  /** Of all classes. */
  logits: number[]
  probabilities: number[]
  map: HeatMap
}

/**
 * One explanation an image.
 * @param asked the classes that the method was asked for. @param names of the images, for errors.
 * @throws where a logit or a map is not finite.
 */
export async function readExplanations(
  { maps, logits }: Explained,
  asked?: number | readonly number[],
  names?: readonly string[],
): Promise<Explanation[]> {
  const [n, height, width] = maps.shape
  const numClasses = logits.shape[1]
  check(typeof asked !== 'object' || asked.length === n, () => `explain: needs ${n} classes, got ${String(asked)}`)
  const [said, values] = [await logits.data(), await maps.data()]
  const nameOf = (i: number) => names?.[i] ?? `explain: image ${i}`
  allFinite(said, (at) => `${nameOf(Math.floor(at / numClasses))}: logits`)
  allFinite(values, (at) => `${nameOf(Math.floor(at / (height * width)))}: its map`)
  return Array.from({ length: n }, (_, i) => {
    const row = said.subarray(i * numClasses, (i + 1) * numClasses)
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity)
    const weights = Array.from(row, (z) => Math.exp(z - most))
    const sum = weights.reduce((a, b) => a + b, 0)
    return {
      class: (typeof asked === 'object' ? asked[i] : asked) ?? row.indexOf(most),
      logits: Array.from(row),
      probabilities: weights.map((weight) => weight / sum),
      map: { height, width, values: values.slice(i * height * width, (i + 1) * height * width) },
    }
  })
}
