// The model card in words (Mitchell et al. 2019): what lies beside a checkpoint for whoever finds it later. Says what
// the run knows, and that the rest is not stated.
import type { Evaluation } from '../train/evaluation.js'
import { digits, intervalText } from '../train/figure.js'
import type { RunRecord } from './record.js'

/** A cell of a table: a bar would end it. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/[\r\n]+/g, ' ')
const row = (...cells: (string | number)[]): string => `| ${cells.map((c) => cell(String(c))).join(' | ')} |`

const NAMES: Record<string, string> = {
  auc: 'area under the ROC curve',
  averagePrecision: 'average precision',
  ppv: 'positive predictive value (precision)',
  npv: 'negative predictive value',
  sensitivity: 'sensitivity (recall)',
  f1: 'F1',
  likelihoodRatioPositive: 'positive likelihood ratio',
  likelihoodRatioNegative: 'negative likelihood ratio',
  brier: 'Brier score',
  ece: 'expected calibration error',
}

/** `MODEL_CARD.md` of a finished run. Holds no times: the same run writes the same text. */
export function modelCardText(record: RunRecord, metrics: Evaluation): string {
  const { settings, classes, images, weights, adapter, versions } = record
  const { operatingPoint: point, measures, n, patients } = metrics
  const counts = (of: Record<string, number> | null) =>
    of ? classes.map((name) => of[name] ?? 0) : classes.map(() => '–')
  const from = weights
    ? `weights of \`${weights.file}\` (${weights.loaded} of ${weights.tensors} tensors)`
    : 'random weights'
  const decision =
    point.threshold === null
      ? 'The most probable class is called.'
      : `${classes[1]} is called from a probability of ${digits(point.threshold)} on, chosen by ${point.rule} on ` +
        `${point.images} validation images (sensitivity ${digits(point.sensitivity)}, specificity ` +
        `${digits(point.specificity)} there).`
  const told = [
    'model',
    'imageSize',
    'trainable',
    'epochs',
    'batchSize',
    'optimizer',
    'lr',
    'schedule',
    'warmup',
    'layerDecay',
    'weightDecay',
    'normDecay',
    'clipGrad',
    'ema',
    'balance',
    'labelSmoothing',
    'mixup',
    'cutmix',
    'augment',
    'precision',
    'valSplit',
    'limit',
    'patience',
    'seed',
  ].flatMap((name) => {
    const value = (settings as Record<string, unknown>)[name]
    return value === undefined ? [] : [row(name, Array.isArray(value) ? value.join(', ') : String(value))]
  })
  return `# Model card

**This is no medical device.** It was trained for research and validated by nobody for clinical use. It must not decide
about a patient.

## What it is

\`best.safetensors\`: ${settings.model} for images of ${settings.imageSize} × ${settings.imageSize} pixels, which tells
${classes.join(' from ')}. Fine-tuned from ${from} by radiograd ${versions.radiograd ?? ''}; the weights are those of
epoch ${record.bestEpoch} of ${record.epochs}. ${decision} Logits are divided
by a temperature of ${digits(point.temperature)}.

## Data

${row('images', ...classes)}
${row('---', ...classes.map(() => '---'))}
${row('training', ...counts(images.train))}
${row(`validation (${record.validationFrom})`, ...counts(images.validation))}
${row('test', ...counts(images.test))}

Who the patients are, where and when the images were taken, and how they were labelled is not stated. \`radiograd data\`
looks for copies, patients on both sides of a split and shortcuts.

## Results

On ${n} test images of ${patients} patients (as file names tell), with 95 % intervals over patients, by bootstrap or, of
a share whose images are independent or all right or all wrong, by Wilson's score:

${row('measure', 'value', '95 % interval')}
${row('---', '---', '---')}
${Object.entries(measures)
  .map(([name, figure]) => row(NAMES[name] ?? name, digits(figure.estimate), intervalText(figure)))
  .join('\n')}

Predictive values hold for the share of each class among these test images, not for a clinic with another.

## Settings

${row('setting', 'value')}
${row('---', '---')}
${told.join('\n')}

Computed on ${adapter.name} (${adapter.kind}). \`run.json\` has every setting.

## Limits

- Measured on images of the same origin as those it learned from: how it does elsewhere is not known.
- A set this size leaves the intervals above; differences within them mean nothing.
- It may have learned a shortcut (a marker, a border, a file's compression) in place of the disease.
- It calls one of ${classes.length} classes for any image whatever, also for one that is no radiograph.
`
}
