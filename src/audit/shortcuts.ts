// How well the classes can be told apart without looking at what the picture shows: by the file, by the picture's
// shape and brightness, and by its border. A model may learn such a shortcut in place of the disease (Zech et al. 2018;
// DeGrave et al. 2021).
import { delongInterval } from '../stats/delong.js'
import { Random } from '../util/random.js'
import { THUMB } from './perceptual.js'

/** What is known of one picture. */
export interface Traits {
  split: string
  class: string
  patient: string
  bytes: number
  width: number
  height: number
  format: string
  /** Mean of all gray levels, 0..255. */
  brightness: number
  /** [THUMB, THUMB] gray bytes. */
  thumb: Uint8Array
}

/** One way to tell a class from the others. */
export interface Shortcut {
  feature: 'file size' | 'pixel count' | 'aspect ratio' | 'format' | 'mean brightness' | 'border'
  split: string
  class: string
  /**
   * Probability that a picture of the class has more of the feature than one of another class: 0.5 tells nothing, 0 as
   * much as 1. With its 95 % interval (DeLong). NaN where the split lacks the class or the others.
   */
  auc: number
  low: number
  high: number
  /** Pictures of the class, and of the others. */
  pictures: readonly [number, number]
}

const CELLS = 16
const FOLDS = 5

/** The outermost cells of the picture cut into 16 × 16: a ring one sixteenth of the picture wide. */
function borderCells(thumb: Uint8Array): number[] {
  const side = THUMB / CELLS
  const cells: number[] = []
  for (let y = 0; y < CELLS; y++)
    for (let x = 0; x < CELLS; x++) {
      if (x > 0 && y > 0 && x < CELLS - 1 && y < CELLS - 1) continue
      let sum = 0
      for (let dy = 0; dy < side; dy++)
        for (let dx = 0; dx < side; dx++) sum += thumb[(y * side + dy) * THUMB + x * side + dx]
      cells.push(sum / side ** 2 / 255)
    }
  return cells
}

type Scorer = (row: readonly number[]) => number

/** Ridge regression on labels of ±1: the direction of a regularised linear discriminant. */
function fitLinear(rows: readonly number[][], positive: readonly boolean[]): Scorer {
  const width = rows[0].length
  const mean = new Float64Array(width)
  for (const row of rows) for (let i = 0; i < width; i++) mean[i] += row[i] / rows.length
  const share = positive.filter(Boolean).length / rows.length
  const gram = Array.from({ length: width }, () => new Float64Array(width))
  const right = new Float64Array(width)
  const centred = new Float64Array(width)
  rows.forEach((row, at) => {
    const y = (positive[at] ? 1 : 0) - share
    for (let i = 0; i < width; i++) centred[i] = row[i] - mean[i]
    for (let i = 0; i < width; i++) {
      right[i] += centred[i] * y
      for (let j = 0; j <= i; j++) gram[i][j] += centred[i] * centred[j]
    }
  })
  // A penalty of 1e-3 of the variance of full contrast keeps cells of one value (a black rim) harmless.
  for (let i = 0; i < width; i++) gram[i][i] += 1e-3 * rows.length
  // Cholesky: gram = L·Lᵀ, in place.
  for (let i = 0; i < width; i++)
    for (let j = 0; j <= i; j++) {
      let sum = gram[i][j]
      for (let k = 0; k < j; k++) sum -= gram[i][k] * gram[j][k]
      gram[i][j] = i === j ? Math.sqrt(sum) : sum / gram[j][j]
    }
  const weights = right
  for (let i = 0; i < width; i++) {
    for (let k = 0; k < i; k++) weights[i] -= gram[i][k] * weights[k]
    weights[i] /= gram[i][i]
  }
  for (let i = width - 1; i >= 0; i--) {
    for (let k = i + 1; k < width; k++) weights[i] -= gram[k][i] * weights[k]
    weights[i] /= gram[i][i]
  }
  return (row) => row.reduce((sum, value, i) => sum + (value - mean[i]) * weights[i], 0)
}

/** Scores of each picture by a model that has seen no picture of its patient: folds of patients, in seeded order. */
function crossValidated(rows: number[][], positive: boolean[], patients: string[], seed: number): number[] {
  const order = new Random(seed, 0xb0de).shuffle([...new Set(patients)])
  const foldOf = new Map(order.map((patient, i) => [patient, i % FOLDS]))
  const folds = patients.map((patient) => foldOf.get(patient)!)
  const scores = new Array<number>(rows.length).fill(0)
  for (let fold = 0; fold < FOLDS; fold++) {
    const kept = [...rows.keys()].filter((i) => folds[i] !== fold)
    if (!kept.length) continue // one patient only: every picture scores 0
    const score = fitLinear(
      kept.map((i) => rows[i]),
      kept.map((i) => positive[i]),
    )
    rows.forEach((row, i) => {
      if (folds[i] === fold) scores[i] = score(row)
    })
  }
  return scores
}

/** Numbers in place of kinds: the share of the class among the pictures of the kind. */
function shareOf(kinds: readonly string[], positive: readonly boolean[]): number[] {
  const counts = new Map<string, [of: number, all: number]>()
  kinds.forEach((kind, i) => {
    const [of, all] = counts.get(kind) ?? [0, 0]
    counts.set(kind, [of + (positive[i] ? 1 : 0), all + 1])
  })
  return kinds.map((kind) => counts.get(kind)![0] / counts.get(kind)![1])
}

/**
 * Every way to tell each class (the second of two; each of more, against the others) in each split. The border's model
 * is cross-validated over patients in the first split, and from there applied to the others; a format's share is taken
 * from the split itself.
 */
export function findShortcuts(traits: readonly Traits[], classes: readonly string[], seed: number): Shortcut[] {
  const splits = [...new Set(traits.map((t) => t.split))]
  const borders = new Map(traits.map((t) => [t, borderCells(t.thumb)]))
  return (classes.length === 2 ? [classes[1]] : classes).flatMap((name) => {
    const first = traits.filter((t) => t.split === splits[0])
    const isFirst = first.map((t) => t.class === name)
    return splits.flatMap((split) => {
      const here = traits.filter((t) => t.split === split)
      const positive = here.map((t) => t.class === name)
      const own = positive.filter(Boolean).length
      const pictures = [own, here.length - own] as const
      const rows = here.map((t) => borders.get(t)!)
      const border = () => {
        if (split === splits[0])
          return crossValidated(
            rows,
            positive,
            here.map((t) => t.patient),
            seed,
          )
        const score = fitLinear(
          first.map((t) => borders.get(t)!),
          isFirst,
        )
        return rows.map(score)
      }
      const scores: [Shortcut['feature'], number[]][] = [
        ['file size', here.map((t) => t.bytes)],
        ['pixel count', here.map((t) => t.width * t.height)],
        ['aspect ratio', here.map((t) => t.width / t.height)],
        [
          'format',
          shareOf(
            here.map((t) => t.format),
            positive,
          ),
        ],
        ['mean brightness', here.map((t) => t.brightness)],
        ['border', border()],
      ]
      return scores.map(([feature, values]): Shortcut => {
        const { auc, low, high } = delongInterval(values, positive)
        return { feature, split, class: name, auc, low, high, pictures }
      })
    })
  })
}
