// Reports of made-up runs: what the page must hold and must not, and that figures are the runs' own.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { NOTEBOOK, differences } from '../../src/report/notebook.js'
import { makeReport } from '../../src/report/report.js'
import { comparisonsOf, confidentMistakes, gridOf, resultsOf, spreadsOf } from '../../src/report/results.js'
import { duration, num, withInterval } from '../../src/report/words.js'
import { historyCsv, parseHistory } from '../../src/train/history.js'
import { TWO, input, madeRun } from './made.js'

const test = suite('report')
/** What every page must be. */
function checkPage(text: string): void {
  const outside = text.replace(/xmlns="http:\/\/www\.w3\.org\/2000\/svg"/g, '')
  assert.not.match(outside, /<(?:script|iframe|object|embed)\b/i)
  for (const [, target] of outside.matchAll(/\b(?:src|href|srcset|action|data)="([^"]*)"/g))
    assert.match(target, /^(?:data:image\/jpeg;base64,|data:,$|#)/)
  assert.not.match(outside, /url\(|@import/)
  for (const [image] of outside.matchAll(/<img [^>]*>/g)) assert.match(image, / alt="[^"]{5,}"/)
  for (const [svg] of outside.matchAll(/<svg [^>]*>/g)) assert.match(svg, / aria-label="[^"]{5,}"/)
  assert.not.match(outside, /\bNaN\b|undefined|\[object/)
  const ids = [...outside.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id)
  assert.is(new Set(ids).size, ids.length)
  for (const [, id] of outside.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(id), id)
}

test('two models and the notebook: page, figures, results', async () => {
  const runs = [madeRun('resnet18', TWO, 0, 1), madeRun('vit', TWO, 1, 0.4), madeRun('resnet18', TWO, 2, 0.8)]
  const made = await makeReport(input(runs, true))
  checkPage(made.page)
  for (const words of ['no medical device', 'Saporta et al.', 'CLAIM, 2024', 'TRIPOD+AI', 'DeLong', 'not stated', '✗'])
    assert.match(made.page, words)
  assert.match(made.page, /<td>0\.857<\/td><td>0\.859<\/td>/) // the notebook's accuracies
  const json = JSON.parse(JSON.stringify(made.results))
  assert.equal(Object.keys(json).slice(0, 3), ['resnet18', 'vit', 'notebook'])
  assert.equal(json.resnet18.metrics.confusion, runs[0].mostProbable.confusion)
  assert.equal(json.resnet18.spread.accuracy.values, [runs[0].mostProbable.accuracy, runs[2].mostProbable.accuracy])
  assert.is(json.vit.threshold.threshold, runs[1].atPoint.operatingPoint.threshold)
  assert.is(json.vit.predictions.files.length, 40)
  const names = [...made.figures.keys()]
  for (const name of [
    'roc.svg',
    'precision-recall.svg',
    'reliability.svg',
    'confusion-vit.svg',
    'loss-resnet18-seed2.svg',
    'predictions-vit.png',
    'vit-mistake1-radiograph.png',
    'vit-mistake1-rollout-randomised.png',
  ])
    assert.ok(names.includes(name), name)
  assert.ok(names.every((name) => /^[\w.-]+\.(?:svg|png)$/.test(name)))
  assert.match(String(made.figures.get('roc.svg')), /^<svg .*xmlns=[\s\S]*--c0: #/)
  assert.is((await makeReport(input(runs, true))).page, made.page)
})

test('three classes, and one run alone', async () => {
  const several = madeRun('mine', ['a', 'b', 'c'], 3, 0.5)
  const { page, results } = await makeReport(input([several, madeRun('other', TWO, 1, 1)]))
  checkPage(page)
  assert.not.match(page, /the notebook|notebook:/)
  assert.equal(Object.keys(results.runs as object), ['mine', 'other'])
  const perfect = await makeReport(input([madeRun('perfect', TWO, 0, 50)]))
  checkPage(perfect.page)
  assert.match(perfect.page, /No test image of NORMAL was called anything else/)
  // Of ten patients a class; no other measure that is perfect has an interval.
  assert.match(perfect.page, /sensitivity\s1\.000 \(0\.722–1\.000\)/)
  assert.match(perfect.page, /AUC 1\.000\./)
  assert.not.match(perfect.page, /1\.000–1\.000|∞–∞/)
})

test('a heat map of one cell is said to show no place', async () => {
  const run = madeRun('coarse', TWO, 0, 0.4)
  const map = { height: 1, width: 1, values: Float32Array.of(1) }
  const coarse = { ...run, explained: run.explained.map((e) => ({ ...e, maps: e.maps.map((m) => ({ ...m, map })) })) }
  const [usual, said] = await Promise.all([run, coarse].map(async (one) => (await makeReport(input([one]))).page))
  assert.match(said, /made grad-cam: the map has one cell, which colours the whole image alike/)
  assert.not.match(said, /of the map on the border, which/)
  assert.match(usual, /made grad-cam: 20\s% of the map on the border, which is 36\s% of the area/)
  assert.not.match(usual, /one cell/)
})

test('comparison and spread are those of the outputs', () => {
  const runs = [madeRun('a', TWO, 0, 1), madeRun('b', TWO, 1, 0.4), madeRun('a', TWO, 2, 0.8)]
  const [{ models, delong, paired }, ...others] = comparisonsOf(runs)
  assert.equal([models, others], [['a', 'b'], []])
  const [a, b] = runs.map((run) => run.mostProbable)
  assert.ok(Math.abs(delong.difference - (a.auc - b.auc)) < 1e-12)
  assert.ok(Math.abs(paired.accuracy.estimate - (a.accuracy - b.accuracy)) < 1e-12)
  const [{ name, seeds, measures }] = spreadsOf(runs)
  assert.equal([name, seeds], ['a', [0, 2]])
  const [x, y] = measures.auc.values
  assert.ok(Math.abs(measures.auc.sd - Math.abs(x - y) / Math.SQRT2) < 1e-12)
  const moved = { ...runs[1], test: { ...runs[1].test, files: runs[1].test.files.map((file) => `x/${file}`) } }
  assert.equal(comparisonsOf([runs[0], moved]), [])
})

test('mistakes are the surest of each kind; the grid is the same every time', () => {
  const run = madeRun('a', TWO, 0, 0.2)
  const mistakes = confidentMistakes(run)
  for (const actual of TWO) {
    const own = mistakes.filter((said) => said.actual === actual)
    assert.is(own.length, 3)
    assert.ok(own.every((said) => !said.right && said.called !== actual))
    assert.equal(
      own,
      [...own].sort((p, q) => q.probability - p.probability),
    )
  }
  assert.equal(gridOf(run), gridOf(run))
  assert.is(new Set(gridOf(run)).size, 24)
})

test("the notebook's measures follow from its counts; what differs is said", () => {
  const { resnet18, vit } = NOTEBOOK
  const rounded = ({ measures: m }: typeof resnet18 | typeof vit) =>
    [m.accuracy, m.ppv, m.sensitivity, m.f1].map((value) => (100 * value).toFixed(1))
  assert.equal([rounded(resnet18), resnet18.n], [['85.7', '81.6', '99.7', '89.7'], 624])
  assert.equal(rounded(vit), ['85.9', '81.9', '99.5', '89.8'])
  const said = differences(madeRun('vit', TWO, 0, 1).record, 'vit').join('; ')
  assert.match(said, /^resnet18 in place of ViT-B\/16; 40 training images, of about 5,216 there; 40 test images/)
  assert.match(said, /fresh weights in place of pretrained ones$/)
  assert.not.match(said, /epochs|px/)
})

test('what is undefined or infinite is null in results.json', () => {
  const text = JSON.stringify(resultsOf(input([madeRun('a', TWO, 0, 50)]), []))
  assert.not.match(text, /NaN|Infinity/)
  const { intervals, mistakes, aucDelong } = JSON.parse(text).runs.a
  assert.equal(intervals.likelihoodRatioPositive, { estimate: null, low: null, high: null })
  assert.equal([mistakes, aucDelong.auc], [[], 1])
})

test('words', () => {
  assert.equal([num(0.12345), num(-0.0001), num(-0.5), num(NaN), num(Infinity)], ['0.123', '0.000', '−0.500', '–', '∞'])
  assert.is(withInterval({ estimate: 2, low: 1, high: null }), '2.000 (1.000–∞)')
  assert.is(withInterval({ estimate: 1, low: null, high: null }), '1.000')
  assert.equal([duration(3.21), duration(200), duration(3660)], ['3.2 s', '3 min 20 s', '1 h 01 min'])
})

test('a history comes back from its table', () => {
  const { history } = madeRun('a', TWO, 0, 1)
  assert.equal(parseHistory(historyCsv(history), 'x'), history)
  assert.throws(() => parseHistory('a,b\n1,2', 'x'), /^x: history.csv must have a row an epoch, got another table$/)
})

test.run()
