// What a command says while it runs: lines, and a progress bar where a person watches. With --json stdout is left to
// the JSON document.
import { SingleBar } from 'cli-progress'
import { printable } from '../util/check.js'
import { withFlags } from './options.js'

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

const plain = (line: string) => printable(withFlags(line))

/** Without a terminal a line of progress comes at most this often. */
const LINE_EVERY_MS = 10_000

export class Report {
  private bar: SingleBar | null = null
  private label = ''
  private lastLine = performance.now()
  private waitingFor: ReturnType<typeof setInterval> | undefined

  constructor(private readonly json: boolean) {}

  /**
   * A line or several for the reader. Settings are called by their flags; names of files and classes cannot steer the
   * terminal.
   */
  say(text: string): void {
    this.endProgress()
    ;(this.json ? process.stderr : process.stdout).write(`${text.split('\n').map(plain).join('\n')}\n`)
  }

  /** The machine-readable result: the only thing on stdout, once. */
  result(document: unknown): void {
    this.endProgress()
    if (this.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
  }

  /** Moves the bar, or writes a line now and then where there is no terminal. */
  progress(step: Step): void {
    clearInterval(this.waitingFor)
    if (process.stderr.isTTY) this.draw(step)
    else if (performance.now() - this.lastLine > LINE_EVERY_MS) {
      this.lastLine = performance.now()
      this.say(`${step.label}  ${step.images}/${step.total} ${step.unit ?? 'images'}  ${details(step)}`)
    }
  }

  /** Says every ten seconds that work is still at `what`, until the next line or progress. */
  waiting(what: string): void {
    this.endProgress()
    const start = performance.now()
    this.waitingFor = setInterval(() => {
      const seconds = Math.round((performance.now() - start) / 1000)
      ;(this.json ? process.stderr : process.stdout).write(`${what}, ${seconds} s\n`)
    }, LINE_EVERY_MS).unref()
  }

  /** For work that starts now: takes the number of images done so far. */
  counter(label: string, total: number, unit = 'images'): (images: number) => void {
    const start = performance.now()
    const rate = (images: number) => (images * 1000) / (performance.now() - start)
    return (images) => this.progress({ label, images, total, imagesPerSecond: rate(images), unit })
  }

  /** Takes the bar away. */
  endProgress(): void {
    clearInterval(this.waitingFor)
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
