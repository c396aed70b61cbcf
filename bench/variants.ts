// What augmentation, balance and mixup do on a data set: ResNet18 trained by the command line with each, several seeds
// (which also draw other images), differences to the first row paired by seed, as a table.
//
//   node dist/bench/variants.js DATA WEIGHTS OUT [images] [epochs] [seeds]
//
// Goes on where it was stopped: what has a metrics.json in OUT is not trained again.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { progress } from './stats.js'

const [data, weights, out, images = '600', epochs = '3', seeds = '3'] = process.argv.slice(2)
if (!out) {
  console.error('variants: needs a data set, weights of ResNet18 and a folder for the runs')
  process.exit(2)
}

/** Flags of each row: one thing is changed in each, all else is as in the first. */
const ROWS: Record<string, readonly string[]> = {
  'nothing: `--augment notebook --balance weights`': [],
  '`--augment strong`': ['--augment', 'strong'],
  '`--balance oversample`': ['--balance', 'oversample'],
  '`--mixup 0.2`': ['--mixup', '0.2'],
}

const COMMON = [
  '--trainable',
  'layer4,fc',
  '--freeze-batch-norm',
  '--image-size',
  '64',
  '--lr',
  '3e-4',
  '--patience',
  '0',
]

/** Two-sided 97.5 % quantile of Student's t by degrees of freedom, from 1. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]

interface Metrics {
  auc: number
  accuracy: number
  recall: number
  specificity: number
}

const cli = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

function trained(row: number, seed: number): Metrics {
  const folder = join(out, `${row}-${seed}`)
  const result = join(folder, 'metrics.json')
  if (!existsSync(result)) {
    const flags = ['--data', data, '--weights', weights, '--limit', images, '--epochs', epochs, '--seed', String(seed)]
    const args = [cli, 'train', ...COMMON, ...flags, ...Object.values(ROWS)[row], '--out', folder, '--json']
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
    if (status !== 0) throw new Error(stderr)
  }
  const metrics = JSON.parse(readFileSync(result, 'utf8')) as Metrics
  progress(`${Object.keys(ROWS)[row]}, seed ${seed}: AUC ${metrics.auc.toFixed(3)}`)
  return metrics
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length
const three = (value: number) => value.toFixed(3)

/** A difference that is paired by seed, with its 95 % interval. */
function difference(values: readonly number[], base: readonly number[]): string {
  const each = values.map((v, i) => v - base[i])
  const middle = mean(each)
  const variance = each.reduce((sum, d) => sum + (d - middle) ** 2, 0) / (each.length - 1)
  const half = STUDENT[each.length - 2] * Math.sqrt(variance / each.length)
  const signed = (v: number) => `${v < 0 ? '−' : '+'}${three(Math.abs(v))}`
  return `${signed(middle)} (${signed(middle - half)} to ${signed(middle + half)})`
}

const rows: Metrics[][] = Object.keys(ROWS).map(() => [])
for (let seed = 0; seed < Number(seeds); seed++) rows.forEach((row, i) => row.push(trained(i, seed)))

const of = (row: readonly Metrics[], name: keyof Metrics) => row.map((metrics) => metrics[name])
const each = (values: readonly number[]) => `${three(mean(values))} (${values.map(three).join(', ')})`
console.log('| changed | AUC | accuracy | sensitivity | specificity | AUC − first row | accuracy − first row |')
console.log('| --- | --- | --- | --- | --- | --- | --- |')
rows.forEach((row, i) => {
  const [auc, accuracy] = [of(row, 'auc'), of(row, 'accuracy')]
  const paired = i ? [difference(auc, of(rows[0], 'auc')), difference(accuracy, of(rows[0], 'accuracy'))] : ['', '']
  const cells = [each(auc), each(accuracy), three(mean(of(row, 'recall'))), three(mean(of(row, 'specificity')))]
  console.log(`| ${[Object.keys(ROWS)[i], ...cells, ...paired].join(' | ')} |`)
})
