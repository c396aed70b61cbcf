// Numbers and how they are written: medians, rates, columns; and the log of a run that goes on when a part of it fails.

/** Of an odd number of values the one in the middle, of an even number the mean of both. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** With as many digits as a reader needs: 1234, 123, 12.3, 1.23, 0.0123. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value >= 100) return value.toFixed(0)
  if (value >= 10) return value.toFixed(1)
  return value >= 1 || value === 0 ? value.toFixed(2) : String(Number(value.toPrecision(3)))
}

/** `0.42` → `42 %`. */
export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`

/** Lines with columns: the first to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  return rows.map((row) =>
    row
      .map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  )
}

/** Prints lines of a result. */
export function print(lines: readonly string[]): void {
  console.log(lines.join('\n'))
}

/** A line that is no result. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** What went wrong and what there was no time for: neither stops the rest. */
export class Log {
  readonly failed: string[] = []
  readonly skipped: string[] = []

  /** `until`: nothing begins after this time (performance.now()). */
  constructor(private readonly until = Infinity) {}

  /** The same log with less time. */
  before(until: number): Log {
    const log = new Log(Math.min(until, this.until))
    return Object.assign(log, { failed: this.failed, skipped: this.skipped })
  }

  /** Does `work` unless time is up. */
  async attempt(name: string, work: () => Promise<void>): Promise<void> {
    if (performance.now() > this.until) {
      this.skipped.push(name)
      return
    }
    try {
      await work()
    } catch (error) {
      this.failed.push(`${name}: ${(error as Error).message}`)
      progress(`FAILED ${this.failed.at(-1)}`)
    }
  }

  /** Says what was left out, and makes the process fail when anything did. */
  report(): void {
    if (this.skipped.length) print([`no time left for: ${this.skipped.join('; ')}`])
    if (!this.failed.length) return
    print(['failed:', ...this.failed])
    process.exitCode = 1
  }
}
