// When implementations are measured: on a GPU before the first captured step that meets new problems, for a few seconds
// altogether, and wherever somebody asks for it.
//
// Within a process the choice for a problem does not change after it was measured or the time is up, unless tune() is
// called. What there was no time for is measured in the next run, which may then choose another kernel and so round
// otherwise; once all is measured, runs repeat each other's bits. `init({ tune: false })` always runs the defaults.
import type { TuningTask } from '../gpu/choices.js'
import type { Gpu } from '../gpu/gpu.js'
import { type CacheEntry, readEntries, writeEntries } from './cache.js'
import type { Measurement } from './measure.js'

export interface TuneOptions {
  /** Measure again what was measured before. */
  force?: boolean
  /** Called after each problem; `left` counts those to come. */
  onMeasurement?: (measurement: Measurement, left: number) => void
}

const AUTOMATIC_MS = 4000

export class Tuner {
  /** What is left of the time that a process spends on its own account. */
  private budget = AUTOMATIC_MS

  private constructor(
    private readonly gpu: Gpu,
    private readonly adapter: string | null,
  ) {}

  /** `adapter`: its key in the cache; null neither reads nor writes the cache, and measures nothing unasked. */
  static async open(gpu: Gpu, adapter: string | null): Promise<Tuner> {
    if (adapter) for (const [key, { chosen }] of await readEntries(adapter)) gpu.choices.measured.set(key, chosen)
    return new Tuner(gpu, adapter)
  }

  /**
   * Records a step. Where problems come up that nobody has measured yet it measures them, the most expensive first, as
   * far as time allows, and records again.
   */
  async recorded<T>(record: () => T): Promise<T> {
    const { choices, caps, device, dry } = this.gpu
    const automatic = this.adapter && this.budget > 0 && !caps.isSoftware && !dry
    if (!automatic || !device.features.has('timestamp-query')) return record()
    const { value, tasks } = choices.collect((key) => !choices.measured.has(key) && !(key in choices.shipped), record)
    if (!tasks.length) return value
    const start = performance.now()
    await this.measure(tasks, { until: start + this.budget })
    this.budget -= performance.now() - start
    return record()
  }

  /** Measures the problems that come up in `record`. */
  async tune(record: () => unknown, { force = false, onMeasurement }: TuneOptions): Promise<Measurement[]> {
    const { choices } = this.gpu
    const { tasks } = choices.collect((key) => force || !choices.measured.has(key), record)
    return this.measure(tasks, { onMeasurement, replace: true })
  }

  private async measure(
    tasks: TuningTask[],
    {
      until = Infinity,
      replace = false,
      onMeasurement,
    }: { until?: number; replace?: boolean; onMeasurement?: TuneOptions['onMeasurement'] },
  ): Promise<Measurement[]> {
    tasks.sort((a, b) => b.work * b.calls - a.work * a.calls || (a.key < b.key ? -1 : 1))
    const { measure } = await import('./measure.js') // a page that has nothing to measure never loads it
    const measurements: Measurement[] = []
    for (const task of tasks) {
      if (performance.now() >= until) break
      const measurement = await measure(this.gpu, task)
      measurements.push(measurement)
      onMeasurement?.(measurement, tasks.length - measurements.length)
    }
    const entries = new Map(
      measurements.map(({ key, chosen, ms, defaultMs }): [string, CacheEntry] => [
        key,
        { chosen, ms: digits(ms), ...(defaultMs !== undefined && { defaultMs: digits(defaultMs) }) },
      ]),
    )
    const hold = this.adapter ? await writeEntries(this.adapter, entries, replace) : entries
    for (const [key, { chosen }] of hold) this.gpu.choices.measured.set(key, chosen)
    return measurements
  }
}

const digits = (ms: number) => Number(ms.toPrecision(4))
