// The parts of a report's page, in their order: each takes the runs and gives HTML.
import { auditFindings } from '../audit/findings.js'
import { brierScore, expectedCalibrationError } from '../stats/calibration.js'
import { CLAIM, type Item, TRIPOD } from './checklists.js'
import { type Fact, factsOf, methodsParagraph } from './facts.js'
import type { Chart } from './figures.js'
import { type Content, Html, markup, table } from './html.js'
import { NOTEBOOK, differences } from './notebook.js'
import {
  type Comparison,
  type Said,
  type Spread,
  common,
  decisive,
  gridOf,
  isBinary,
  positives,
  saidOf,
} from './results.js'
import { type FinishedRun, type ReportData, type ReportInput, sameTest, shownRuns } from './run.js'
import type { Figure } from '../train/evaluation.js'
import type { BinaryConfusion } from '../train/metrics.js'
import { count, duration, fileOf, list, num, pValue, plural, withInterval } from './words.js'

/** One part of the page. */
export interface Section {
  id: string
  heading: string
  body: Content
}

export const NO_DEVICE =
  'This is no medical device. The models are for research; nothing here was validated for clinical use, and no ' +
  'decision about a patient may rest on it.'

const SAPORTA =
  'Such maps are weaker than a radiologist: in Saporta et al. (Nature Machine Intelligence 2022) saliency methods ' +
  'located pathologies on chest radiographs significantly less well than radiologists did.'

const chartFigure = ({ svg, title, description }: Chart): Html =>
  markup`<figure>${new Html(svg)}<figcaption><b>${title}.</b> ${description}</figcaption></figure>`

const picture = (uri: string, alt: string): Html => markup`<img src="${uri}" alt="${alt}">`

/** What was found, before all detail. */
export function summary(input: ReportInput): Html {
  const lines = shownRuns(input.runs).map((run) => {
    const { mostProbable: m, record } = run
    if (!isBinary(run))
      return markup`<li><b>${run.name}</b> (${record.settings.model}): accuracy ${withInterval(m.measures.accuracy)},
AUC ${withInterval(m.measures.auc)} on ${plural(m.n, 'test image')}.</li>`
    const [negative, positive] = record.classes
    const [{ fn, fp, tp, tn }, at] = [m, run.atPoint].map(({ confusion }) => confusion as BinaryConfusion)
    const { threshold } = run.atPoint.operatingPoint
    return markup`<li><b>${run.name}</b> (${record.settings.model}) misses ${fn} of ${plural(fn + tp, 'image')} of
${positive} (sensitivity ${withInterval(m.measures.sensitivity)}) and raises ${plural(fp, 'false alarm')} on
${plural(fp + tn, 'image')} of ${negative} (specificity ${withInterval(m.measures.specificity)});
AUC ${withInterval(m.measures.auc)}.${
      threshold !== null &&
      ` Called from the probability ${num(threshold)} on that validation images chose, it misses ${at.fn} and ` +
        `raises ${at.fp}.`
    }</li>`
  })
  return markup`<ul>${lines}</ul>
<p class="soft">In brackets: 95 % intervals, patients resampled. In medicine a missed case weighs most: read sensitivity
first, then how many false alarms it costs.</p>`
}

/** The folders as a tree with counts. */
function treeOf({ name, audit }: ReportData): string {
  const rows: [string, number][] = [[name, audit.images]]
  audit.splits.forEach((split, s) => {
    const lastSplit = s === audit.splits.length - 1
    const deep = split.name !== ''
    if (deep) rows.push([`${lastSplit ? '└── ' : '├── '}${split.name}`, split.images])
    split.classes.forEach((of, c) => {
      const lead = deep ? (lastSplit ? '    ' : '│   ') : ''
      rows.push([`${lead}${c === split.classes.length - 1 ? '└── ' : '├── '}${of.name}`, of.images])
    })
  })
  const width = Math.max(...rows.map(([text]) => [...text].length)) + 2
  return rows.map(([text, n]) => `${text}${' '.repeat(width - [...text].length)}${count(n).padStart(7)}`).join('\n')
}

