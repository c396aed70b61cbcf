// Statistics against scikit-learn, numpy and scipy on the same probabilities and the same resamples
// (test/fixtures/stats/make.py), DeLong's test against its published example, and what is undefined.
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stats } from '../../src/index.js'
import { midRanks } from '../../src/stats/curves.js'
import { erfc, zOfLevel } from '../../src/stats/normal.js'
import { refused } from '../errors.js'

const test = suite('stats')
const truth = JSON.parse(readFileSync(new URL('../../../test/fixtures/stats/expected.json', import.meta.url), 'utf8'))
const positive: boolean[] = truth.y.map(Boolean)
const { a, b }: { a: number[]; b: number[] } = truth

/** Every number of `want` within `tolerance`, relative above 1. */
function near(got: unknown, want: unknown, tolerance = 1e-12, where = 'value'): void {
  if (typeof want === 'number') {
    const error = Math.abs((got as number) - want) / Math.max(Math.abs(want), 1)
    assert.ok(got === want || error <= tolerance, `${where}: ${got} is not ${want}`)
    return
  }
  assert.equal(Object.keys(got as object), Object.keys(want as object), where)
  for (const [key, value] of Object.entries(want as object))
    near((got as Record<string, unknown>)[key], value, tolerance, `${where}.${key}`)
}

test('curves and areas as scikit-learn', () => {
  const roc = stats.rocCurve(a, positive)
  assert.is(roc.thresholds[0], Infinity)
  near(roc.thresholds.slice(1), truth.roc.thresholds)
  near(roc.falsePositiveRate, truth.roc.fpr)
  near(roc.truePositiveRate, truth.roc.tpr)
  near(stats.precisionRecallCurve(a, positive), {
    thresholds: truth.pr.thresholds,
    precision: truth.pr.precision,
    recall: truth.pr.recall,
  })
  assert.equal([...midRanks([3, 1, 3, 2, 3])], [4, 1, 4, 2, 4])
})

test('measures at a threshold, Brier score and calibration error as scikit-learn', () => {
  near(stats.binaryMeasures(a, positive), truth.measures['0.5'])
  near(stats.binaryMeasures(a, positive, { threshold: 0.62 }), truth.measures['0.62'])
  near(stats.binaryMeasures(b, positive), truth.measures.b)
  const bins = stats.reliabilityBins(a, positive)
  near(
    bins.map((bin) => bin.meanProbability),
    truth.calibration.mean,
  )
  near(
    bins.map((bin) => bin.fractionPositive),
    truth.calibration.fraction,
  )
  assert.is(
    bins.reduce((sum, bin) => sum + bin.count, 0),
    a.length,
  )
})

test('thresholds for a sensitivity and by Youden', () => {
  near(Object.values(stats.thresholdForSensitivity(a, positive, 0.9)), truth.sensitivity90)
  near(Object.values(stats.youdenThreshold(a, positive)), truth.youden)
  // 7 of 10 is 0.7 exactly; of equal Youden indices the more sensitive is taken
  const ten = Array.from({ length: 10 }, (_, i) => i / 10)
  assert.is(
    stats.thresholdForSensitivity(
      ten,
      ten.map(() => true),
      0.7,
    ).threshold,
    0.3,
  )
  assert.equal(stats.youdenThreshold([0.9, 0.8, 0.7, 0.6], [true, false, true, false]), {
    threshold: 0.7,
    sensitivity: 1,
    specificity: 0.5,
  })
})

test('intervals and paired differences as numpy on the same resamples', () => {
  const intervals = stats.bootstrapIntervals(stats.measureOf(a, positive), a.length, truth.draws)
  const ends = (all: Record<string, stats.Interval>) =>
    Object.fromEntries(Object.entries(all).map(([name, { low, high }]) => [name, [low, high]]))
  near(ends(intervals), truth.intervals)
  near(Object.fromEntries(Object.entries(intervals).map(([k, v]) => [k, v.estimate])), truth.measures['0.5'])
  const [first, second] = [stats.measureOf(a, positive), stats.measureOf(b, positive)]
  const paired = stats.pairedBootstrap(first, second, a.length, truth.draws)
  near(ends(paired), truth.paired)
  const same = stats.pairedBootstrap(first, first, a.length, truth.draws)
  assert.equal([same.auc.estimate, same.auc.low, same.auc.high, same.auc.p], [0, 0, 0, 1])
  const apart = stats.pairedBootstrap(
    () => ({ x: 2 }),
    () => ({ x: 1 }),
    a.length,
    truth.draws,
  )
  assert.is(apart.x.p, 2 / 61)
})

