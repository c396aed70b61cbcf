// What went wrong, in plain words and with what to do about it; and the words that need an explanation.
import type { TrainSettings } from '../src/app/settingTables.js'
import { withNames } from '../src/app/settings.js'

/** What fields of settings are called. */
export const LABELS = {
  model: 'Model',
  epochs: 'Epochs',
  batchSize: 'Batch size',
  lr: 'Learning rate',
  imageSize: 'Image size',
  augment: 'Variation of the images',
  optimizer: 'Optimizer',
  schedule: 'Course of the learning rate',
  weightDecay: 'Weight decay',
  precision: 'Precision',
  valSplit: 'Share for validation',
  patience: 'Patience',
  sensitivity: 'Sensitivity to reach',
  balance: 'Rare classes',
  mixup: 'Mixed images',
  labelSmoothing: 'Smoothing of labels',
  gradAccumulation: 'Parts of a batch',
  checkpointActivations: 'Compute activations twice',
  freezeBatchNorm: 'Keep frozen statistics',
  limit: 'Use only so many images',
  patientPattern: 'Pattern of the patient',
  seed: 'Seed',
} as const satisfies { readonly [name in keyof TrainSettings]?: string }

/** A text of the library with the settings that it names called as the fields are, or as what they are here. */
export const inLabels = (text: string): string =>
  withNames(text, (name) => {
    if (name === 'maxPixels') return 'the limit of this page'
    return Object.hasOwn(LABELS, name) ? `“${LABELS[name as keyof typeof LABELS]}”` : undefined
  })

/** An error's message for somebody who has never seen the program. */
export function inWords(error: unknown): string {
  const message = inLabels(error instanceof Error ? error.message : String(error))
  const known = KNOWN.find(([pattern]) => pattern.test(message))
  return known ? `${known[1]} (${message})` : message
}

const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/no adapter|navigator\.gpu/i, 'This browser does not let the page use the graphics processor.'],
  [
    /quota|cannot be written/i,
    'The browser has no space left for this page. What was saved before is still there: free some disk space, or ' +
      'remove kept weights, then go on.',
  ],
  [
    /images that the run began with/,
    'These are not the images that the interrupted training began with. Choose the same folder again.',
  ],
  [
    /does not fit the model/,
    'These weights are of another model. Choose the model that they belong to, or other weights.',
  ],
  [/one run at a time/, 'Another tab of this browser trains here at the moment.'],
]

/** Whether fewer images at a time could help. */
export const isTooLarge = (error: unknown): boolean =>
  /lower the batch size|out of memory|binds at most|hold at most|must fit this adapter/i.test((error as Error).message)

export const isLost = (error: unknown): boolean =>
  /device lost|device is lost|worker: must run to answer/i.test((error as Error).message)

/** How to get WebGPU in the browser at hand. */
export function howToGetWebGpu(agent: string): string {
  if (/Firefox/.test(agent))
    return (
      'In Firefox: WebGPU is on by default on Windows and Apple computers. On Linux open about:config, set ' +
      'dom.webgpu.enabled to true and start Firefox again, or use Chromium.'
    )
  if (/Edg|Chrom/.test(agent))
    return (
      'In this browser: open chrome://settings/system and turn on “Use graphics acceleration”. On Linux open ' +
      'chrome://flags/#enable-unsafe-webgpu and turn it on. Then start the browser again.'
    )
  if (/Safari/.test(agent))
    return 'In Safari: WebGPU comes with version 26. Update macOS or iOS, or use Chrome or Edge.'
  return 'Use a recent Chrome, Edge, Firefox or Safari (26 or newer).'
}

