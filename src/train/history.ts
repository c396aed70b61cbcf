// The learning curves: one row an epoch, and their CSV.
import { check } from '../util/check.js'

/**
 * Losses are means over the epoch's images, weighted by class like the loss itself. Validation fields are NaN without
 * validation.
 */
export interface HistoryRow {
  /** From 1. */
  epoch: number
  trainLoss: number
  trainAccuracy: number
  valLoss: number
  valAccuracy: number
  valAuc: number
  /** Of the whole epoch, validation included. */
  seconds: number
  /** Training images over training time. */
  imagesPerSecond: number
  /** Of the epoch's last step. */
  lr: number
}

const COLUMNS = [
  'epoch',
  'trainLoss',
  'trainAccuracy',
  'valLoss',
  'valAccuracy',
  'valAuc',
  'seconds',
  'imagesPerSecond',
  'lr',
] as const
const DIGITS: Partial<Record<keyof HistoryRow, number>> = { seconds: 3, imagesPerSecond: 2 }

/**
 * The rows of {@link historyCsv}'s text, empty cells as NaN.
 * @throws RadiogradError where it is no such table.
 */
export function parseHistory(text: string, name: string): HistoryRow[] {
  const [header, ...lines] = text.trim().split('\n')
  check(
    header === COLUMNS.join() && lines.length > 0,
    `${name}: history.csv must have a row an epoch, got another table`,
  )
  return lines.map((line) => {
    const cells = line.split(',').map((cell) => (cell === '' ? NaN : Number(cell)))
    return Object.fromEntries(COLUMNS.map((column, i) => [column, cells[i]])) as unknown as HistoryRow
  })
}

/** Comma-separated, with a header line; what is undefined (NaN) is empty. */
export function historyCsv(rows: readonly HistoryRow[]): string {
  const cell = (row: HistoryRow, column: keyof HistoryRow) => {
    const value = row[column]
    if (!Number.isFinite(value)) return ''
    return column in DIGITS ? value.toFixed(DIGITS[column]) : String(Number(value.toPrecision(9)))
  }
  return [COLUMNS.join(), ...rows.map((row) => COLUMNS.map((column) => cell(row, column)).join())].join('\n') + '\n'
}