test('resamples: whole patients, both classes, the same for a seed', () => {
  const take = (options: stats.ResampleOptions = {}) =>
    [...stats.resamples(truth.patients, positive, { replicates: 50, ...options })].map((i) => [...i])
  const draws = take()
  assert.equal(take(), draws)
  assert.not.equal(take({ seed: 1 }), draws)
  const ofPatient = (indices: number[]) => {
    const counts = new Map<number, number>()
    for (const i of indices) counts.set(truth.patients[i], (counts.get(truth.patients[i]) ?? 0) + 1)
    return counts
  }
  const whole = ofPatient([...positive.keys()])
  const sick = new Set(truth.patients.filter((_: number, i: number) => positive[i]))
  const sickIn = (indices: number[]) =>
    [...ofPatient(indices)].reduce((n, [p, count]) => n + (sick.has(p) ? count / whole.get(p)! : 0), 0)
  for (const indices of draws) {
    for (const [patient, count] of ofPatient(indices)) assert.ok(Number.isInteger(count / whole.get(patient)!))
    assert.is(sickIn(indices), sick.size)
  }
  const sizes = new Set(take({ stratify: false }).map(sickIn))
  assert.ok(sizes.size > 1, 'without strata the number of sick patients varies')
})

test("Wilson's interval: the roots of its definition, and the paper's examples", () => {
  const read = readFileSync(new URL('../../../test/fixtures/stats/wilson.json', import.meta.url), 'utf8')
  const rows = JSON.parse(read) as [right: number, n: number, level: number, low: number, high: number][]
  for (const [right, n, level, low, high] of rows)
    near(stats.wilsonInterval(right / n, n, { level }), { low, high }, 1e-12, `${right} of ${n}`)
  // Newcombe 1998, method 3.
  const four = [
    [81, 263],
    [15, 148],
    [0, 20],
    [1, 29],
  ].map(([right, n]) => Object.values(stats.wilsonInterval(right / n, n)).map((end) => end.toFixed(4)))
  assert.equal(four, [
    ['0.2553', '0.3662'],
    ['0.0624', '0.1605'],
    ['0.0000', '0.1611'],
    ['0.0061', '0.1718'],
  ])
  refused(() => stats.wilsonInterval(1.5, 9), 'wilsonInterval: share must be from 0 to 1, got 1.5')
  refused(() => stats.wilsonInterval(NaN, 9), 'wilsonInterval: share must be from 0 to 1, got NaN')
  refused(() => stats.wilsonInterval(1, 0), 'wilsonInterval: n must be above 0, got 0')
  refused(() => stats.wilsonInterval(1, 9, { level: 95 }), 'level: must be between 0 and 1, got 95')
})

