// How results and times are written for people.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { clock } from '../../src/cli/report.js'
import { metricsText } from '../../src/cli/texts.js'

const test = suite('report')

test('times', () => {
  assert.equal([0, 59.6, 65, 3599].map(clock), ['0:00', '1:00', '1:05', '59:59'])
  assert.equal([3600, 7325, Infinity, NaN].map(clock), ['1:00:00', '2:02:05', '–', '–'])
})

test('metrics', () => {
  const ratios = { accuracy: 0.75, precision: 2 / 3, recall: 1, specificity: 0.5, f1: 0.8, auc: 1 }
  const text = metricsText({ ...ratios, confusion: { tn: 1, fp: 1, fn: 0, tp: 2 }, n: 4 }, ['NORMAL', 'PNEUMONIA'])
  assert.equal(text.split('\n'), [
    'accuracy 0.750  precision 0.667  recall 1.000  specificity 0.500  f1 0.800  auc 1.000  n 4',
    '              NORMAL  PNEUMONIA   ← predicted',
    '   NORMAL          1          1',
    'PNEUMONIA          0          2',
  ])
})

test.run()
