// Choosing samples: a validation split by patient, a small stratified subset, and class weights. Works on labels and
// paths; all of it deterministic in the seed.
import { check } from '../util/check.js'
import type { Dataset } from './imageFolder.js'
import { Random } from '../util/random.js'
import { findPatients, type Labelled, type Patients } from './patients.js'

/**
 * How many samples each class has.
 * @throws for a label that is no class.
 */
export function countLabels(labels: ArrayLike<number>, numClasses: number): number[] {
  const counts = new Array<number>(numClasses).fill(0)
  for (let i = 0; i < labels.length; i++) {
    check(labels[i] in counts, () => `countLabels: labels must be in 0..${numClasses - 1}, got ${labels[i]}`)
    counts[labels[i]]++
  }
  return counts
}

const labelsOf = (samples: Labelled): number[] => Array.from(samples, (s) => s.label)
const classCount = (labels: readonly number[]): number => labels.reduce((most, l) => Math.max(most, l + 1), 0)
const ascending = (indices: number[]): number[] => indices.sort((a, b) => a - b)

/**
 * sklearn's compute_class_weight('balanced'): n_samples / (n_classes × count) for each class, as the weight of a
 * cross-entropy. A class without samples is an error.
 * @throws when a class has no image.
 */
export function computeClassWeight(mode: 'balanced', labels: ArrayLike<number>, numClasses: number): Float32Array {
  check(mode === 'balanced', `computeClassWeight: mode must be 'balanced', got '${mode}'`)
  const counts = countLabels(labels, numClasses)
  const empty = counts.indexOf(0)
  check(empty < 0, `computeClassWeight: every class needs samples, got none of class ${empty}`)
  return Float32Array.from(counts, (count) => labels.length / (numClasses * count))
}

/**
 * A data set with as many samples of each class as the largest class has: each is there equally often, but for those
 * that are there once more, drawn by the seed. imbalanced-learn's `RandomOverSampler`, without leaving out any.
 */
export function oversample(dataset: Dataset, seed: number): Dataset {
  const { samples, classes } = dataset
  const most = Math.max(
    ...countLabels(
      samples.map((s) => s.label),
      classes.length,
    ),
  )
  const more = classes.flatMap((_, label) => {
    const own = samples.filter((sample) => sample.label === label)
    const order = new Random(seed, 0x0e55, label).shuffle([...own])
    return own.length ? Array.from({ length: most - own.length }, (_, i) => order[i % own.length]) : []
  })
  return { ...dataset, samples: [...samples, ...more] }
}

/**
 * Splits sample indices so that all pictures of a patient are on one side and each class gives about `fraction` of its
 * pictures to validation. Every class keeps a patient on both sides; a class with a single patient is an error.
 * @param patients whose each sample is; as {@link findPatients} reads their names.
 * @param classes their names, for errors.
 * @throws unless `fraction` is between 0 and 1 and every class has two or more patients.
 */
export function splitByPatient(
  samples: Labelled,
  fraction: number,
  seed: number,
  patients: Patients = findPatients(samples),
  classes?: readonly string[],
): { train: number[]; validation: number[] } {
  check(patients.of.length === samples.length, 'splitByPatient: patients must be those of the samples, got others')
  check(fraction > 0 && fraction < 1, `splitByPatient: fraction must be between 0 and 1, got ${fraction}`)
  const labels = labelsOf(samples)
  const totals = countLabels(labels, classCount(labels))
  const targets = totals.map((n) => n * fraction)
  const groups = new Map<string, number[]>()
  patients.of.forEach((patient, i) => {
    const group = groups.get(patient)
    if (group) group.push(i)
    else groups.set(patient, [i])
  })
  const people = [...groups.values()].map((indices) => ({
    indices,
    counts: countLabels(
      indices.map((i) => labels[i]),
      totals.length,
    ),
    held: false,
  }))
  new Random(seed, 0x5b17).shuffle(people)

  // Patients in random order go to validation whenever that brings the classes' counts nearer to their targets.
  const held = totals.map(() => 0)
  const left = [...totals]
  const distance = (c: number, n: number): number => ((n - targets[c]) / targets[c]) ** 2
  const hold = (patient: (typeof people)[number]): void => {
    patient.held = true
    patient.counts.forEach((n, c) => {
      held[c] += n
      left[c] -= n
    })
  }
  const keepsTrain = (counts: number[]): boolean => counts.every((n, c) => n === 0 || left[c] > n)
  for (const patient of people) {
    const gain = patient.counts.reduce(
      (sum, n, c) => (n === 0 ? sum : sum + distance(c, held[c]) - distance(c, held[c] + n)),
      0,
    )
    if (gain > 0 && keepsTrain(patient.counts)) hold(patient)
  }
  totals.forEach((total, c) => {
    if (total === 0 || held[c] > 0) return
    const smallest = people
      .filter((p) => p.counts[c] > 0 && keepsTrain(p.counts))
      .sort((a, b) => a.indices.length - b.indices.length)[0]
    check(
      smallest,
      () => `splitByPatient: every class needs two or more patients, got one in class ${classes?.[c] ?? c}`,
    )
    hold(smallest)
  })
  const side = (want: boolean): number[] => ascending(people.filter((p) => p.held === want).flatMap((p) => p.indices))
  return { train: side(false), validation: side(true) }
}

/**
 * `count` sample indices, ascending, drawn at random with the classes' shares kept and no class emptied.
 * @throws when fewer are asked for than there are classes.
 */
export function stratifiedSubset(samples: Labelled, count: number, seed: number): number[] {
  const labels = labelsOf(samples)
  const totals = countLabels(labels, classCount(labels))
  const present = totals.filter((n) => n > 0).length
  check(
    Number.isInteger(count) && count >= present,
    `stratifiedSubset: count must be at least ${present}, one per class, got ${count}`,
  )
  if (count >= samples.length) return labels.map((_, i) => i)

  // One each, then the largest remaining shortfall from the exact share takes the next.
  const taken = totals.map((n) => Math.min(n, 1))
  const share = totals.map((n) => (n * count) / samples.length)
  for (let used = present; used < count; used++) {
    let neediest = 0
    for (let c = 1; c < totals.length; c++) if (share[c] - taken[c] > share[neediest] - taken[neediest]) neediest = c
    taken[neediest]++
  }
  const order = new Random(seed, 0x5ab5).shuffle(labels.map((_, i) => i))
  return ascending(order.filter((i) => taken[labels[i]]-- > 0))
}
