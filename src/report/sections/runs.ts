// What was run: the summary at the top of a report, settings and adapter, learning curves, time.
import type { Chart } from '../figures.js'
import { type Html, markup, table } from '../html.js'
import { common, decisive, isBinary } from '../results.js'
import { type FinishedRun, type ReportInput, shownRuns } from '../run.js'
import type { BinaryConfusion } from '../../train/metrics.js'
import { duration, list, num, plural, withInterval } from '../words.js'
import { chartFigure } from './common.js'

/** What a model is called, and what it is where the name does not say so. */
const titleOf = ({ name, record: { settings } }: FinishedRun): Html =>
  markup`<b>${name}</b>${settings.model !== name && ` (${settings.model})`}`

/** `misses 3 of 28 images of PNEUMONIA … and raises 2 false alarms on 17 images of NORMAL` */
function binaryLine(run: FinishedRun): Html {
  const { mostProbable: m, record, atPoint } = run
  const [negative, positive] = record.classes
  const [{ fn, fp, tp, tn }, at] = [m, atPoint].map(({ confusion }) => confusion as BinaryConfusion)
  const { threshold } = atPoint.operatingPoint
  return markup`<li>${titleOf(run)} misses ${fn} of ${plural(fn + tp, 'image')} of ${positive} (sensitivity
${withInterval(m.measures.sensitivity)}) and raises ${plural(fp, 'false alarm')} on ${plural(fp + tn, 'image')} of
${negative} (specificity ${withInterval(m.measures.specificity)}). AUC ${withInterval(m.measures.auc)}.${
    threshold !== null &&
    ` At the threshold ${num(threshold)}, which validation images chose, it misses ${at.fn} and raises ` +
      `${plural(at.fp, 'false alarm')}.`
  }</li>`
}

/** What was found, before all detail. */
export function summary(input: ReportInput): Html {
  const shown = shownRuns(input.runs)
  const lines = shown.map((run) =>
    isBinary(run)
      ? binaryLine(run)
      : markup`<li>${titleOf(run)}: accuracy ${withInterval(run.mostProbable.measures.accuracy)},
AUC ${withInterval(run.mostProbable.measures.auc)} on ${plural(run.mostProbable.n, 'test image')}.</li>`,
  )
  return markup`<ul>${lines}</ul>
<p class="soft">In brackets: 95 % intervals over patients, by resampling or, of shares whose images are
independent, or all right or all wrong, by Wilson's score. In medicine a missed case weighs most: read sensitivity
first, then how many false alarms it costs.</p>`
}

/** `batchSize` as `batch size`. */
const words = (name: string): string =>
  name === 'lr' ? 'learning rate' : name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

function shown(name: string, value: unknown): string {
  if (name === 'trainable' && value === undefined) return 'all'
  if (value === undefined || value === null) return '–'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return Array.isArray(value) ? value.join(', ') : String(value)
}

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
      ...differing.map((name) => [words(name), ...all.map((settings) => shown(name, settings[name]))]),
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
  'Settings that all runs share; run.json has their names',
  ['Setting', 'Value'],
  Object.entries(same).map(([name, value]) => [words(name), shown(name, value)]),
)}</div>
<p>Adapter: ${list(adapters)}${adapter.isSoftware && ', a software adapter: the CPU did the GPU’s work'}. Versions:
${list(Object.entries(versions).map(([name, version]) => `${name} ${version}`))}.</p>`
}

export function learningSection(charts: readonly { name: string; charts: readonly Chart[] }[]): Html {
  return markup`${charts.map(
    ({ name, charts: own }) => markup`<h3>${name}</h3><div class="columns">${own.map(chartFigure)}</div>`,
  )}`
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