test('a share of all or nothing has an interval; independent images have that of Wilson; other measures of 1 have none', () => {
  const ends = ({ low, high }: stats.Interval) => [low, high]
  const wilson = (share: number, n: number) => Object.values(stats.wilsonInterval(share, n))
  // Twelve sick of whom all are found, eight healthy of whom six are.
  const labels = Array.from({ length: 20 }, (_, i) => i < 12)
  const scores = labels.map((sick, i) => (sick ? 0.9 - i / 100 : i < 18 ? 0.1 + i / 100 : 0.8 + i / 100))
  const each = stats.binaryIntervals(scores, labels, [...labels.keys()])
  assert.equal(ends(each.sensitivity), wilson(1, 12))
  assert.is(each.sensitivity.low.toFixed(3), '0.758')
  assert.equal(ends(each.specificity), wilson(6 / 8, 8))
  assert.equal(ends(each.ppv), wilson(12 / 14, 14))
  assert.equal(ends(each.npv), wilson(1, 6))
  assert.equal(ends(each.accuracy), wilson(18 / 20, 20))
  // Two images a patient: where resamples differ it is theirs, and six patients tell less than twelve images.
  const pairs = Array.from(labels, (_, i) => i >> 1)
  const grouped = stats.binaryIntervals(scores, labels, pairs)
  const drawn = stats.bootstrapIntervals(stats.measureOf(scores, labels), 20, stats.resamples(pairs, labels))
  assert.equal(ends(grouped.sensitivity), wilson(1, 6))
  assert.equal(ends(grouped.npv), wilson(1, 3))
  assert.equal(ends(drawn.sensitivity), [1, 1])
  for (const name of ['accuracy', 'specificity', 'auc', 'f1', 'brier']) assert.equal(grouped[name], drawn[name], name)
  // Only the healthy have one image each.
  const some = labels.map((sick, i) => (sick ? i >> 1 : i))
  assert.equal(ends(stats.binaryIntervals(scores, labels, some).specificity), wilson(6 / 8, 8))
  const perfect = stats.binaryIntervals(scores, labels, pairs, { threshold: 0.785 })
  assert.equal(ends(perfect.sensitivity), wilson(1, 6))
  const sorted = labels.map((sick, i) => (sick ? 0.9 : 0.1) + i / 1000)
  const best = stats.binaryIntervals(sorted, labels, pairs)
  for (const name of ['auc', 'averagePrecision', 'f1'])
    assert.equal([best[name].estimate, best[name].low, best[name].high], [1, NaN, NaN], name)
  assert.equal(ends(best.accuracy), wilson(1, 10))
  // An end may be infinite, and is an end all the same.
  assert.equal(
    [drawn.likelihoodRatioPositive.high, ...ends(grouped.likelihoodRatioPositive)],
    [Infinity, ...ends(drawn.likelihoodRatioPositive)],
  )
  // Nobody is called positive: there is no share to have an interval.
  const none = stats.binaryIntervals(scores, labels, pairs, { threshold: 1 })
  assert.equal([none.ppv.estimate, ...ends(none.ppv)], [NaN, NaN, NaN])
  assert.equal(ends(none.sensitivity), wilson(0, 6))
})

test('temperature: the minimum that scipy finds; its ends where there is none', () => {
  const { logits, labels, temperature, before, after } = truth.temperature
  near(stats.fitTemperature({ logits, labels, numClasses: 3 }), { temperature, before, after, bounded: false }, 1e-9)
  const all = { logits: [2, 0, 0, 2], numClasses: 2 }
  const right = stats.fitTemperature({ ...all, labels: [0, 1] })
  assert.equal([right.temperature, right.bounded], [0.01, true])
  const wrong = stats.fitTemperature({ ...all, labels: [1, 0] })
  assert.equal([wrong.temperature, wrong.bounded], [100, true])
  // One right, one wrong, of three: no temperature beats 2 : 1 odds, which is where it goes.
  const two = stats.fitTemperature({ logits: [0, 5, 0, 5, 0, 5], labels: [1, 1, 0], numClasses: 2 })
  near(two.temperature, 5 / Math.LN2)
  near(two.after, Math.log(3) - (2 / 3) * Math.LN2)
})

test("DeLong: the definition, and the paper's example of 43 patients as SAS publishes it", () => {
  const { covariance } = stats.delongCovariance([a, b], positive)
  near(covariance, truth.delong.covariance)
  const { z, p } = stats.delongTest(a, b, positive)
  near([z, p], [truth.delong.z, truth.delong.p])
  near(truth.erfc[0].map(erfc), truth.erfc[1])
  for (const [i, x] of truth.erfc[0].entries()) near(erfc(x) / truth.erfc[1][i], 1, 1e-12)
  near(truth.z[0].map(zOfLevel), truth.z[1])

  // SAS/STAT, PROC LOGISTIC, "Comparing Receiver Operating Characteristic Curves": albumin, total protein, K-G score,
  // 1 where surgery helped. Data of DeLong, DeLong & Clarke-Pearson 1988.
  const rows = `3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
    3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1
    4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1
    4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1
    3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1`
    .trim()
    .split(/\s+/)
    .map(Number)
  const column = (at: number) => rows.filter((_, i) => i % 4 === at)
  const helped = column(3).map((v) => v === 1)
  const [albumin, protein, score] = [column(0), column(1), column(2).map((v) => 10 - v)]
  const rounded = (values: number[]) => values.map((v) => Number(v.toFixed(4)))
  const area = ({ auc, standardError, low, high }: stats.AucInterval) => rounded([auc, standardError, low, high])
  assert.equal(area(stats.delongInterval(albumin, helped)), [0.7366, 0.0927, 0.5549, 0.9182])
  assert.equal(area(stats.delongInterval(score, helped)), [0.7258, 0.1028, 0.5243, 0.9273])
  assert.equal(area(stats.delongInterval(protein, helped)), [0.6478, 0.1, 0.4518, 0.8439])
  const contrast = (t: stats.DelongTest) => rounded([t.difference, t.standardError, t.low, t.high, t.z ** 2, t.p])
  assert.equal(contrast(stats.delongTest(albumin, score, helped)), [0.0108, 0.0953, -0.1761, 0.1976, 0.0127, 0.9102])
  assert.equal(contrast(stats.delongTest(protein, score, helped)), [-0.078, 0.1046, -0.283, 0.1271, 0.5554, 0.4561])
})

