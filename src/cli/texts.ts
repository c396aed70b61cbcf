// Events and results of the application as text for people.
import type { AdapterEvent, DataEvent, ModelEvent, ProgressEvent, ResumedEvent } from '../app/events.js'
import type { Evaluation } from '../train/evaluation.js'
import type { OperatingPoint } from '../train/operatingPoint.js'
import type { RunRecord, WeightsReport } from '../app/record.js'
import type { RoundResult } from '../app/round.js'
import type { TrainSettings } from '../app/settingTables.js'
import type { MemoryReport } from '../engine/index.js'
import { digits, intervalText } from '../train/figure.js'
import type { HistoryRow } from '../train/history.js'
import type { Step } from './report.js'

/** The adapter in one line; a software one is said loudly. */
export function adapterText({ name, adapterKind, isSoftware }: Omit<AdapterEvent, 'kind'>): string {
  if (!isSoftware) return name
  return `${name}, a SOFTWARE ADAPTER (${adapterKind}): the CPU does the GPU's work, expect it to be slow`
}

/** `1207 NORMAL, 3493 PNEUMONIA` */
export function countsText(counts: readonly number[], classes: readonly string[]): string {
  return counts.map((n, c) => `${n} ${classes[c]}`).join(', ')
}

export function dataText({ classes, train, validation, validationFrom, test }: DataEvent): string {
  const steering = validation ? `${countsText(validation, classes)} (${validationFrom})` : 'none'
  return `train ${countsText(train, classes)} · validation ${steering} · test ${countsText(test, classes)}`
}

/** What loading a checkpoint did, in a few lines. */
function weightsText({ notes, tensors, loaded, missing, unexpected, reinitialised }: WeightsReport): string {
  const differ = `${missing.length} missing, ${reinitialised.length} re-initialised, ${unexpected.length} unexpected`
  const lines = [`${loaded} of ${tensors} tensors loaded; ${differ}`, ...notes]
  if (missing.length) lines.push(`missing, start fresh: ${shorten(missing)}`)
  if (reinitialised.length) lines.push(`of another size, start fresh: ${shorten(reinitialised)}`)
  if (unexpected.length) lines.push(`unexpected, ignored: ${shorten(unexpected)}`)
  return lines.join('\n          ')
}

const MOST_NAMES = 10

/** Tensor names by the layer they belong to, with at most ten of them. */
function shorten(names: readonly string[]): string {
  const layers = [...new Set(names.map((name) => name.replace(/\.[^.]*$/, '')))]
  const rest = layers.length - MOST_NAMES
  return layers.slice(0, MOST_NAMES).join(' ') + (rest > 0 ? ` and ${rest} more` : '')
}

const millions = (n: number): string => `${(n / 1e6).toFixed(2)} M`

/** The model, where its weights come from, and how it is trained. */
export function modelText(
  { model, imageSize, weights, trained, parameters }: ModelEvent,
  {
    trainable,
    optimizer,
    lr,
    batchSize,
    precision,
  }: Pick<TrainSettings, 'trainable' | 'optimizer' | 'lr' | 'batchSize' | 'precision'>,
): string {
  const origin = weights ? `from ${weights.file}` : 'from random values'
  const where = trainable?.join(', ') ?? 'all layers'
  return [
    `model     ${model} at ${imageSize} px, ${origin}`,
    ...(weights ? [`weights   ${weightsText(weights)}`] : []),
    `training  ${millions(trained)} of ${millions(parameters)} parameters in ${where}, ` +
      `${optimizer}, learning rate ${lr}, batch ${batchSize}, ${precision}`,
  ].join('\n')
}

/** Where a run goes on, and what is not as it was. */
export function resumedText({ epoch, epochs, batches, changed, broken }: ResumedEvent): string {
  const place = epoch > epochs ? 'after the last epoch' : `in epoch ${epoch}/${epochs} after ${batches} batches`
  const other = changed.map(({ name, was, is }) => `${name} was ${was}, is ${is}`)
  return [
    place,
    ...(broken ? ['the newest saved state is not whole, this is the one before it'] : []),
    ...(other.length ? [`${other.join('; ')}: the results may differ in their last bits`] : []),
  ].join('\n          ')
}

/** Progress as a stretch of work with a bar of its own. */
export function progressOf(event: ProgressEvent): Step {
  const { images, total, imagesPerSecond } = event
  if (event.phase === 'test') return { label: 'test', images, total, imagesPerSecond }
  const label = `epoch ${event.epoch}/${event.epochs}${event.phase === 'validate' ? ' validation' : ''}`
  const note = event.phase === 'train' ? `loss ${event.loss.toFixed(4)}` : undefined
  return { label, images, total, imagesPerSecond, note }
}