export function dataSection(data: readonly ReportData[], charts: readonly Chart[]): Html {
  const parts = data.map((one, i) => {
    const { audit, samples } = one
    const [left, right] = audit.classes
    const level = { error: 'Error', warning: 'Warning', note: 'Note' }
    const target = audit.classes[audit.classes.length - 1]
    const shortcuts = audit.shortcuts.filter((s) => s.class === target)
    const features = [...new Set(shortcuts.map((s) => s.feature))]
    const splits = audit.splits.map((split) => split.name)
    return markup`<h3>${one.name}</h3>
<div class="columns"><pre tabindex="0" role="region" aria-label="Folders and images of ${one.name}">${treeOf(one)}</pre>
${chartFigure(charts[i])}</div>
<h3>What the audit found</h3>
<ul>${auditFindings(audit).map(
      ({ level: l, text }) => markup`<li>${l === 'note' ? `${level[l]}: ` : markup`<b>${level[l]}:</b> `}${text}</li>`,
    )}</ul>
${
  shortcuts.length > 0 &&
  table(
    `How well ${target} is told from the rest without a look at the lung: AUC (95 % interval); 0.5 tells ` +
      'nothing, 0 (it has less) as much as 1 (it has more)',
    ['Feature', ...splits.map((name) => name || 'all')],
    features.map((feature) => [
      feature,
      ...splits.map((name) => {
        const found = shortcuts.find((s) => s.feature === feature && s.split === name)
        return found ? `${num(found.auc)} (${num(found.low)}–${num(found.high)})` : '–'
      }),
    ]),
  )
}
<h3>Samples of training images</h3>
<p class="soft">${samples.length === 2 ? `Left ${left}, right ${right}.` : `${list(audit.classes)}.`}</p>
<div class="sides">${samples.map(
      (side) =>
        markup`<div><h3>${side.class}</h3>${side.pictures.map(({ file, uri }) =>
          picture(uri, `Training image of ${side.class}: ${fileOf(file)}`),
        )}</div>`,
    )}</div>`
  })
  return markup`${parts}`
}

const shown = (value: unknown): string =>
  value === undefined || value === null ? '–' : Array.isArray(value) ? value.join(', ') : String(value)

export function settingsSection(runs: readonly FinishedRun[]): Html {
  const first = shownRuns(runs)
  const all = first.map(decisive)
  const same = common(all)
  const names = [...new Set(all.flatMap((settings) => Object.keys(settings)))]
  const differing = names.filter((name) => !(name in same))
  const { adapter, versions } = runs[0].record
  const adapters = [...new Set(runs.map(({ record: r }) => `${r.adapter.name} (${r.adapter.kind})`))]
  return markup`<div class="columns">${table(
    'Settings in which the runs differ, weights and parts trained',
    ['Setting', ...first.map((run) => run.name)],
    [
      ...differing.map((name) => [name, ...all.map((settings) => shown(settings[name]))]),
      [
        'weights loaded',
        ...first.map(({ record: { weights: w } }) => (w ? `${w.loaded} of ${w.tensors} tensors` : 'none')),
      ],
      [
        'weights fresh',
        ...first.map(({ record: { weights: w } }) => (w ? w.missing.length + w.reinitialised.length : 'all')),
      ],
      ['epoch kept', ...first.map(({ record: r }) => `${r.bestEpoch} of ${r.epochs}`)],
      [
        'ended',
        ...first.map(({ record: r }) => (r.stopped === 'early' ? 'early, by patience' : 'after its last epoch')),
      ],
    ],
  )}
${table(
  'Settings that all runs share',
  ['Setting', 'Value'],
  Object.entries(same).map(([name, value]) => [name, shown(value)]),
)}</div>
<p>Adapter: ${list(adapters)}${adapter.isSoftware && ', a software adapter: the CPU did the GPU’s work'}. Versions:
${list(Object.entries(versions).map(([name, version]) => `${name} ${version}`))}.</p>`
}

export function learningSection(charts: readonly { name: string; charts: readonly Chart[] }[]): Html {
  return markup`${charts.map(
    ({ name, charts: own }) => markup`<h3>${name}</h3><div class="columns">${own.map(chartFigure)}</div>`,
  )}`
}

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
      ...binary.map((run) => withInterval(run[which].measures[key] ?? NONE)),
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
Not as there: ${said.length ? said.join('; ') : 'nothing'}.</p>`
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
sensitivity was ${num(p.sensitivity)} and specificity ${num(p.specificity)}.</li>`,
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
        ...Object.entries(run.mostProbable.measures).map(([key, f]) => [key, withInterval(f)]),
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

const NONE: Figure = { estimate: null, low: null, high: null }

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

const verdict = ({ right, called, probability }: Said): Html =>
  markup`<span class="${right ? 'right' : 'wrong'}">${right ? '✓' : '✗'} ${called} ${num(probability, 2)}</span>`

