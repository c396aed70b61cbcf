// Intervals by resampling (Efron 1979): patients are drawn, not images, because images of one patient are alike
// (the cluster bootstrap; Field & Welsh 2007). Seeded: the same seed gives the same intervals on every machine.
import { check } from '../util/check.js'
import { Random } from '../util/random.js'
import { withDefaults } from '../util/options.js'

/** How resamples are drawn. */
export interface ResampleOptions {
  /** How many times. Default 2000. */
  replicates?: number
  /** Default 0. */
  seed?: number
  /**
   * Whether patients with a positive sample and those without are drawn apart, as many of each as there are: every
   * resample then holds both classes and the shares stay about as they are (pROC's default; Robin et al. 2011). Default
   * true.
   */
  stratify?: boolean
}

/**
 * Sample indices of each resample: patients drawn with replacement, each with all its samples, so that the number of
 * samples varies a little where patients have several.
 * @param patients of each sample; the same key means the same patient.
 * @throws unless each sample has a patient and a label, and `replicates` is a whole number above 0.
 */
export function* resamples(
  patients: ArrayLike<string | number>,
  positive: ArrayLike<boolean>,
  options: ResampleOptions = {},
): Generator<Int32Array> {
  const { replicates, seed, stratify } = withDefaults('resamples', options, {
    replicates: 2000,
    seed: 0,
    stratify: true,
  })
  check(
    patients.length > 0 && patients.length === positive.length,
    () => `resamples: needs a patient and a label for each sample, got ${patients.length} and ${positive.length}`,
  )
  check(
    Number.isInteger(replicates) && replicates > 0,
    `resamples: replicates must be a whole number above 0, got ${replicates}`,
  )
  const groups = new Map<string | number, { indices: number[]; positive: boolean }>()
  for (let i = 0; i < patients.length; i++) {
    const group = groups.get(patients[i])
    if (!group) groups.set(patients[i], { indices: [i], positive: positive[i] })
    else {
      group.indices.push(i)
      group.positive ||= positive[i]
    }
  }
  const all = [...groups.values()]
  const strata = stratify ? [all.filter((g) => !g.positive), all.filter((g) => g.positive)] : [all]
  for (let replicate = 0; replicate < replicates; replicate++) {
    const random = new Random(seed, 0xb007, replicate)
    const drawn: number[] = []
    for (const stratum of strata)
      for (let i = 0; i < stratum.length; i++) drawn.push(...stratum[random.integer(stratum.length)].indices)
    yield Int32Array.from(drawn)
  }
}

/** Measures by name, of the samples at these indices. */
export type Measure = (indices: ArrayLike<number>) => Readonly<Record<string, number>>

/** A measure of all samples, and where it lies in the middle `level` of the resamples. */
export interface Interval {
  estimate: number
  low: number
  high: number
  /** Resamples in which the measure is undefined (NaN): they are left out. The ends are NaN where that is all. */
  undefinedIn: number
}

/** The quantile of sorted values between its neighbours (`numpy.percentile`, linear); beside an infinite
 * one that one, NaN of none. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  if (below === undefined) return NaN
  const t = at - Math.floor(at)
  if (t === 0 || below === above) return below
  if (!Number.isFinite(above)) return above
  const rise = above - below
  return t < 0.5 ? below + rise * t : above - rise * (1 - t)
}

interface Replicated {
  estimate: number
  /** Defined values, ascending. */
  values: Float64Array
  undefinedIn: number
}

function replicate(measure: Measure, count: number, draws: Iterable<ArrayLike<number>>): Map<string, Replicated> {
  const whole = measure(Int32Array.from({ length: count }, (_, i) => i))
  const lists = new Map(Object.keys(whole).map((name) => [name, [] as number[]]))
  for (const indices of draws)
    for (const [name, value] of Object.entries(measure(indices))) lists.get(name)?.push(value)
  return new Map(
    [...lists].map(([name, list]) => {
      const values = Float64Array.from(list.filter((value) => !Number.isNaN(value))).sort()
      return [name, { estimate: whole[name], values, undefinedIn: list.length - values.length }]
    }),
  )
}

function intervalOf({ estimate, values, undefinedIn }: Replicated, level: number): Interval {
  check(level > 0 && level < 1, `level: must be between 0 and 1, got ${level}`)
  const tail = (1 - level) / 2
  return { estimate, low: quantile(values, tail), high: quantile(values, 1 - tail), undefinedIn }
}

/**
 * Percentile intervals of measures.
 * @param count samples in all; `draws` are {@link resamples} of them, or indices from elsewhere.
 * @throws unless `level` is between 0 and 1.
 */
export function bootstrapIntervals(
  measure: Measure,
  count: number,
  draws: Iterable<ArrayLike<number>>,
  options: { level?: number } = {},
): Record<string, Interval> {
  const { level } = withDefaults('bootstrapIntervals', options, { level: 0.95 })
  return Object.fromEntries(
    [...replicate(measure, count, draws)].map(([name, found]) => [name, intervalOf(found, level)]),
  )
}

/** The difference of a measure between two models. */
export interface PairedInterval extends Interval {
  /**
   * Two-sided: twice the smaller share of differences at or beyond 0, one counted in (Davison & Hinkley 1997), at most
   * 1. NaN where the difference is undefined.
   */
  p: number
}

/**
 * As {@link bootstrapIntervals}, of a − b on the same resamples: two models on the same samples.
 * @throws unless `level` is between 0 and 1.
 */
export function pairedBootstrap(
  a: Measure,
  b: Measure,
  count: number,
  draws: Iterable<ArrayLike<number>>,
  options: { level?: number } = {},
): Record<string, PairedInterval> {
  const { level } = withDefaults('pairedBootstrap', options, { level: 0.95 })
  const difference: Measure = (indices) => {
    const [first, second] = [a(indices), b(indices)]
    return Object.fromEntries(Object.keys(first).map((name) => [name, first[name] - second[name]]))
  }
  return Object.fromEntries(
    [...replicate(difference, count, draws)].map(([name, found]) => {
      const { values } = found
      const share = (beyond: (d: number) => boolean) => (1 + values.filter(beyond).length) / (values.length + 1)
      const p = Math.min(
        1,
        2 *
          Math.min(
            share((d) => d <= 0),
            share((d) => d >= 0),
          ),
      )
      return [name, { ...intervalOf(found, level), p: values.length && !Number.isNaN(found.estimate) ? p : NaN }]
    }),
  )
}
