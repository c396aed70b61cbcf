// Parts of the page that need no page.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rocCurve } from '../../src/stats/curves.js'
import { countsAt, ratesOf } from '../../src/stats/threshold.js'
import { withFlags } from '../../src/cli/options.js'
import { cornerAt } from '../../web/curve.js'
import { inLabels } from '../../web/words.js'

const test = suite('parts of the page')

test('a threshold lies on the corner of the ROC curve that its counts give, between scores and at ties too', () => {
  const scores = [0.9, 0.8, 0.5, 0.5, 0.5, 0.2, 0.1]
  const positive = [true, true, true, false, true, false, true]
  const { thresholds, falsePositiveRate, truePositiveRate } = rocCurve(scores, positive)
  for (const threshold of [0, 0.1, 0.15, 0.3, 0.5, 0.51, 0.8, 0.85, 0.9, 0.95, 1]) {
    const at = cornerAt(thresholds, threshold)
    const { sensitivity, specificity } = ratesOf(countsAt(scores, positive, threshold))
    assert.is(truePositiveRate[at], sensitivity, `${threshold}`)
    assert.ok(Math.abs(falsePositiveRate[at] - (1 - specificity)) < 1e-15, `${threshold}`)
  }
})

test('settings in messages are called by the fields of the page, and by the flags of the command line', () => {
  const told: readonly [text: string, labels: string, flags: string][] = [
    ['a.png: at most 25 million pixels (maxPixels)', 'the limit of this page', '--max-pixels'],
    ['on both sides; patientPattern says how', '“Pattern of the patient”', '--patient-pattern'],
    ['batchSize: must be 1 or more', '“Batch size”', '--batch-size'],
    ['normDecay must go with weightDecay', 'normDecay must go with “Weight decay”', '--no-norm-decay'],
  ]
  for (const [text, labels, flags] of told) {
    assert.match(inLabels(text), labels)
    assert.match(withFlags(text), flags)
    assert.not.match(withFlags(text), /[a-z][A-Z]/)
  }
  for (const same of ['set/maxPixels/batchSize.png', 'data: lr', 'x.imageSize', 'imageSize.png', 'nothingSuch'])
    assert.equal([inLabels(same), withFlags(same)], [same, same])
})

test.run()
