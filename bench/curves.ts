// npm run curves -- history.csv … out.svg: learning curves of one or more runs (training and validation loss by epoch)
// as one picture.
import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

const files = process.argv.slice(2)
const out = files.pop()
if (!files.length || !out?.endsWith('.svg')) {
  console.error('curves: needs one or more history.csv and an output ending in .svg')
  process.exit(2)
}
const rows: { run: string; epoch: number; loss: number; of: string }[] = []
for (const file of files) {
  const [header, ...lines] = (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  const column = (name: string) => header.indexOf(name)
  for (const line of lines) {
    for (const [of, name] of [
      ['training', 'trainLoss'],
      ['validation', 'valLoss'],
    ]) {
      rows.push({
        run: basename(file) === 'history.csv' ? basename(dirname(file)) : basename(file, '.csv'),
        epoch: Number(line[column('epoch')]),
        loss: Number(line[column(name)]),
        of,
      })
    }
  }
}
const { document } = parseHTML('<html><body></body></html>')
const options = { x: 'epoch', y: 'loss', stroke: 'of', fx: 'run' }
const plot = Plot.plot({
  document,
  width: 640,
  height: 300,
  marginLeft: 50,
  marginRight: 80,
  grid: true,
  style: { background: 'white' },
  x: { label: 'epoch', ticks: [...new Set(rows.map((r) => r.epoch))], tickFormat: 'd' },
  y: { label: 'class-weighted cross entropy', zero: true },
  color: { domain: ['training', 'validation'], range: ['#4269d0', '#ff725c'] },
  fx: { label: null },
  marks: [
    Plot.lineY(rows, { ...options, strokeWidth: 2 }),
    Plot.dot(rows, { ...options, fill: 'of', r: 3 }),
    Plot.text(
      rows,
      Plot.selectLast({ ...options, z: 'of', text: 'of', fill: 'of', stroke: undefined, dx: 8, textAnchor: 'start' }),
    ),
  ],
})
const svg = plot.outerHTML.replace(/^<svg /, '<svg xmlns="http://www.w3.org/2000/svg" ')
await writeFile(out, svg.includes('xmlns=') ? svg.replace(/(xmlns="[^"]+") (.*?)\1/, '$1 $2') : svg)
console.log(`wrote ${out}`)