test('one class, one sample, all scores alike: defined', () => {
  for (const [scores, labels] of [
    [[0.3], [true]],
    [
      [0.3, 0.3],
      [true, true],
    ],
  ] as [number[], boolean[]][]) {
    const m = stats.binaryMeasures(scores, labels)
    assert.equal([m.auc, m.specificity, m.ppv, m.likelihoodRatioPositive, m.npv], [NaN, NaN, NaN, NaN, 0])
    assert.equal([m.sensitivity, m.averagePrecision, m.likelihoodRatioNegative], [0, 1, NaN])
    near([m.brier, m.ece], [0.49, 0.7])
    assert.equal(stats.rocCurve(scores, labels).falsePositiveRate, [NaN, NaN])
    assert.is(stats.thresholdForSensitivity(scores, labels, 1).threshold, 0.3)
    refused(
      () => stats.youdenThreshold(scores, labels),
      `youdenThreshold: needs both classes, got ${labels.length} positive and 0 negative samples`,
    )
    const interval = stats.bootstrapIntervals(
      stats.measureOf(scores, labels),
      scores.length,
      stats.resamples(scores, labels, { replicates: 9 }),
    )
    assert.equal(interval.auc, { estimate: NaN, low: NaN, high: NaN, undefinedIn: 9 })
    const test = stats.delongTest(scores, scores, labels)
    assert.equal([test.difference, test.p], [NaN, NaN])
  }
  const none = stats.binaryMeasures([0.3, 0.6], [false, false])
  assert.equal([none.auc, none.averagePrecision, none.sensitivity], [NaN, NaN, NaN])
  refused(
    () => stats.thresholdForSensitivity([0.3], [false], 0.9),
    'thresholdForSensitivity: needs a positive sample, got none of 1',
  )
  const alike = stats.binaryMeasures([0.5, 0.5, 0.5, 0.5], [true, false, true, false])
  assert.equal([alike.auc, alike.averagePrecision], [0.5, 0.5])
  assert.is(stats.delongTest(a, a, positive).p, 1)
  const perfect = stats.delongInterval([1, 2, 3, 4], [false, false, true, true])
  assert.equal([perfect.auc, perfect.standardError, perfect.low], [1, 0, 1])
  const ideal = stats.ratesOf({ tp: 3, fn: 0, tn: 2, fp: 0 })
  assert.equal([ideal.likelihoodRatioPositive, ideal.likelihoodRatioNegative], [Infinity, 0])
  assert.is(stats.quantile([1, Infinity], 0.9), Infinity)
})

test('what cannot be measured is refused in one line', () => {
  for (const bad of [NaN, Infinity]) {
    refused(() => stats.rocCurve([0.5, bad], [true, false]), `rocCurve: score 1 must be finite, got ${bad}`)
    refused(() => stats.delongTest([bad, 1], [0, 1], [true, false]), `delong: score 0 must be finite, got ${bad}`)
    refused(
      () => stats.fitTemperature({ logits: [0, bad], labels: [0], numClasses: 2 }),
      `fitTemperature: logit 1 must be finite, got ${bad}`,
    )
  }
  refused(() => stats.rocAuc([], []), 'rocAuc: needs a label for each of one or more scores, got 0 and 0')
  refused(() => stats.brierScore([0.5, 1.5], [true, true]), 'brierScore: probability 1 must be in 0..1, got 1.5')
  refused(() => stats.countsAt([0.5], [true], NaN), 'countsAt: threshold must be a number, got NaN')
  refused(
    () => stats.thresholdForSensitivity([0.5], [true], 99),
    'thresholdForSensitivity: sensitivity must be above 0, up to 1, got 99',
  )
  refused(
    () => stats.fitTemperature({ logits: [0, 1], labels: [2], numClasses: 2 }),
    'fitTemperature: labels must be in 0..1, got 2',
  )
  refused(() => stats.delongInterval(a, positive, { level: 95 }), 'level: must be between 0 and 1, got 95')
})

test.run()
