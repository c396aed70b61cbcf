// What a command says while it runs: lines, and a progress bar where a person watches. With --json stdout is left to
// the JSON document.
import { SingleBar } from 'cli-progress'
import type { MemoryReport } from '../engine/index.js'
import type { Metrics } from '../train/metrics.js'

/** One stretch of work with a known number of images. */
export interface Step {
  /** `epoch 2/20` */
  label: string
  images: number
  total: number
  imagesPerSecond: number
  /** What is counted; images when left out. */
  unit?: string
  /** Shown behind the numbers, such as the loss so far. */
  note?: string
}

/** Without a terminal a line of progress comes at most this often. */
const LINE_EVERY_MS = 10_000

export class Report {
  private bar: SingleBar | null = null
  private label = ''
  private lastLine = performance.now()

  constructor(private readonly json: boolean) {}

  /** A line for the reader. */
  say(text: string): void {
    this.endProgress()
    ;(this.json ? process.stderr : process.stdout).write(`${text}\n`)
  }

  /** The machine-readable result: the only thing on stdout, once. */
  result(document: unknown): void {
    this.endProgress()
    if (this.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
  }

  /** Moves the bar, or writes a line now and then where there is no terminal. */
  progress(step: Step): void {
    if (process.stderr.isTTY) this.draw(step)
    else if (performance.now() - this.lastLine > LINE_EVERY_MS) {
      this.lastLine = performance.now()
      this.say(`${step.label}  ${step.images}/${step.total} ${step.unit ?? 'images'}  ${details(step)}`)
    }
  }

  /** For work that starts now: takes the number of images done so far. */
  counter(label: string, total: number, unit = 'images'): (images: number) => void {
    const start = performance.now()
    const rate = (images: number) => (images * 1000) / (performance.now() - start)
    return (images) => this.progress({ label, images, total, imagesPerSecond: rate(images), unit })
  }

  /** Takes the bar away. */
  endProgress(): void {
    this.bar?.stop()
    this.bar = null
  }

  private draw(step: Step): void {
    if (this.bar && this.label !== step.label) this.endProgress()
    if (!this.bar) {
      this.label = step.label
      const format = '{label} {bar} {value}/{total}  {details}'
      this.bar = new SingleBar({ format, barsize: 24, clearOnComplete: true, stopOnComplete: true, fps: 5 })
      this.bar.start(step.total, 0, { label: step.label, details: '' })
    }
    this.bar.update(step.images, { details: details(step) })
  }
}

function details({ images, total, imagesPerSecond, unit = 'images', note }: Step): string {
  const left = clock((total - images) / imagesPerSecond)
  return [`${imagesPerSecond.toFixed(1)} ${unit}/s`, `${left} left`, note].filter(Boolean).join('  ')
}

/** `1:05`, `2:00:00`. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const s = Math.round(seconds)
  const minutes = Math.floor(s / 60)
  const two = (n: number) => String(n).padStart(2, '0')
  return s < 3600 ? `${minutes}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(minutes % 60)}:${two(s % 60)}`
}

/** Metrics as lines of text. */
export function metricsText({ confusion, n, ...ratios }: Metrics, classes: readonly string[]): string {
  const values = Object.entries(ratios)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join('  ')
  const rows = Array.isArray(confusion)
    ? confusion
    : [
        [confusion.tn, confusion.fp],
        [confusion.fn, confusion.tp],
      ]
  const width = Math.max(...classes.map((c) => c.length), ...rows.flat().map((v) => String(v).length))
  const line = (cells: (string | number)[]) => cells.map((c) => String(c).padStart(width)).join('  ')
  const table = [`${line(['', ...classes])}   ← predicted`, ...rows.map((row, c) => line([classes[c], ...row]))]
  return [`${values}  n ${n}`, ...table].join('\n')
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
    `          the largest step places ${mib(planned)} of activations and workspace; no plan could do with less than ${mib(lowerBound)}`
  )
}
