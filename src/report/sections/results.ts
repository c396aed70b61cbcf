// How well the models do: measures beside the notebook's, models against each other, confusion matrices, curves,
// calibration.
import { brierScore, expectedCalibrationError } from '../../stats/calibration.js'
import type { Figure } from '../../train/evaluation.js'
import type { Chart } from '../figures.js'
import { type Html, markup, table } from '../html.js'
import { NOTEBOOK, differences } from '../notebook.js'
import { type Comparison, type Spread, isBinary, positives } from '../results.js'
import { type FinishedRun, type ReportInput, shownRuns } from '../run.js'
import { num, pValue, plural, withInterval } from '../words.js'
import { chartFigure } from './common.js'

/** Rows of a comparison of two classes: our key, its name, the notebook's word for it. */
const MEASURES: readonly (readonly [key: string, name: string])[] = [
  ['accuracy', 'Accuracy'],
  ['sensitivity', 'Sensitivity (recall)'],
  ['specificity', 'Specificity'],
  ['ppv', 'PPV (precision)'],
  ['npv', 'NPV'],
  ['f1', 'F1'],
  ['likelihoodRatioPositive', 'Likelihood ratio +'],
  ['likelihoodRatioNegative', 'Likelihood ratio −'],
  ['auc', 'AUC'],
  ['averagePrecision', 'Average precision'],
  ['brier', 'Brier score'],
  ['ece', 'Calibration error (ECE)'],
]
const COUNTS = ['tn', 'fp', 'fn', 'tp'] as const

export function comparisonSection(input: ReportInput, spreads: readonly Spread[]): Html {
  const runs = shownRuns(input.runs)
  const binary = runs.filter(isBinary)
  const several = runs.filter((run) => !isBinary(run))
  const beside = input.notebook ? ([NOTEBOOK.resnet18, NOTEBOOK.vit] as const) : []
  const counted = (confusion: unknown, key: (typeof COUNTS)[number]) => (confusion as Record<string, number>)[key]
  const head = (at: string) => [
    'Measure',
    ...binary.map((run) => `${run.name}${at}`),
    ...beside.map((n) => `notebook: ${n.model}`),
  ]
  const rows = (which: 'mostProbable' | 'atPoint', notebook: boolean) => [
    ['Test images', ...binary.map((run) => run[which].n), ...(notebook ? beside.map((n) => n.n) : [])],
    ...COUNTS.map((key) => [
      key.toUpperCase(),
      ...binary.map((run) => counted(run[which].confusion, key)),
      ...(notebook ? beside.map((n) => n.confusion[key]) : []),
    ]),
    ...MEASURES.map(([key, name]) => [
      name,
      ...binary.map((run) => cell(run[which].measures[key] ?? NONE)),
      ...(notebook ? beside.map((n) => num((n.measures as unknown as Record<string, number>)[key])) : []),
    ]),
  ]
  const point = binary.filter((run) => run.atPoint.operatingPoint.threshold !== null)
  return markup`${
    binary.length > 0 &&
    markup`${table(
      `The most probable class called${input.notebook ? ', as the notebook does' : ''}; positive is ` +
        `${binary[0].record.classes[1]}; 95 % intervals in brackets`,
      head(''),
      rows('mostProbable', true),
    )}
<p class="soft">PPV and NPV hold for the share of ${binary[0].record.classes[1]} among these test images, not for a
clinic with another. A likelihood ratio of 10 multiplies the odds by ten.</p>`
  }
${
  input.notebook &&
  markup`<h3>What differs from the notebook</h3>
${binary.map((run) => {
  const own = NOTEBOOK[run.name === 'vit' ? 'vit' : 'resnet18']
  const { measures } = run.mostProbable
  const said = differences(run.record, run.name === 'vit' ? 'vit' : 'resnet18')
  const beside = (key: 'accuracy' | 'ppv' | 'sensitivity' | 'specificity') =>
    `${num(measures[key]?.estimate)} (there ${num(own.measures[key])})`
  return markup`<p><b>${run.name}</b>: accuracy ${beside('accuracy')}, precision ${beside('ppv')}, recall
${beside('sensitivity')}, specificity ${beside('specificity')}.
${said.length ? `Set up differently: ${said.join('; ')}` : 'Nothing was set up differently'}.</p>`
})}
<p>The notebook observes very high recall and low precision, that is few missed cases and many false alarms.
${binary.map(({ name, mostProbable: { measures: m } }) => {
  const [recall, precision] = [m.sensitivity?.estimate ?? null, m.ppv?.estimate ?? null]
  const same = recall !== null && precision !== null && recall >= 0.95 && precision < 0.9
  return `${name} ${same ? 'shows the same' : `shows recall ${num(recall)} and precision ${num(precision)}`}. `
})}</p>`
}
${
  point.length > 0 &&
  markup`<h3>At the threshold chosen on validation images</h3>
<ul>${point.map(
    ({ name, atPoint: { operatingPoint: p } }) => markup`<li>${name}: positive from probability ${num(p.threshold)} on
(temperature ${num(p.temperature, 2)}), chosen by ${p.rule} on ${plural(p.images, 'validation image')}, where
sensitivity was ${num(p.sensitivity)} and specificity ${num(p.specificity)}.${
      p.images < FEW && ' So few images leave the threshold itself uncertain.'
    }</li>`,
  )}</ul>
${table(
  'At each model’s chosen threshold, probabilities at its temperature; 95 % intervals in brackets',
  ['Measure', ...binary.map((run) => run.name)],
  rows('atPoint', false),
)}`
}
${several.map(
  (run) =>
    markup`${table(
      `${run.name}: means over ${run.record.classes.length} classes; 95 % intervals in brackets`,
      ['Measure', run.name],
      [
        ['Test images', run.mostProbable.n],
        ...Object.entries(run.mostProbable.measures).map(([key, f]) => [key, cell(f)]),
      ],
    )}`,
)}
${spreads.map(({ name, seeds, measures }) =>
  table(
    `${name} with seeds ${seeds.join(', ')}: mean ± standard deviation, the most probable class called`,
    ['Measure', 'Mean ± SD', ...seeds.map((seed) => `seed ${seed}`)],
    Object.entries(measures).map(([key, { mean, sd, values }]) => [
      key,
      `${num(mean)} ± ${num(sd)}`,
      ...values.map((value) => num(value)),
    ]),
  ),
)}`
}

