// How results and times are written for people.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { clock } from '../../src/cli/report.js'
import { evaluateOutputs } from '../../src/train/evaluation.js'
import { evaluationText } from '../../src/cli/texts.js'

const test = suite('report')

test('times', () => {
  assert.equal([0, 59.6, 65, 3599].map(clock), ['0:00', '1:00', '1:05', '59:59'])
  assert.equal([3600, 7325, Infinity, NaN].map(clock), ['1:00:00', '2:02:05', '–', '–'])
})

test('an evaluation: measures with their intervals, and what was taken for what', () => {
  const logits = [2, 0, 1, 0, 0, 1, 0, 2].map((v) => 2 * v)
  const point = { temperature: 2, threshold: 0.2, rule: 'sensitivity 1', sensitivity: 1, specificity: 0.5, images: 9 }
  const evaluation = evaluateOutputs({ logits, labels: [0, 0, 1, 1], numClasses: 2 }, ['a', 'b', 'c', 'c'], point)
  const lines = evaluationText(evaluation, ['NORMAL', 'PNEUMONIA']).split('\n')
  assert.is(
    lines[0],
    'calls     PNEUMONIA from a probability of 0.200 on, by sensitivity 1 on 9 validation images ' +
      '(sensitivity 1.000, specificity 0.500 there); temperature 2.000',
  )
  assert.is(lines[1], '          with the most probable class called: sensitivity 1.000, specificity 1.000')
  assert.match(lines[2], /^measures  of 4 images of 3 patients, with 95 % intervals/)
  const row = (name: string) => lines.find((line) => line.startsWith(`  ${name}`))?.replace(/  +/g, ' ')
  assert.is(row('sensitivity'), ' sensitivity (recall) 1.000 0.207 to 1.000')
  assert.is(row('specificity'), ' specificity 0.500 0.095 to 0.905')
  assert.is(row('PPV'), ' PPV (precision) 0.667 0.500 to 1.000')
  assert.is(row('likelihood ratio positive'), ' likelihood ratio positive 2.000 1.000 to ∞')
  assert.equal(lines.slice(-3), [
    '              NORMAL  PNEUMONIA   ← called',
    '   NORMAL          1          1',
    'PNEUMONIA          0          2',
  ])
  assert.equal(JSON.parse(JSON.stringify(evaluation)), evaluation, 'plain data')
})

test.run()
