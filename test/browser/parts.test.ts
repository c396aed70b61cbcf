// Parts of the page that need no page.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rocCurve } from '../../src/stats/curves.js'
import { curveThrough } from '../../web/curve.js'

const test = suite('parts of the page')

test('the point of a threshold lies in the curve in its order: above what is below it, and ties stay a slant', () => {
  // One score is of both classes (a slant), two scores of the positive class stand above each other.
  const scores = [0.9, 0.8, 0.5, 0.5, 0.5, 0.2, 0.1]
  const positive = [true, true, true, false, true, false, true]
  const { falsePositiveRate: fpr, truePositiveRate: tpr } = rocCurve(scores, positive)
  for (let i = 0; i < fpr.length; i++) {
    const { x, y, at } = curveThrough(fpr, tpr, fpr[i], tpr[i])
    assert.equal([x[at], y[at]], [fpr[i], tpr[i]])
    // The marked point stands beside its equal, and without it the curve is as it was.
    const rest = (values: number[]) => values.filter((_, j) => j !== at)
    assert.equal([rest(x), rest(y)], [fpr, tpr])
    for (let j = 1; j < x.length; j++) assert.ok(x[j] >= x[j - 1] && y[j] >= y[j - 1], `${x} ${y}`)
  }
  assert.equal(curveThrough([0, 0, 1], [0, 1, 1], 0, 0.4), { x: [0, 0, 0, 1], y: [0, 0.4, 1, 1], at: 1 })
})

test.run()