/** Of validation images, by which a threshold may as well be chance. */
const FEW = 200

const NONE: Figure = { estimate: null, low: null, high: null }

/** A figure whose interval goes to a line of its own where the table is narrow. */
function cell(figure: Figure): Html {
  const [estimate, interval] = withInterval(figure).split(' ')
  return markup`${estimate}${interval && markup` <span class="interval">${interval}</span>`}`
}

export function testsSection(comparisons: readonly Comparison[]): Html {
  if (!comparisons.length) return markup`<p>There are no two models of two classes with the same test images.</p>`
  return markup`${comparisons.map(({ models: [a, b], delong, paired }) => {
    const difference = (key: string) => paired[key]
    return table(
      `${a} minus ${b} on the same test images; 95 % intervals in brackets`,
      ['Measure', 'Difference', 'p', 'Test'],
      [
        ['AUC', `${num(delong.difference)} (${num(delong.low)} to ${num(delong.high)})`, pValue(delong.p), 'DeLong'],
        ...['auc', 'accuracy', 'sensitivity', 'specificity'].map((key) => [
          key === 'auc' ? 'AUC' : key[0].toUpperCase() + key.slice(1),
          `${num(difference(key).estimate)} (${num(difference(key).low)} to ${num(difference(key).high)})`,
          Number.isNaN(difference(key).p) ? '–' : pValue(difference(key).p),
          'bootstrap of pairs, by patient',
        ]),
      ],
    )
  })}
<p class="soft">DeLong's test takes images as independent; where patients have several, trust the bootstrap. Several
tests are made here and none is corrected for that.</p>`
}

export function confusionSection(charts: readonly Chart[]): Html {
  return markup`<div class="columns">${charts.map(chartFigure)}</div>`
}

export function curvesSection(curves: { roc: Chart; pr: Chart } | null): Html {
  if (!curves) return markup`<p>No run has two classes with test images of both: there is no curve to draw.</p>`
  return markup`<div class="columns">${chartFigure(curves.roc)}${chartFigure(curves.pr)}</div>
<p class="soft">The rings mark the thresholds chosen on validation images. AUC and AP do not depend on a threshold.</p>`
}

export function calibrationSection(runs: readonly FinishedRun[], chart: Chart | null): Html {
  const binary = shownRuns(runs).filter(isBinary)
  const rows = binary.map((run) => {
    const { temperature } = run.atPoint.operatingPoint
    const [before, after] = [positives(run), positives(run, temperature)]
    const both = (of: typeof before) => [
      num(expectedCalibrationError(of.scores, of.positive)),
      num(brierScore(of.scores, of.positive)),
    ]
    return [run.name, num(temperature, 3), ...both(before), ...both(after)]
  })
  return markup`<div class="columns">${chart && chartFigure(chart)}<div>${
    rows.length > 0 &&
    table(
      'Calibration on the test images, before and after scaling by the temperature fitted on validation images',
      ['Model', 'Temperature', 'ECE before', 'Brier before', 'ECE after', 'Brier after'],
      rows,
    )
  }
<p class="soft">ECE: mean distance between probability and truth over ten bins, 0 is perfect. Brier score: mean squared
error of the probability, 0 is perfect, 0.25 is what 0.5 always gives. A temperature above 1 says that the model was too
sure.</p>
</div></div>`
}
