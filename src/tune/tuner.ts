// When candidates are measured: on a GPU before the first captured step that meets new problems, for a few seconds
// altogether, and wherever somebody asks for it.
import type { Choice, Note } from '../gpu/choices.js'
import type { Gpu } from '../gpu/gpu.js'
import { readChapter, writeChapter } from './book.js'
import { type Finding, search } from './search.js'

export interface TuneOptions {
  /** Measure again what was measured before. */
  force?: boolean
  /** Called after each problem; `left` counts those to come. */
  onFinding?: (finding: Finding, left: number) => void
}

const AUTOMATIC_MS = 4000

export class Tuner {
  /** What is left of the time that a process spends on its own account. */
  private budget = AUTOMATIC_MS

  private constructor(
    private readonly gpu: Gpu,
    private readonly chapter: string | null,
  ) {}

  /** `chapter`: of the book; null neither reads nor writes it, and measures nothing unasked. */
  static async open(gpu: Gpu, chapter: string | null): Promise<Tuner> {
    if (chapter) gpu.choices.measured = await readChapter(chapter)
    return new Tuner(gpu, chapter)
  }

  /**
   * Records a step. Where problems come up that nobody has measured yet it measures them, the dearest first, and
   * records again. What there is no time for keeps its usual candidate for good: the next run must find the choices
   * that this one made.
   */
  async recorded<T>(record: () => T): Promise<T> {
    const { choices, caps, device, dry } = this.gpu
    if (!this.chapter || caps.isSoftware || dry || !device.features.has('timestamp-query')) return record()
    const { value, notes } = choices.noting((key) => !choices.measured.has(key) && !(key in choices.shipped), record)
    if (!notes.length) return value
    const start = performance.now()
    await this.measure(notes, { until: start + this.budget })
    this.budget -= performance.now() - start
    return record()
  }

  /** Measures the problems that come up in `record`. */
  async tune(record: () => unknown, { force = false, onFinding }: TuneOptions): Promise<Finding[]> {
    const { choices } = this.gpu
    const { notes } = choices.noting((key) => force || choices.measured.get(key)?.ms === undefined, record)
    return this.measure(notes, { onFinding, replace: true })
  }

  private async measure(
    notes: Note[],
    {
      until = Infinity,
      replace = false,
      onFinding,
    }: { until?: number; replace?: boolean; onFinding?: TuneOptions['onFinding'] },
  ): Promise<Finding[]> {
    notes.sort((a, b) => b.work * b.calls - a.work * a.calls || (a.key < b.key ? -1 : 1))
    const findings: Finding[] = []
    for (const note of notes) {
      const { key, calls, usual } = note
      const finding =
        performance.now() < until ? await search(this.gpu, note) : { key, calls, usual, name: usual, rejected: [] }
      findings.push(finding)
      onFinding?.(finding, notes.length - findings.length)
    }
    const found = new Map(
      findings.map(({ key, name, ms, usualMs }): [string, Choice] => [
        key,
        { name, ms: digits(ms), usualMs: digits(usualMs) },
      ]),
    )
    const { choices } = this.gpu
    if (this.chapter) choices.measured = await writeChapter(this.chapter, found, replace)
    else for (const [key, choice] of found) choices.measured.set(key, choice)
    return findings
  }
}

const digits = (ms: number | undefined) => ms && Number(ms.toPrecision(4))