export const TERMS = {
  model:
    'The kind of network. resnet18 is a good first choice: small and quick. Larger ones need more images, memory and ' +
    'time. vit and deit are Vision Transformers, all others convolutional networks.',
  epoch: 'One pass over all training images. Training makes several.',
  'batch size': 'How many images are looked at before the model is corrected once. Fewer need less memory.',
  'learning rate':
    'How strongly the model is corrected each time. Too high and it forgets, too low and nothing happens.',
  weights: 'The numbers inside a model. Those learned on millions of photographs are a much better start than chance.',
  validation: 'Images kept aside from training. They tell after each epoch whether the model gets better.',
  test: 'Images that are shown to the model once, at the very end, to measure what it is worth.',
  loss: 'How wrong the model is, and how sure of it: 0 would be perfect.',
  accuracy: 'The share of images that are called rightly.',
  head: 'The last layer, which tells your classes apart. Training it alone is quick and needs the least memory.',
  threshold:
    'From this probability on the second class is called. Lower finds more cases and raises more false alarms.',
  sensitivity: 'Of the images that have the second class, the share that is found.',
  specificity: 'Of the images that do not have the second class, the share that is left alone.',
  ppv: 'Of the images called the second class, the share that has it. Depends on how common it is among your images.',
  npv: 'Of the images not called the second class, the share that does not have it.',
  f1: 'One number between precision and sensitivity: 1 is perfect, 0 is useless.',
  auc: 'How well the probabilities sort the two classes: 1 is perfect, 0.5 is a coin. No threshold is needed.',
  averagePrecision: 'The mean precision over all thresholds; useful where the second class is rare.',
  likelihoodRatioPositive: 'How much a call of the second class raises the odds that it is there.',
  likelihoodRatioNegative: 'How much the other call lowers the odds.',
  brier: 'The mean squared error of the probabilities: 0 is perfect.',
  ece: 'How far the probabilities are from the truth on average: 0 means that 0.8 is right in 8 of 10 cases.',
  balancedAccuracy: 'The mean of sensitivity and specificity.',
  youden: 'Sensitivity plus specificity minus 1.',
  precision: 'Of the images called the class, the share that has it.',
  recall: 'Of the images that have the class, the share that is found: sensitivity.',
  interval:
    'Where the figure would lie in 95 of 100 repetitions with other patients of the same kind. A dash stands where that ' +
    'cannot be computed, as where no mistake tells how likely one is. Of few patients it may be too narrow.',
  'ROC curve': 'Sensitivity against false alarms at every threshold. The nearer to the upper left corner, the better.',
  'confusion matrix': 'How often each actual class (rows) was called each class (columns).',
  'heat map':
    'Where in the image the model found what decided: yellow counted most, violet a little, what stayed gray not at ' +
    'all. It shows where the model looked, not whether it was right.',
  checkpoint: 'The trained model as a file. It can be used again here, or with PyTorch and the command line.',
  patient: 'Images of one patient must not be in training and test at once, or the result looks better than it is.',
} as const

export type TermName = keyof typeof TERMS

/** Names of measures, as people write them. */
export const MEASURES: Record<string, string> = {
  accuracy: 'Accuracy',
  sensitivity: 'Sensitivity',
  specificity: 'Specificity',
  ppv: 'Positive predictive value',
  npv: 'Negative predictive value',
  f1: 'F1',
  auc: 'Area under the ROC curve',
  averagePrecision: 'Average precision',
  balancedAccuracy: 'Balanced accuracy',
  youden: 'Youden’s index',
  likelihoodRatioPositive: 'Positive likelihood ratio',
  likelihoodRatioNegative: 'Negative likelihood ratio',
  brier: 'Brier score',
  ece: 'Calibration error',
  precision: 'Precision',
  recall: 'Sensitivity (recall)',
}

/** `1 image`, `12 images`. */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`

export const percent = (share: number): string => `${(100 * share).toFixed(1)}\u00a0%`

/**
 * The probability of what was called; with two classes always the second's, which the threshold is about: an image that
 * is called the first one at 30 % would look like a mistake.
 */
export function probabilityIn(classes: readonly string[], called: string, probability: number): string {
  const first = classes.length === 2 && called === classes[0]
  return `${first ? classes[1] : called} ${percent(first ? 1 - probability : probability)}`
}

/** `45 s`, `12 min`, `3 h 20 min`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MB`
