// Which charts a report has: each with a name, for its file, and a text that says what it shows.
import { averagePrecision, precisionRecallCurve, rocAuc, rocCurve } from '../stats/curves.js'
import { reliabilityBins } from '../stats/calibration.js'
import type { Evaluation } from '../train/evaluation.js'
import type * as Charts from './charts.js'
import { isBinary, positives } from './results.js'
import { type FinishedRun, type ReportData, shownRuns } from './run.js'
import { count, list, num } from './words.js'

/** A chart in the page, and its file `<name>.svg`. */
export interface Chart {
  name: string
  title: string
  description: string
  svg: string
}

type Draw = typeof Charts

const drawn = <T extends Charts.Described>(name: string, draw: (chart: T) => string, chart: T): Chart => ({
  name,
  title: chart.title,
  description: chart.description,
  svg: draw(chart),
})
type Point = readonly [number, number]

/** Images of each class in each split. */
export function balanceChart(draw: Draw, { name, audit }: ReportData): Chart {
  const bars = audit.splits.flatMap((split) =>
    split.classes.map(({ name: of, images }) => ({
      group: split.name || 'all',
      name: of,
      value: images,
      colour: audit.classes.indexOf(of),
    })),
  )
  const description = `${list(bars.map((bar) => `${bar.group} ${bar.name}: ${count(bar.value)}`))}.`
  const title = `Images of each class in ${name}`
  return drawn(`classes-${name}`, draw.barChart, { title, description, bars, label: 'images' })
}

/** Loss, and accuracy with AUC, by epoch. */
export function learningCharts(draw: Draw, run: FinishedRun, title: string, name: string): Chart[] {
  const { history } = run
  const last = history[history.length - 1]
  const line = (of: string, key: keyof (typeof history)[0], colour: number, dashed = false) => ({
    name: of,
    points: history.flatMap((row): Point[] => (Number.isFinite(row[key]) ? [[row.epoch, row[key]]] : [])),
    colour,
    dashed,
    dots: true,
  })
  const given = (lines: ReturnType<typeof line>[]) => lines.filter(({ points }) => points.length)
  const x = { label: 'epoch', whole: true }
  const say = (of: string, value: number) => (Number.isFinite(value) ? [`${of} ${num(value)}`] : [])
  const loss = `After epoch ${last.epoch}: ${list([
    ...say('training loss', last.trainLoss),
    ...say('validation loss', last.valLoss),
  ])}.`
  const share = `After epoch ${last.epoch}: ${list([
    ...say('training accuracy', last.trainAccuracy),
    ...say('validation accuracy', last.valAccuracy),
    ...say('validation AUC', last.valAuc),
  ])}.`
  return [
    drawn(`loss-${name}`, draw.lineChart, {
      title: `${title}: loss by epoch`,
      description: loss,
      lines: given([line('training', 'trainLoss', 0), line('validation', 'valLoss', 1, true)]),
      x,
      y: { label: 'class-weighted cross-entropy' },
    }),
    drawn(`accuracy-${name}`, draw.lineChart, {
      title: `${title}: accuracy and AUC by epoch`,
      description: share,
      lines: given([
        line('training accuracy', 'trainAccuracy', 0),
        line('validation accuracy', 'valAccuracy', 1, true),
        line('validation AUC', 'valAuc', 2, true),
      ]),
      x,
      y: { label: 'share of images, AUC' },
    }),
  ]
}

/** [actual][called] */
export function matrixOf({ confusion }: Pick<Evaluation, 'confusion'>): number[][] {
  if (Array.isArray(confusion)) return confusion
  const { tn, fp, fn, tp } = confusion
  return [
    [tn, fp],
    [fn, tp],
  ]
}

export function matrixChart(
  draw: Draw,
  title: string,
  name: string,
  classes: readonly string[],
  of: Evaluation,
): Chart {
  const counts = matrixOf(of)
  const description = `${list(
    counts.flatMap((row, a) => row.map((n, c) => `${n} ${classes[a]} called ${classes[c]}`)),
  )}.`
  return drawn(`confusion-${name}`, draw.matrixChart, { title, description, classes, counts })
}

