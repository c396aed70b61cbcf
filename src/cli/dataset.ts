// The folders of a data set as what is trained on, what steers, and what is tested on.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Dataset, ImageFolder, subset } from '../data/imageFolder.js'
import { countLabels, splitByPatient, stratifiedSubset } from '../data/split.js'
import * as transforms from '../data/transforms.js'
import { RadiogradError, check } from '../util/check.js'
import type { ModelCard } from './checkpoint.js'

/** What every image goes through; all of it is squeezed into the square, nothing cropped. */
export function pipeline(
  { imageSize, mean, std }: Pick<ModelCard, 'imageSize' | 'mean' | 'std'>,
  { augment = false } = {},
): transforms.Pipeline {
  return transforms.compose([
    transforms.Resize([imageSize, imageSize]),
    ...(augment ? [transforms.RandomHorizontalFlip()] : []),
    transforms.ToTensor(),
    transforms.Normalize(mean, std),
  ])
}

export interface Splits {
  train: Dataset
  validation: Dataset | null
  test: Dataset
  classes: readonly string[]
  /** Where validation comes from, in words. */
  validationFrom: string
}

export interface SplitOptions {
  imageSize: number
  mean: ModelCard['mean']
  std: ModelCard['std']
  augment: boolean
  valSplit: number
  limit?: number
  seed: number
}

/**
 * `dir/train`, `dir/test` and, with `valSplit` 0, `dir/val` where there is one. Otherwise validation is that share of
 * train, no patient on both sides. `limit` keeps so many training images, and of validation as many as make the same
 * share.
 */
export function openSplits(dir: string, options: SplitOptions): Splits {
  const { valSplit, limit, seed } = options
  const still = pipeline(options)
  const all = new ImageFolder(join(dir, 'train'), { transform: pipeline(options, { augment: options.augment }) })
  const { classes } = all
  const test = new ImageFolder(join(dir, 'test'), { transform: still })
  sameClasses(test, join(dir, 'test'), classes, join(dir, 'train'))

  const ownVal = join(dir, 'val')
  let train: Dataset = all
  let validation: Dataset | null = null
  let validationFrom = 'none'
  if (valSplit > 0) {
    const sides = blame(`--val-split ${valSplit}`, () => splitByPatient(all.samples, valSplit, seed))
    train = subset(all, sides.train)
    validation = subset(all, sides.validation, still)
    validationFrom = `${Math.round(valSplit * 100)} % of train, by patient`
  } else if (existsSync(ownVal)) {
    const folder = new ImageFolder(ownVal, { transform: still })
    sameClasses(folder, ownVal, classes, join(dir, 'train'))
    validation = folder
    validationFrom = ownVal
  }
  if (limit !== undefined) {
    const most = (set: Dataset, count: number) =>
      subset(
        set,
        blame('--limit', () => stratifiedSubset(set.samples, count, seed)),
      )
    train = most(train, limit)
    if (validation && valSplit > 0) {
      const share = Math.round((train.samples.length * valSplit) / (1 - valSplit))
      validation = most(validation, Math.max(share, classes.length))
    }
  }
  return { train, validation, test, classes, validationFrom }
}

export function sameClasses(folder: Dataset, name: string, classes: readonly string[], of: string): void {
  check(
    folder.classes.join('\n') === classes.join('\n'),
    () => `${name}: classes must be those of ${of} [${classes.join(', ')}], got [${folder.classes.join(', ')}]`,
  )
}

/** `1207 NORMAL, 3493 PNEUMONIA` */
export function countsText({ samples, classes }: Dataset): string {
  return classCounts({ samples, classes })
    .map((n, c) => `${n} ${classes[c]}`)
    .join(', ')
}

export function classCounts({ samples, classes }: Pick<Dataset, 'samples' | 'classes'>): number[] {
  return countLabels(
    samples.map((s) => s.label),
    classes.length,
  )
}

/** Puts the flag in front of what `work` has to complain about. */
function blame<T>(flag: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof RadiogradError ? new RadiogradError(`${flag}: ${error.message}`) : error
  }
}
