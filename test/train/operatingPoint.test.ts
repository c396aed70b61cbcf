// How outputs become a call, and what is said of them: temperatures and thresholds at the edges, several classes.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { evaluateOutputs } from '../../src/train/evaluation.js'
import { UNFITTED, fitOperatingPoint, readOutputs } from '../../src/train/operatingPoint.js'
import { modelCardOf, toMetadata } from '../../src/app/card.js'
import { Random } from '../../src/util/random.js'

const test = suite('operating point')

/** Outputs of a model that is mostly right; `scale` is how sure it is of it. */
function drawn(n: number, numClasses: number, scale: number) {
  const random = new Random(7)
  const labels = Int32Array.from({ length: n }, (_, i) => i % numClasses)
  const logits = Float32Array.from({ length: n * numClasses }, (_, i) => {
    const own = i % numClasses === labels[Math.floor(i / numClasses)]
    return scale * ((own ? 1 : 0) + 2 * random.uniform())
  })
  return { logits, labels, numClasses }
}

test('the wanted sensitivity is reached on the images it was chosen on, at the same calls that are read', () => {
  const outputs = drawn(200, 2, 4)
  for (const sensitivity of [0.5, 0.9, 0.99, 1, undefined]) {
    const point = fitOperatingPoint(outputs, sensitivity)
    const { called, rows } = readOutputs(outputs, point)
    const sick = [...outputs.labels.keys()].filter((i) => outputs.labels[i] === 1)
    const found = sick.filter((i) => called[i] === 1).length / sick.length
    assert.is(found, point.sensitivity)
    if (sensitivity !== undefined) assert.ok(found >= sensitivity)
    assert.ok(Math.abs(rows[0] + rows[1] - 1) < 1e-12)
    assert.equal([point.images, point.temperature > 1], [200, true])
  }
  assert.is(fitOperatingPoint(outputs).rule, "Youden's index")
})

test('images that are all right, or of one class: no temperature or threshold is made up', () => {
  const right = { logits: [9, 0, 8, 0, 0, 9, 0, 7], labels: [0, 0, 1, 1], numClasses: 2 }
  assert.is(fitOperatingPoint(right).temperature, 1)
  const alone = fitOperatingPoint({ logits: [2, 1, 1, 2], labels: [0, 0], numClasses: 2 })
  assert.equal([alone.threshold, alone.sensitivity], [null, null])
  // One image a little wrong among sure ones: probabilities must keep their order.
  const near = { logits: [90, 0, 0, 80, 0, 70, 60, 0, 0.0001, 0], labels: [0, 1, 1, 0, 1], numClasses: 2 }
  const { rows } = readOutputs(near, fitOperatingPoint(near))
  assert.ok(rows[3] < 1 && rows[5] < rows[3], `${rows}`)
})

test('three classes: no threshold, the most probable class, intervals of the means', () => {
  const outputs = drawn(90, 3, 2)
  const point = fitOperatingPoint(outputs, 0.9)
  assert.is(point.threshold, null)
  const patients = Array.from({ length: 90 }, (_, i) => `p${i >> 1}`)
  const found = evaluateOutputs(outputs, patients, point)
  assert.equal(Object.keys(found.measures), [
    'accuracy',
    'precision',
    'recall',
    'specificity',
    'f1',
    'auc',
    'brier',
    'ece',
  ])
  const { recall, patients: count, mostProbable } = found
  const { estimate, low, high } = found.measures.recall
  assert.equal([estimate, count, mostProbable.recall], [recall, 45, recall])
  assert.ok(low! < recall && recall < high!)
  // One image a patient, all right: the accuracy is a share, means of shares are none and say nothing.
  const labels = Array.from({ length: 60 }, (_, i) => i % 3)
  const right = {
    logits: labels.flatMap((label) => [0, 1, 2].map((c) => (c === label ? 9 : 0))),
    labels,
    numClasses: 3,
  }
  const { accuracy, recall: mean } = evaluateOutputs(
    right,
    labels.map((_, i) => `p${i}`),
    point,
  ).measures
  assert.equal([accuracy.estimate, accuracy.low!.toFixed(4), accuracy.high], [1, '0.9398', 1])
  assert.equal(mean, { estimate: 1, low: null, high: null })
  assert.ok(found.measures.ece.estimate! < evaluateOutputs(outputs, patients, UNFITTED).measures.ece.estimate! + 0.05)
})

test('in the metadata of a checkpoint and out of it; nonsense is refused, none is none', () => {
  const card = { model: 'resnet18', classes: ['a', 'b'], imageSize: 32, mean: [0, 0, 0], std: [1, 1, 1] } as const
  const operatingPoint = fitOperatingPoint(drawn(20, 2, 3), 0.95)
  const metadata = toMetadata({ ...card, operatingPoint }, { epoch: 1, limit: undefined })
  assert.equal(modelCardOf({ metadata, source: 'x' }), { ...card, operatingPoint })
  assert.not.ok('limit' in metadata)
  assert.equal(modelCardOf({ metadata: toMetadata(card, {}), source: 'x' }), card)
  for (const wrong of [{ temperature: 0 }, { threshold: 2 }, { images: 'many' }])
    assert.throws(
      () =>
        modelCardOf({
          metadata: toMetadata({ ...card, operatingPoint: { ...operatingPoint, ...wrong } as never }, {}),
          source: 'x',
        }),
      /^x: 'operatingPoint' in its metadata must be a temperature/,
    )
  for (const [field, text] of [
    ['model', 'constructor'],
    ['classes', '["a","a"]'],
    ['std', '[0,0,0]'],
    ['imageSize', '1e9'],
    ['operatingPoint', '{"temperature":1e999,"threshold":null,"rule":"","images":0}'],
  ])
    assert.throws(
      () => modelCardOf({ metadata: { ...metadata, [field]: text }, source: 'x' }),
      new RegExp(`^x: '${field}' in its metadata must be .*, got `),
    )
})

test.run()