export function gridSection({ runs, pictures }: ReportInput): Html {
  const first = shownRuns(runs)
  const groups = first.filter((run, i) => first.findIndex((other) => sameTest(run, other)) === i)
  return markup`<p class="soft">Test images drawn at random. Green with ✓ is right, red with ✗ is wrong; the number is
the probability of the class that was called.</p>
${groups.map((group) => {
  const models = first.filter((run) => sameTest(run, group))
  const said = models.map(saidOf)
  return markup`<ul class="pictures">${gridOf(group).map((i) => {
    const { file, actual } = said[0][i]
    const words = said.map((own, m) => `${models[m].name}: ${own[i].called} ${num(own[i].probability, 2)}`)
    return markup`<li><figure>${picture(pictures.get(file) ?? '', `${actual}; ${words.join('; ')}`)}<figcaption>actual
${actual}${said.map((own, m) => markup`<br>${models[m].name}: ${verdict(own[i])}`)}</figcaption></figure></li>`
  })}</ul>`
})}`
}

export function mistakesSection(runs: readonly FinishedRun[]): Html {
  const parts = shownRuns(runs).map((run) => {
    const said = saidOf(run)
    const { classes } = run.record
    const kinds = classes.map((name) => run.explained.filter(({ index }) => said[index].actual === name))
    return markup`<h3>${run.name}</h3>
<div class="cases">${kinds.map((own, c) =>
      own.length === 0
        ? markup`<p>No test image of ${classes[c]} was called anything else.</p>`
        : own.map(({ index, method, picture: original, heatMap, randomised, borderShare, borderArea, correlation }) => {
            const { file, actual, called, probability } = said[index]
            const map = (name: string) => `${name} of ${method} for ${called} over ${fileOf(file)}`
            return markup`<div class="maps"><p><span class="wrong">✗ ${actual} called
${called}, ${num(probability)}</span>
<span class="soft">${fileOf(file)}</span></p>
<figure>${picture(original, `Radiograph of ${actual}, ${fileOf(file)}`)}<figcaption>as the model sees
it</figcaption></figure>
<figure>${picture(heatMap, map('Heat map'))}<figcaption>${method}: ${
              Number.isNaN(borderShare)
                ? 'nothing speaks for the class'
                : `${num(100 * borderShare, 0)} % of the map on the border, ` +
                  `which is ${num(100 * borderArea, 0)} % of the area`
            }</figcaption></figure>
<figure>${picture(randomised, map('With randomised weights, the heat map'))}<figcaption>randomised weights:
rank correlation ${num(correlation, 2)}</figcaption></figure></div>`
          }),
    )}</div>`
  })
  return markup`<p>The mistakes that each model was surest of, of both kinds. A map shows where the model found what
speaks for the class that it called. Much of a map on the border hints at a shortcut; a map that stays alike when the
weights are randomised (a correlation near 1) explains nothing of what was learned. ${SAPORTA}</p>
${parts}`
}

export function timesSection(runs: readonly FinishedRun[]): Html {
  return table(
    'Time, on the adapter above; what else the machine did is part of it',
    ['Run', 'Epochs', 'Time per epoch', 'Training images per second', 'Whole run'],
    runs.map(({ name, record, history }) => [
      runs.filter((run) => run.name === name).length > 1 ? `${name}, seed ${record.settings.seed}` : name,
      record.epochs,
      record.secondsPerEpoch === null ? '–' : duration(record.secondsPerEpoch),
      num(history.reduce((sum, row) => sum + row.imagesPerSecond, 0) / history.length, 1),
      duration(record.seconds),
    ]),
  )
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

function checklist(title: string, items: readonly Item[], facts: Readonly<Record<Fact, string | undefined>>): Html {
  return table(
    title,
    ['Item', 'Asked', 'Answer of this run'],
    items.map(([number, asked, fact]) => [
      number,
      asked,
      (fact && facts[fact]) || markup`<span class="soft">not stated</span>`,
    ]),
    { prose: true },
  )
}

export function reportingSection(input: ReportInput): Html {
  const facts = factsOf(input)
  return markup`<h3>Methods</h3><p>${methodsParagraph(input)}</p>
<h3>Guidelines</h3>
<p class="soft">What the run itself can answer. The wording of the items is shortened.</p>
${checklist('CLAIM, 2024 update (Tejani et al., Radiology: Artificial Intelligence 2024)', CLAIM, facts)}
${checklist('TRIPOD+AI (Collins et al., BMJ 2024)', TRIPOD, facts)}
<p class="notice">${NO_DEVICE}</p>`
}