export function epochText(row: HistoryRow, epochs: number, best: boolean): string {
  const validation = Number.isNaN(row.valLoss)
    ? []
    : [`val loss ${row.valLoss.toFixed(4)} accuracy ${row.valAccuracy.toFixed(3)} auc ${row.valAuc.toFixed(3)}`]
  const training = `loss ${row.trainLoss.toFixed(4)} accuracy ${row.trainAccuracy.toFixed(3)}`
  return [
    `epoch ${row.epoch}/${epochs}`,
    training,
    ...validation,
    `${row.seconds.toFixed(1)} s  ${row.imagesPerSecond.toFixed(1)} images/s`,
    ...(best ? ['best'] : []),
  ].join('  ')
}

/** From which probability on the second class is called, and why. */
export function operatingPointText(point: OperatingPoint, classes: readonly string[]): string {
  const { threshold, temperature, rule, sensitivity, specificity, images } = point
  const fitted = images === 0 ? 'no validation images were there to choose by' : `temperature ${digits(temperature)}`
  if (threshold === null) return `calls     the most probable class; ${fitted}`
  return (
    `calls     ${classes[1]} from a probability of ${digits(threshold)} on, by ${rule} on ${images} ` +
    `validation images (sensitivity ${digits(sensitivity)}, specificity ${digits(specificity)} there); ${fitted}`
  )
}

/** What a measure is called besides its own name. */
const ALSO: Record<string, string> = {
  sensitivity: 'recall',
  ppv: 'precision',
  ece: 'expected calibration error',
}

/** `likelihoodRatioPositive` → `likelihood ratio positive`; short names are abbreviations. */
const wordsOf = (name: string): string =>
  name.length <= 3 && name !== 'f1' ? name.toUpperCase() : name.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`)

/** A table of measures with their intervals, and of what was taken for what. */
export function evaluationText(evaluation: Evaluation, classes: readonly string[]): string {
  const { measures, confusion, n, patients, operatingPoint, mostProbable } = evaluation
  const names = Object.keys(measures).map((name) => (ALSO[name] ? `${wordsOf(name)} (${ALSO[name]})` : wordsOf(name)))
  const wide = Math.max(...names.map((name) => name.length))
  const figures = Object.values(measures).map(
    (figure, i) => `  ${names[i].padEnd(wide)}  ${digits(figure.estimate)}  ${intervalText(figure)}`,
  )
  const [a, b] = [mostProbable.recall, mostProbable.specificity].map(digits)
  const other =
    operatingPoint.threshold === null
      ? []
      : [`          with the most probable class called: sensitivity ${a}, specificity ${b}`]
  return [
    operatingPointText(operatingPoint, classes),
    ...other,
    `measures  of ${n} images of ${patients} patients, with 95 % intervals (over patients, some Wilson’s)`,
    ...figures,
    ...confusionLines(confusion, classes),
  ].join('\n')
}

function confusionLines(confusion: Evaluation['confusion'], classes: readonly string[]): string[] {
  const rows = Array.isArray(confusion)
    ? confusion
    : [
        [confusion.tn, confusion.fp],
        [confusion.fn, confusion.tp],
      ]
  const width = Math.max(...classes.map((c) => c.length), ...rows.flat().map((v) => String(v).length))
  const line = (cells: (string | number)[]) => cells.map((c) => String(c).padStart(width)).join('  ')
  return [`${line(['', ...classes])}   ← called`, ...rows.map((row, c) => line([classes[c], ...row]))]
}

/** What the engine's memory is for, in MiB. */
export function memoryText({ uses, peakBytes, planned, lowerBound }: MemoryReport): string {
  const { parameters = 0, gradients = 0, optimizer = 0, arena = 0 } = uses
  const rest = peakBytes - parameters - gradients - optimizer - arena
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MiB`
  const parts = { weights: parameters, gradients, optimizer, 'activations and workspace': arena, other: rest }
  return (
    `memory    ${mib(peakBytes)}: ${Object.entries(parts)
      .map(([name, bytes]) => `${name} ${mib(bytes)}`)
      .join(', ')}\n` +
    `          the largest step places ${mib(planned)} of activations and workspace; ` +
    `no plan could do with less than ${mib(lowerBound)}`
  )
}

/** What came of a round. */
export function roundText({ numExamples, loss, metrics, seconds }: RoundResult): string {
  const measured = metrics
    ? [`test loss ${metrics.loss.toFixed(4)} accuracy ${digits(metrics.accuracy)} auc ${digits(metrics.auc)}`]
    : []
  const all = [`${numExamples} images`, `loss ${loss.toFixed(4)}`, ...measured, `${seconds.toFixed(1)} s`]
  return `round     ${all.join('  ')}`
}

/** What training together took. */
export function exchangeText({ processes, bytesPerStep, share }: NonNullable<RunRecord['exchange']>): string {
  const [megabytes, percent] = [(bytesPerStep / 1e6).toFixed(1), (100 * share).toFixed(0)]
  return `${processes} processes, ${megabytes} MB of gradients a step, ${percent} % of the training time`
}