/** Runs of two classes with both kinds of test image, which alone have curves. */
const curved = (runs: readonly FinishedRun[]): FinishedRun[] =>
  shownRuns(runs).filter((run) => {
    if (!isBinary(run)) return false
    const { positive } = positives(run)
    return positive.includes(true) && positive.includes(false)
  })

/** ROC, precision-recall and reliability of all shown runs with two classes; none where there is no such run. */
export function curveCharts(
  draw: Draw,
  runs: readonly FinishedRun[],
): { roc: Chart; pr: Chart; reliability: Chart } | null {
  const all = curved(runs).map((run) => {
    const { temperature, threshold } = run.atPoint.operatingPoint
    const raw = positives(run)
    const scaled = positives(run, temperature)
    return { run, ...raw, scaled, threshold, measures: run.atPoint.measures }
  })
  if (!all.length) return null
  const at = (x: number | null | undefined, y: number | null | undefined, threshold: number | null): Point | null =>
    threshold === null || typeof x !== 'number' || typeof y !== 'number' ? null : [x, y]
  const ring = (threshold: number | null) => (threshold === null ? '' : `, ○ ${num(threshold)}`)
  const square: [number, number] = [0, 1]
  const roc = all.map(({ run, scores, positive, threshold, measures }, colour) => {
    const curve = rocCurve(scores, positive)
    const { sensitivity, specificity } = measures
    return {
      name: `${run.name}, AUC ${num(rocAuc(scores, positive))}${ring(threshold)}`,
      colour,
      points: curve.falsePositiveRate.map((x, i): Point => [x, curve.truePositiveRate[i]]),
      mark: at(specificity?.estimate === null ? null : 1 - specificity.estimate, sensitivity?.estimate, threshold),
    }
  })
  const pr = all.map(({ run, scores, positive, threshold, measures }, colour) => {
    const curve = precisionRecallCurve(scores, positive)
    return {
      name: `${run.name}, AP ${num(averagePrecision(scores, positive))}${ring(threshold)}`,
      colour,
      points: curve.recall.map((x, i): Point => [x, curve.precision[i]]),
      mark: at(measures.sensitivity?.estimate, measures.ppv?.estimate, threshold),
    }
  })
  const reliable = all.flatMap(({ run, scores, positive, scaled }, colour) =>
    [
      { name: run.name, of: scores, dashed: false },
      {
        name: `${run.name}, temperature ${num(run.atPoint.operatingPoint.temperature, 2)}`,
        of: scaled.scores,
        dashed: true,
      },
    ].map(({ name, of, dashed }) => ({
      name,
      colour,
      dashed,
      dots: true,
      points: reliabilityBins(of, positive).map((bin): Point => [bin.meanProbability, bin.fractionPositive]),
    })),
  )
  const [positiveClass] = all.map(({ run }) => run.record.classes[1])
  const points = (lines: readonly { name: string; mark: Point | null }[], x: string, y: string) =>
    lines
      .map(({ name, mark }) => (mark ? `${name} (${x} ${num(mark[0])}, ${y} ${num(mark[1])})` : name))
      .map((text) => `${text}.`)
      .join(' ')
  const [rocText, prText] = [points(roc, '1 − specificity', 'sensitivity'), points(pr, 'sensitivity', 'PPV')]
  const reliabilityText =
    `Share of ${positiveClass} among images by the probability that was given, in tenths; on the diagonal a ` +
    'probability means what it says.'
  return {
    roc: drawn('roc', draw.lineChart, {
      title: 'ROC curves on the test images',
      description: rocText,
      lines: roc,
      x: { label: '1 − specificity', domain: square },
      y: { label: 'sensitivity', domain: square },
      reference: [
        [0, 0],
        [1, 1],
      ],
    }),
    pr: drawn('precision-recall', draw.lineChart, {
      title: 'Precision-recall curves on the test images',
      description: prText,
      lines: pr,
      x: { label: 'sensitivity (recall)', domain: square },
      y: { label: 'PPV (precision)', domain: square },
    }),
    reliability: drawn('reliability', draw.lineChart, {
      title: 'Reliability on the test images',
      description: reliabilityText,
      lines: reliable,
      x: { label: 'mean probability', domain: square },
      y: { label: `share that is ${positiveClass}`, domain: square },
      reference: [
        [0, 0],
        [1, 1],
      ],
    }),
  }
}
