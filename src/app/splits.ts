// The folders of a data set as what is trained on, what steers, and what is tested on.
import { isFolder } from '#platform/files'
import { type Dataset, ImageFolder, type PickedFile, type Sample, subset } from '../data/imageFolder.js'
import { describePatients, findPatients } from '../data/patients.js'
import { countLabels, splitByPatient, stratifiedSubset } from '../data/split.js'
import { parseAugment } from '../data/augmentText.js'
import * as transforms from '../data/transforms.js'
import { RadiogradError, SettingError, check } from '../util/check.js'
import { withDefaults } from '../util/options.js'
import type { ModelCard } from './card.js'
import type { DatasetSettings } from './settingTables.js'

/** A folder with train/, test/ and optionally val/: its path (Node), or the files picked in a page. */
export type DataSource = string | readonly PickedFile[]

/**
 * What every image goes through: squeezed into the square, or with `resizeSize` resized and its middle cut out.
 * @throws when `augment` names no augmentation, or a number is none.
 */
export function pipeline(
  { imageSize, mean, std, resizeSize }: Pick<ModelCard, 'imageSize' | 'mean' | 'std' | 'resizeSize'>,
  options: { augment?: string; mixup?: number; cutmix?: number } = {},
): transforms.Pipeline {
  const { augment, mixup, cutmix } = withDefaults('pipeline', options, { augment: 'none', mixup: 0, cutmix: 0 })
  const random = parseAugment(augment)
  return transforms.compose([
    ...(resizeSize === undefined
      ? [transforms.Resize([imageSize, imageSize])]
      : [transforms.Resize(resizeSize), transforms.CenterCrop(imageSize)]),
    transforms.ToTensor(),
    ...random.filter(({ changes }) => changes !== 'erase'),
    transforms.Normalize(mean, std),
    ...random.filter(({ changes }) => changes === 'erase'),
    transforms.MixUp(mixup),
    transforms.CutMix(cutmix),
  ])
}

/** The parts of a data set. */
export interface Splits {
  train: Dataset
  validation: Dataset | null
  test: Dataset
  classes: readonly string[]
  /** Where validation comes from, in words. */
  validationFrom: string
  /** What was left out of the folders, and what is known of the patients, a line each. */
  notes: readonly string[]
}

/** How a data set is read and split. */
export interface SplitOptions {
  /** Width and height that images get, in pixels. */
  imageSize: number
  /** Of each colour, on the scale 0 … 1. */
  mean: ModelCard['mean']
  /** Standard deviation of each colour. */
  std: ModelCard['std']
  /** The shorter side before the middle is cut out; without it the whole image is squeezed. */
  resizeSize?: number
  /** How training images vary, and what they are mixed by; see TRAIN_SETTINGS. */
  augment: string
  /** Alpha of mixup; 0 or left out: none. */
  mixup?: number
  /** Alpha of cutmix; 0 or left out: none. */
  cutmix?: number
  /** Share of train that is kept for validation, by patient; 0 takes val/. */
  valSplit: number
  /** Finds the patient in a path. */
  patientPattern?: string
  /** Use only so many training images. */
  limit?: number
  /** Of the split, the limit and augmentation. */
  seed: number
}

/** How messages call a part of a data set. */
export function partName(source: DataSource, part: string): string {
  return typeof source === 'string' ? `${source.replace(/(.)[/\\]+$/, '$1')}/${part}` : part
}

/** One of a data set's folders. */
export function openPart(source: DataSource, part: string, transform: transforms.Pipeline): ImageFolder {
  return typeof source === 'string'
    ? new ImageFolder(partName(source, part), { transform })
    : new ImageFolder(source, { transform, root: part })
}

function hasPart(source: DataSource, part: string): boolean {
  if (typeof source === 'string') return isFolder(partName(source, part))
  return source.some((file) => {
    const path = 'blob' in file ? file.path : file.webkitRelativePath.split('/').slice(1).join('/')
    return path.startsWith(`${part}/`)
  })
}

/**
 * `train`, `test` and, with `valSplit` 0, `val` where there is one. Otherwise validation is that share of train, no
 * patient on both sides. `limit` keeps so many training images, and of validation as many as make the same share.
 *
 * @throws RadiogradError naming the folder or the setting that does not work out.
 */
