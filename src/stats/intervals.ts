// Intervals of measures over patients. Resamples say nothing of a share where all samples are right or all wrong: it is
// 1 or 0 in each of them. Wilson's score interval (1927) holds there, and for independent samples at any share.
import { type Interval, type Measure, bootstrapIntervals, resamples } from './bootstrap.js'
import { zOfLevel } from './normal.js'
import { measureOf } from './summary.js'
import { check } from '../util/check.js'
import { withDefaults } from '../util/options.js'

/**
 * Wilson's score interval of a proportion: the values of it that are within z standard errors, their own, of the share.
 * @param share found among n independent samples, 0 to 1.
 * @throws unless the share is from 0 to 1, n above 0 and `level` between 0 and 1.
 */
export function wilsonInterval(
  share: number,
  n: number,
  options: { level?: number } = {},
): { low: number; high: number } {
  const { level } = withDefaults('wilsonInterval', options, { level: 0.95 })
  check(share >= 0 && share <= 1, `wilsonInterval: share must be from 0 to 1, got ${share}`)
  check(n > 0, `wilsonInterval: n must be above 0, got ${n}`)
  check(level > 0 && level < 1, `level: must be between 0 and 1, got ${level}`)
  const z = zOfLevel(level)
  const whole = 1 + z ** 2 / n
  const middle = (share + z ** 2 / (2 * n)) / whole
  const half = (z / whole) * Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2))
  return { low: share === 0 ? 0 : middle - half, high: share === 1 ? 1 : middle + half }
}

/** Resamples that differ by less than this share are the same. */
const ROUNDING = 1e-12

/** Which samples a measure is a share of: sensitivity, of the positive ones. */
export type Shares = Readonly<Record<string, (sample: number) => boolean>>

/**
 * Intervals of measures over patients, 95 % each. A share has Wilson's where each patient has one of the samples that
 * it is of, as these are independent then; all else that of {@link bootstrapIntervals}. Where no resample differs that
 * is none: a share has Wilson's of so many samples as there are patients then, and all else NaN at both ends.
 * @param patients of each sample; `draws` are {@link resamples} of them.
 */
export function intervalsOf(
  measure: Measure,
  patients: ArrayLike<string | number>,
  draws: Iterable<ArrayLike<number>>,
  shares: Shares,
): Record<string, Interval> {
  const found = Object.entries(bootstrapIntervals(measure, patients.length, draws))
  return Object.fromEntries(
    found.map(([name, interval]) => {
      const { estimate, low, high } = interval
      const same = low === high || (high < Infinity && high - low <= ROUNDING * Math.abs(high))
      if (!Object.hasOwn(shares, name)) return [name, same ? { ...interval, low: NaN, high: NaN } : interval]
      const own = Array.from(patients).filter((_, i) => shares[name](i))
      const count = new Set(own).size
      const isWilsons = count > 0 && (same || count === own.length)
      return [name, isWilsons ? { ...interval, ...wilsonInterval(estimate, count) } : interval]
    }),
  )
}

/**
 * `binaryMeasures` with their intervals, as `metrics.json` has them: those of 2,000 resamples with both
 * classes. The same samples give the same intervals.
 * @param patients of each sample; the same key means the same patient.
 * @param options.threshold positive from here on; 0.5.
 * @throws as `binaryMeasures` and `resamples`.
 */
export function binaryIntervals(
  probabilities: ArrayLike<number>,
  positive: ArrayLike<boolean>,
  patients: ArrayLike<string | number>,
  options: { threshold?: number } = {},
): Record<string, Interval> {
  const { threshold } = withDefaults('binaryIntervals', options, { threshold: 0.5 })
  const called = (i: number) => probabilities[i] >= threshold
  return intervalsOf(measureOf(probabilities, positive, { threshold }), patients, resamples(patients, positive), {
    accuracy: () => true,
    sensitivity: (i) => positive[i],
    specificity: (i) => !positive[i],
    ppv: called,
    npv: (i) => !called(i),
  })
}
