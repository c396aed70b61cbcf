// `predictions.csv`: what the best epoch's weights say of every test image. From it every curve and measure can be
// drawn again, at any threshold, without the model.
import type { Dataset } from '../data/imageFolder.js'
import type { Outputs } from '../train/metrics.js'
import { type OperatingPoint, readOutputs } from '../train/operatingPoint.js'
import { check } from '../util/check.js'
import { csvText, parseCsv } from '../util/csv.js'

/** What was said of the images of a set, in the order of its samples. */
export interface TestPredictions {
  classes: readonly string[]
  /** By their paths in the data set. */
  files: readonly string[]
  patients: readonly string[]
  /** Places in `classes`: who the images are of, and what was called at the operating point. */
  labels: readonly number[]
  called: readonly number[]
  /** [n, C], at the operating point's temperature. */
  probabilities: Float64Array
}

const COLUMNS = ['file', 'patient', 'label', 'called'] as const

/** A line an image: file, patient, its class, the class called, and the probability of each class. */
export function predictionsCsv(
  { classes }: Pick<Dataset, 'classes'>,
  files: readonly string[],
  patients: readonly string[],
  outputs: Outputs,
  point: OperatingPoint,
): string {
  const { rows, called } = readOutputs(outputs, point)
  const n = classes.length
  const lines = files.map((file, i) => [
    ...[file, patients[i], classes[outputs.labels[i]], classes[called[i]]],
    ...rows.subarray(i * n, (i + 1) * n),
  ])
  return csvText([[...COLUMNS, ...classes], ...lines])
}

/**
 * Reads the text of a `predictions.csv`.
 * @throws RadiogradError where it is no such table.
 */
export function parsePredictions(text: string, name: string): TestPredictions {
  const [header = [], ...lines] = parseCsv(text)
  const classes = header.slice(COLUMNS.length)
  const place = (cell: string) => classes.indexOf(cell)
  const whole = (line: string[]) =>
    line.length === header.length &&
    line.slice(2, COLUMNS.length).every((cell) => place(cell) >= 0) &&
    line.slice(COLUMNS.length).every((cell) => cell !== '' && Number.isFinite(Number(cell)))
  check(
    classes.length > 1 && COLUMNS.every((column, i) => header[i] === column) && lines.every(whole),
    `${name}: predictions.csv must have a line an image, got another table`,
  )
  return {
    classes,
    files: lines.map((line) => line[0]),
    patients: lines.map((line) => line[1]),
    labels: lines.map((line) => place(line[2])),
    called: lines.map((line) => place(line[3])),
    probabilities: Float64Array.from(lines.flatMap((line) => line.slice(COLUMNS.length).map(Number))),
  }
}