export function openSplits(source: DataSource, options: SplitOptions): Splits {
  const { valSplit, limit, seed } = options
  const { augment, mixup, cutmix } = options
  const still = pipeline(options)
  const all = openPart(source, 'train', pipeline(options, { augment, mixup, cutmix }))
  const { classes } = all
  const test = openPart(source, 'test', still)
  sameClasses(test, partName(source, 'test'), classes, partName(source, 'train'))

  let train: Dataset = all
  let validation: Dataset | null = null
  let validationFrom = 'none'
  const notes = [...all.notes, ...test.notes]
  if (valSplit > 0) {
    const patients = findPatients(all.samples, options.patientPattern)
    notes.push(describePatients(patients))
    const sides = blame('valSplit', valSplit, () => splitByPatient(all.samples, valSplit, seed, patients, classes))
    train = subset(all, sides.train)
    validation = subset(all, sides.validation, still)
    validationFrom = `${Math.round(valSplit * 100)} % of train, by patient`
  } else if (hasPart(source, 'val')) {
    const own = openPart(source, 'val', still)
    validation = own
    notes.push(...own.notes)
    validationFrom = partName(source, 'val')
    sameClasses(validation, validationFrom, classes, partName(source, 'train'))
  }
  if (limit !== undefined) {
    const most = (set: Dataset, count: number) =>
      subset(
        set,
        blame('limit', undefined, () => stratifiedSubset(set.samples, count, seed)),
      )
    train = most(train, limit)
    if (validation && valSplit > 0) {
      const share = Math.round((train.samples.length * valSplit) / (1 - valSplit))
      validation = most(validation, Math.max(share, classes.length))
    }
  }
  return { train, validation, test, classes, validationFrom, notes }
}

/**
 * The splits when every image can be read; with `skipUnreadable` what is left of them. Of those the marks, if asked
 * for: a text for each that is another where its file is another.
 *
 * @throws RadiogradError naming all images that cannot be read, wherever they are.
 */
export async function readableSplits(
  splits: Splits,
  { skipUnreadable, maxPixels, workers }: DatasetSettings,
  onWarning: (text: string) => void,
  marks?: Map<Sample, string>,
): Promise<Splits> {
  const { train, validation, test, classes } = splits
  const parts = validation ? [train, validation, test] : [train, test]
  const all = { ...train, samples: parts.flatMap((part) => part.samples) }
  const onMark = marks && ((index: number, mark: string) => void marks.set(all.samples[index], mark))
  const { checkDataset } = await import('../data/checkFiles.js')
  const left = new Set((await checkDataset(all, { skipUnreadable, maxPixels, workers, onWarning, onMark })).samples)
  if (left.size === all.samples.length) return splits
  const readable = (part: Dataset, name: string): Dataset => {
    const kept = subset(
      part,
      part.samples.flatMap((sample, i) => (left.has(sample) ? [i] : [])),
    )
    const empty = classCounts(kept).indexOf(0)
    check(empty < 0, () => `${name}: must have images of ${classes[empty]} that can be read, got none`)
    return kept
  }
  return {
    ...splits,
    train: readable(train, 'train'),
    validation: validation && readable(validation, 'validation'),
    test: readable(test, 'test'),
  }
}

/**
 * Throws unless a data set has these classes; `name` and `of` are what messages call it and their owner.
 * @throws when the classes differ.
 */
export function sameClasses(set: Dataset, name: string, classes: readonly string[], of: string): void {
  check(
    set.classes.join('\n') === classes.join('\n'),
    () => `${name}: classes must be those of ${of} [${classes.join(', ')}], got [${set.classes.join(', ')}]`,
  )
}

/** Images of each class, in the order of the classes. */
export function classCounts({ samples, classes }: Pick<Dataset, 'samples' | 'classes'>): number[] {
  return countLabels(
    samples.map((s) => s.label),
    classes.length,
  )
}

/** Whom a run's test images are of. Its pattern may be made for the names of train alone. */
export function patientsOf(
  { samples }: Dataset,
  { patientPattern }: Pick<SplitOptions, 'patientPattern'>,
): readonly string[] {
  try {
    return findPatients(samples, patientPattern).of
  } catch (error) {
    if (!(error instanceof RadiogradError)) throw error
    return findPatients(samples).of
  }
}

/** A file by its path below the data set's folder. */
export function within(path: string, source: DataSource): string {
  const root = typeof source === 'string' ? source : ''
  return (path.startsWith(root) ? path.slice(root.length) : path).replace(/^[/\\]+/, '').replaceAll('\\', '/')
}

/** Names the setting that `work` has something to complain about. */
function blame<T>(setting: string, given: number | undefined, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof RadiogradError ? new SettingError(setting, error.message, given) : error
  }
}
