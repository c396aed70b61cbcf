// Parts of the page that need no page.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rocCurve } from '../../src/stats/curves.js'
import { countsAt, ratesOf } from '../../src/stats/threshold.js'
import { cornerAt } from '../../web/curve.js'

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

test.run()
