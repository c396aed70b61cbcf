// Patients, the split by patient, the stratified subset, class weights.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describePatients, findPatients, patientOf } from '../../src/data/patients.js'
import { computeClassWeight, countLabels, oversample, splitByPatient, stratifiedSubset } from '../../src/data/split.js'
import { compose, ToTensor } from '../../src/data/transforms.js'
import { Random } from '../../src/util/random.js'
import { failure } from '../errors.js'

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

test('oversampling: as many of each class as the largest has, none more than once oftener', () => {
  const samples = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2].map((label, i) => ({ path: `${i}`, file: `${i}`, label }))
  const dataset = { samples, classes: ['a', 'b', 'c'], transform: compose([ToTensor()]) }
  const more = oversample(dataset, 4).samples
  assert.equal(more.slice(0, samples.length), samples)
  const times = samples.map((sample) => more.filter((other) => other === sample).length)
  assert.equal(times.slice(0, 7), [1, 1, 1, 1, 1, 1, 1])
  assert.equal(times.slice(7, 10).sort(), [2, 2, 3])
  assert.is(times[10], 7)
  assert.equal(oversample(dataset, 4).samples, more)
})

test('the patient of a file name', () => {
  const names = {
    'train/PNEUMONIA/person123_bacteria_1.jpeg': 'person123',
    'person447_virus_921_1.jpeg': 'person447',
    'IM-0115-0001.jpeg': 'IM-0115',
    'NORMAL2-IM-1115-0001-0002.jpeg': 'NORMAL2-IM-1115',
    'IM-0033-0001-0002.jpeg': 'IM-0033',
    'a\\scan.7.png': 'scan.7',
    'personal.png': 'personal',
    'BACTERIA-1008087-0001.jpeg': '1008087',
    'OCT/train/CNV/CNV-1016042-1.jpeg': '1016042',
    'images_001/00000001_000.png': '00000001',
    'patient00001/study1/view1_frontal.jpg': 'patient00001',
    'p10/p10000032/s50414267/02aa804e.jpg': 'p10000032',
    'ISIC_0024306.jpg': 'ISIC_0024306',
    'no.folder/a': 'a',
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

/** Pictures of 60 patients, some in both classes, named by `path`. */
function named(path: (patient: number, image: number) => string, root = '/data/patient7/set/train') {
  return Array.from({ length: 240 }, (_, i) => {
    const patient = i % 60
    const label = i % 7 === 0 ? 1 : 0
    return { path: `${root}/${label ? 'ILL' : 'NORMAL'}/${path(patient, i)}`, label, patient }
  })
}
const schemes: Record<string, (patient: number, image: number) => string> = {
  Kaggle: (p, i) => (p % 2 ? `person${p}_virus_${i}.jpeg` : `IM-${1000 + p}-${i}.jpeg`),
  OCT: (p, i) => `CNV-${1016042 + p}-${i}.jpeg`,
  'chest X-rays of OCT': (p, i) => `BACTERIA-${1008087 + p}-000${i}.jpeg`,
  NIH: (p, i) => `images_00${i % 3}/images/${String(p).padStart(8, '0')}_${String(i).padStart(3, '0')}.png`,
  CheXpert: (p, i) => `patient${String(p).padStart(5, '0')}/study${i}/view1_frontal.jpg`,
  MIMIC: (p, i) => `p10/p${10000032 + p}/s5041${i}/02aa804e.jpg`,
  'MIMIC, all in one folder': (p, i) => `p${10000032 + p}_s5041${i}_02aa804e.jpg`,
  BIDS: (p, i) => `sub-${100 + p}_ses-${i}_T1w.png`,
  'CBIS-DDSM': (p, i) => `Mass-Training_P_${String(p).padStart(5, '0')}_${i % 2 ? 'LEFT' : 'RIGHT'}_CC_${i}.png`,
  'case by number': (p, i) => `case${p}_day${i}_slice_0001.png`,
  'patient in words': (p, i) => `Patient ${p} (${i}).png`,
  'another ending': (p, i) => `${String(p).padStart(8, '0')}_${String(i).padStart(3, '0')}.dcm.png`,
  'one folder each': (p, i) => `Jane Doe ${p}/${i % 5}/image1.png`,
  'one folder each, in parts of the set': (p, i) => `part${p % 3}/Jane Doe ${p}/image${i}.png`,
  // More than one scheme in a data set.
  mixed: (p, i) => (p % 3 === 0 ? `IM-${1000 + p}-${i}.jpeg` : `CNV-${1016042 + p}-${i}.jpeg`),
}
for (const [name, path] of Object.entries(schemes)) {
  test(`no patient is on both sides: ${name}`, () => {
    for (const root of ['/data/patient7/set/train', '.']) {
      const samples = named(path, root)
      const patients = findPatients(samples)
      assert.is(patients.count, 60)
      assert.not(patients.allAlone)
      for (const seed of [0, 1]) {
        const { train, validation } = splitByPatient(samples, 0.2, seed)
        const held = new Set(validation.map((i) => samples[i].patient))
        assert.ok(validation.length > 20 && train.length > 100)
        assert.not.ok(train.some((i) => held.has(samples[i].patient)))
      }
    }
  })
}

test('what was found out about patients is said', () => {
  assert.is(
    describePatients(findPatients(named(schemes.OCT))),
    'patients: 60 of 240 images (60 of 240 images by CNV-1016042-1 (OCT and chest X-rays of Kermany et al.))',
  )
  const alone = findPatients(named((_, i) => `${i}.png`))
  assert.ok(alone.allAlone)
  assert.match(
    describePatients(alone),
    /^patients: none recognised in the names of 240 images, .*; patientPattern says how/,
  )
  // Few sub-folders are parts of the set, not patients.
  assert.ok(findPatients(named((_, i) => `part${i % 3}/${i}.png`)).allAlone)
})

test('a pattern names patients, and is refused where it cannot', async () => {
  const samples = named((p, i) => `scan${i}-of-${p}.png`)
  for (const pattern of ['-of-(\\d+)', 'of-\\d+', '^(?:NORMAL|ILL)/.*-(\\d+)']) {
    const patients = findPatients(samples, pattern)
    assert.equal([patients.count, patients.schemes[0].name], [60, `/${pattern}/`])
    const { train, validation } = splitByPatient(samples, 0.2, 0, patients)
    const held = new Set(validation.map((i) => samples[i].patient))
    assert.not.ok(train.some((i) => held.has(samples[i].patient)))
  }
  const some = findPatients(samples, 'scan(\\d)-')
  assert.equal(
    some.schemes.map((s) => [s.name, s.images]),
    [
      ['/scan(\\d)-/', 10],
      ['none', 230],
    ],
  )
  assert.is(
    await failure(() => findPatients(samples, '(')),
    'patientPattern: must be a regular expression, got /(/: Unterminated group',
  )
  assert.match(await failure(() => findPatients(samples, 'x(y')), 'patientPattern: must be a regular expression')
  assert.match(
    await failure(() => findPatients(samples, 'zebra')),
    'patientPattern: must match paths such as ILL/scan0-of-0.png, got /zebra/, which matches none of 240',
  )
  const evil = [{ path: `a/${'a'.repeat(50)}.png`, label: 0 }]
  assert.match(await failure(() => findPatients(evil, '(a+)+b')), 'which takes too long')
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
