// Patients, the split by patient, the stratified subset, class weights.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { computeClassWeight, countLabels, patientOf, splitByPatient, stratifiedSubset } from '../../src/data/split.js'
import { Random } from '../../src/util/random.js'
import { failure } from './fixtures.js'

const test = suite('split')

/** Like the real set: 1 to 12 pictures per pneumonia patient, mostly one per normal one. */
function chestXrays(normal: number, pneumonia: number): { path: string; label: number }[] {
  const random = new Random(3)
  const samples: { path: string; label: number }[] = []
  for (let i = 0; i < normal; i++) {
    for (let k = 0; k <= random.integer(2); k++)
      samples.push({ path: `x/NORMAL/IM-${1000 + i}-000${k}.jpeg`, label: 0 })
  }
  for (let i = 0; i < pneumonia; i++) {
    for (let k = 0; k <= random.integer(12); k++)
      samples.push({ path: `x/PNEUMONIA/person${i}_virus_${k}.jpeg`, label: 1 })
  }
  return samples
}

test('the patient of a file name', () => {
  const names = {
    'train/PNEUMONIA/person123_bacteria_1.jpeg': 'person123',
    'person447_virus_921_1.jpeg': 'person447',
    'IM-0115-0001.jpeg': 'IM-0115',
    'NORMAL2-IM-1115-0001-0002.jpeg': 'NORMAL2-IM-1115',
    'IM-0033-0001-0002.jpeg': 'IM-0033',
    'a\\scan.7.png': 'scan.7',
    'personal.png': 'personal',
  }
  for (const [path, patient] of Object.entries(names)) assert.is(patientOf(path), patient)
})

test('no patient is on both sides, classes keep their shares, the seed decides', () => {
  const samples = chestXrays(300, 150)
  const { train, validation } = splitByPatient(samples, 0.1, 1)
  assert.equal(
    [...train, ...validation].sort((a, b) => a - b),
    samples.map((_, i) => i),
  )
  const held = new Set(validation.map((i) => patientOf(samples[i].path)))
  assert.not.ok(train.some((i) => held.has(patientOf(samples[i].path))))
  const totals = countLabels(
    samples.map((s) => s.label),
    2,
  )
  countLabels(
    validation.map((i) => samples[i].label),
    2,
  ).forEach((n, c) => {
    assert.ok(Math.abs(n / totals[c] - 0.1) < 0.01, `class ${c}: ${n} of ${totals[c]}`)
  })
  assert.equal(splitByPatient(samples, 0.1, 1).validation, validation)
  assert.not.equal(splitByPatient(samples, 0.1, 2).validation, validation)
})

test('no class is emptied, however small the fraction', async () => {
  const samples = [...chestXrays(2, 2)]
  for (const fraction of [0.001, 0.5, 0.999]) {
    const { train, validation } = splitByPatient(samples, fraction, 0)
    for (const side of [train, validation]) assert.is(new Set(side.map((i) => samples[i].label)).size, 2)
  }
  const lone = [
    { path: 'a.png', label: 0 },
    { path: 'b.png', label: 0 },
    { path: 'person1_a.png', label: 1 },
    { path: 'person1_b.png', label: 1 },
  ]
  assert.is(
    await failure(() => splitByPatient(lone, 0.5, 0)),
    'splitByPatient: every class needs two or more patients, got one in class 1',
  )
  assert.match(await failure(() => splitByPatient(lone, 1, 0)), 'fraction must be between 0 and 1, got 1')
})

test('a stratified subset keeps shares and every class', async () => {
  const samples = [...Array(90).fill(0), ...Array(9).fill(1), 2].map((label, i) => ({ path: `${i}.png`, label }))
  const counts = (n: number): number[] =>
    countLabels(
      stratifiedSubset(samples, n, 5).map((i) => samples[i].label),
      3,
    )
  assert.equal(counts(3), [1, 1, 1])
  assert.equal(counts(30), [27, 2, 1])
  assert.equal(counts(1000), [90, 9, 1])
  assert.equal(stratifiedSubset(samples, 20, 5), stratifiedSubset(samples, 20, 5))
  assert.not.equal(stratifiedSubset(samples, 20, 5), stratifiedSubset(samples, 20, 6))
  assert.match(await failure(() => stratifiedSubset(samples, 2, 0)), 'count must be at least 3, one per class, got 2')
})

test('balanced class weights are sklearn’s', async () => {
  const labels = [...Array(1341).fill(0), ...Array(3875).fill(1)]
  assert.equal(computeClassWeight('balanced', labels, 2), Float32Array.of(5216 / (2 * 1341), 5216 / (2 * 3875)))
  assert.is(
    await failure(() => computeClassWeight('balanced', [0, 0, 2], 3)),
    'computeClassWeight: every class needs samples, got none of class 1',
  )
  assert.match(await failure(() => computeClassWeight('balanced', [0, 1, 2], 2)), 'labels must be in 0..1, got 2')
})

test.run()
