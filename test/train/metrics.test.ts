// Metrics against values worked out by hand and against the definitions, spelled out a second time.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { argmax, computeMetrics, confusionMatrix, crossEntropy, probabilities } from '../../src/train/metrics.js'
import { rocAuc } from '../../src/stats/index.js'
import { refused } from '../errors.js'

const test = suite('metrics')
const near = (a: number, b: number, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`)

/** Two-class logits whose probability of class 1 is `p`. */
const twoClass = (ps: readonly number[]) => Float64Array.from(ps.flatMap((p) => [0, Math.log(p / (1 - p))]))

test('two classes: counts and ratios', () => {
  const labels = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
  const logits = twoClass([0.1, 0.6, 0.3, 0.2, 0.9, 0.8, 0.4, 0.7, 0.55, 0.95])
  const m = computeMetrics({ logits, labels, numClasses: 2 })
  assert.equal(m.confusion, { tn: 3, fp: 1, fn: 1, tp: 5 })
  assert.is(m.n, 10)
  near(m.accuracy, 0.8)
  near(m.precision, 5 / 6)
  near(m.recall, 5 / 6)
  near(m.specificity, 3 / 4)
  near(m.f1, 5 / 6)
  near(m.auc, 22 / 24) // 0.6 stands above 0.4 and 0.55: two of 24 pairs are wrong
})

test('an equal score predicts the first class', () => {
  const { confusion } = computeMetrics({ logits: [1, 1, 2, 2], labels: [0, 1], numClasses: 2 })
  assert.equal(confusion, { tn: 1, fp: 0, fn: 1, tp: 0 })
})

test('nothing to divide by gives 0, an AUC of one class NaN', () => {
  const never = computeMetrics({ logits: [1, 0, 1, 0], labels: [0, 1], numClasses: 2 })
  assert.is(never.precision, 0)
  assert.is(never.f1, 0)
  assert.is(never.specificity, 1)
  const negatives = computeMetrics({ logits: [1, 0, 1, 0], labels: [0, 0], numClasses: 2 })
  assert.is(negatives.recall, 0)
  assert.ok(Number.isNaN(negatives.auc))
  assert.is(computeMetrics({ logits: [0, 1], labels: [1], numClasses: 2 }).specificity, 0)
})

test('AUC counts ties half, like all pairs one by one', () => {
  near(rocAuc([0.5, 0.5], [true, false]), 0.5)
  near(rocAuc([0.1, 0.4, 0.35, 0.8], [false, false, true, true]), 0.75) // the example of sklearn's manual
  let state = 1
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647
  for (const n of [2, 5, 60, 301]) {
    const scores = Array.from({ length: n }, () => Math.floor(random() * 8) / 8)
    const positive = scores.map((_, i) => i % 3 === 0)
    let wins = 0
    let pairs = 0
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (!positive[i] || positive[j]) continue
        pairs++
        wins += scores[i] > scores[j] ? 1 : scores[i] === scores[j] ? 0.5 : 0
      }
    }
    near(rocAuc(scores, positive), wins / pairs)
  }
})

test('what is not finite is refused, by name', () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const outputs = { logits: [0, 1, bad, 0], labels: [0, 1], numClasses: 2 }
    for (const [measure, message] of [
      [() => rocAuc([0.5, bad, 0.1], [true, false, true]), `rocAuc: score 1 must be finite, got ${bad}`],
      [() => probabilities(outputs.logits, 2), `probabilities: logit 2 must be finite, got ${bad}`],
      [() => argmax(outputs.logits, 2), `argmax: entry 2 must be finite, got ${bad}`],
      [() => crossEntropy(outputs), `crossEntropy: logit 2 must be finite, got ${bad}`],
      [() => computeMetrics(outputs), `probabilities: logit 2 must be finite, got ${bad}`],
    ] as const) {
      refused(measure, message)
    }
  }
})

test('cross entropy of large logits keeps its digits', () => {
  near(crossEntropy({ logits: [1e15, 1e15], labels: [0], numClasses: 2 }), Math.LN2)
})

test('more classes: the matrix and macro means', () => {
  const labels = [0, 0, 1, 1, 2, 2]
  const predicted = [0, 1, 1, 1, 2, 0]
  const logits = predicted.flatMap((p) => [0, 1, 2].map((c) => (c === p ? 800 : 0))) // probabilities of exactly 0 and 1
  const m = computeMetrics({ logits, labels, numClasses: 3 })
  assert.equal(m.confusion, [
    [1, 1, 0],
    [0, 2, 0],
    [1, 0, 1],
  ])
  near(m.accuracy, 4 / 6)
  near(m.precision, (1 / 2 + 2 / 3 + 1) / 3)
  near(m.recall, (1 / 2 + 1 + 1 / 2) / 3)
  near(m.f1, (1 / 2 + 4 / 5 + 2 / 3) / 3)
  near(m.specificity, (3 / 4 + 3 / 4 + 1) / 3)
  near(m.auc, (0.625 + 0.875 + 0.75) / 3)
})

test('probabilities and cross-entropy', () => {
  const p = probabilities([0, 0, 1000, 0, Math.log(3), 0], 2)
  near(p[0], 0.5)
  near(p[2], 1)
  near(p[3], 0)
  near(p[4], 0.75)
  const outputs = { logits: [0, 0, Math.log(3), 0], labels: [1, 0], numClasses: 2 }
  near(crossEntropy(outputs), (Math.log(2) + Math.log(4 / 3)) / 2)
  // torch.nn.CrossEntropyLoss(weight=[3, 1])
  near(crossEntropy(outputs, [3, 1]), (Math.log(2) + 3 * Math.log(4 / 3)) / 4)
})

test('refuses what does not fit', () => {
  assert.throws(() => computeMetrics({ logits: [1, 2, 3], labels: [0, 1], numClasses: 2 }), /: logits must be \[n, C\]/)
  assert.throws(() => confusionMatrix([0, 2], [0, 1], 2), /classes must be in 0\.\.1, got 1 and 2/)
})

test.run()
