// Whether a map says anything of what a model has learned: it must change when the weights are made meaningless
// (Adebayo et al. 2018). A map that stays explains nothing.
import type { Module } from '../nn/module.js'
import { midRanks } from '../stats/curves.js'
import { Random } from '../util/random.js'
import { check } from '../util/check.js'
import type { Explanation, HeatMap } from './read.js'
import { withDefaults } from '../util/options.js'

/**
 * Spearman's rank correlation of two maps of one size, −1..1; NaN where a map is the same everywhere.
 * @throws when the maps differ in size.
 */
export function mapCorrelation(a: HeatMap, b: HeatMap): number {
  check(
    a.height === b.height && a.width === b.width,
    `mapCorrelation: maps must have one size, got ${a.height} × ${a.width} and ${b.height} × ${b.width}`,
  )
  const [x, y] = [midRanks(a.values), midRanks(b.values)]
  const middle = (x.length + 1) / 2
  let [xy, xx, yy] = [0, 0, 0]
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] - middle) * (y[i] - middle)
    xx += (x[i] - middle) ** 2
    yy += (y[i] - middle) ** 2
  }
  return xy / Math.sqrt(xx * yy)
}

/** One image's map with randomised weights, and how much it is like the one before. */
export interface RandomisedMap {
  map: HeatMap
  /** {@link mapCorrelation}: near 0 for a map that depends on what was learned. */
  correlation: number
}

/**
 * Explains the same images by a model whose weights have been shuffled within each tensor (they keep their size and
 * spread, and lose all order), and compares. The weights are put back, whatever happens.
 * @param before the explanations of the trained model.
 * @param explain the same method on the same images, for given classes.
 * @throws for an unknown option.
 */
export async function withRandomisedWeights(
  model: Module,
  before: readonly Explanation[],
  explain: (classes: number[]) => Promise<Explanation[]>,
  options: { seed?: number } = {},
): Promise<RandomisedMap[]> {
  const { seed } = withDefaults('withRandomisedWeights', options, { seed: 0 })
  const parameters = model.parameters()
  const kept: Float32Array[] = []
  for (const parameter of parameters) kept.push(await parameter.data())
  try {
    parameters.forEach((parameter, i) => parameter.write(new Random(seed, 0x5a17, i).shuffle(kept[i].slice())))
    const after = await explain(before.map((each) => each.class))
    return after.map(({ map }, i) => ({ map, correlation: mapCorrelation(before[i].map, map) }))
  } finally {
    parameters.forEach((parameter, i) => parameter.write(kept[i]))
  }
}
