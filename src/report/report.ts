// A report from finished runs: one page that stands alone, its pictures as files, and everything it shows as JSON.
import { encodeJpeg } from '#platform/jpeg'
import { pngOf } from '../data/encodePng.js'
import type { Image } from '../data/image.js'
import { type Chart, balanceChart, curveCharts, learningCharts, matrixChart } from './figures.js'
import { markup, page } from './html.js'
import { comparisonsOf, resultsOf, spreadsOf } from './results.js'
import { type ReportInput, shownRuns } from './run.js'
import * as sections from './sections/index.js'
import { pictureFiles } from './sheets.js'

/** A report before it is written. */
export interface MadeReport {
  /** report.html */
  page: string
  /** results.json */
  results: Record<string, unknown>
  /** Files by name: charts as SVG texts, pictures as PNG bytes. */
  figures: Map<string, string | Uint8Array>
}

/** Makes a report; the same input gives the same bytes. */
export async function makeReport(input: ReportInput): Promise<MadeReport> {
  const { title, runs, data } = input
  const draw = await import('./charts.js')
  const shown = shownRuns(runs)
  const several = (name: string) => runs.filter((run) => run.name === name).length > 1
  const balance = data.map((one) => balanceChart(draw, one))
  const learning = runs.map((run) => {
    const { seed } = run.record.settings
    const name = several(run.name) ? `${run.name}, seed ${seed}` : run.name
    return { name, charts: learningCharts(draw, run, name, several(run.name) ? `${run.name}-seed${seed}` : run.name) }
  })
  const matrices = shown.flatMap((run) => {
    const { classes } = run.record
    const { threshold } = run.atPoint.operatingPoint
    const plain = matrixChart(draw, `${run.name}, most probable class`, run.name, classes, run.mostProbable)
    if (threshold === null) return [plain]
    const heading = `${run.name} at threshold ${threshold.toFixed(3)}`
    return [plain, matrixChart(draw, heading, `${run.name}-threshold`, classes, run.atPoint)]
  })
  const curves = curveCharts(draw, runs)
  const comparisons = comparisonsOf(runs)
  const address = await addressesOf(input)
  const all: sections.Section[] = [
    { id: 'data', heading: 'Data', body: sections.dataSection(data, balance, address) },
    { id: 'settings', heading: 'Settings and adapter', body: sections.settingsSection(runs) },
    { id: 'learning', heading: 'Learning curves', body: sections.learningSection(learning) },
    { id: 'results', heading: 'Results', body: sections.comparisonSection(input, spreadsOf(runs)) },
    { id: 'tests', heading: 'Models against each other', body: sections.testsSection(comparisons) },
    { id: 'confusion', heading: 'Confusion matrices', body: sections.confusionSection(matrices) },
    { id: 'curves', heading: 'ROC and precision-recall', body: sections.curvesSection(curves) },
    { id: 'calibration', heading: 'Calibration', body: sections.calibrationSection(runs, curves?.reliability ?? null) },
    { id: 'predictions', heading: 'Predictions', body: sections.gridSection(input, address) },
    { id: 'mistakes', heading: 'The most confident mistakes', body: sections.mistakesSection(runs, address) },
    { id: 'times', heading: 'Time', body: sections.timesSection(runs) },
    { id: 'reporting', heading: 'For a reviewer', body: sections.reportingSection(input) },
  ]
  const charts: Chart[] = [
    ...balance,
    ...learning.flatMap((one) => one.charts),
    ...matrices,
    ...(curves ? Object.values(curves) : []),
  ]
  const figures = new Map<string, string | Uint8Array>(
    charts.map(({ name, svg }) => [`${fileName(name)}.svg`, draw.asFile(svg)]),
  )
  for (const [name, image] of pictureFiles(input)) figures.set(`${fileName(name)}.png`, pngOf(image))
  const links = all.map(({ id, heading }) => markup`<li><a href="#${id}">${heading}</a></li>`)
  const body = markup`<header><h1>${title}</h1>
<p class="notice">${sections.NO_DEVICE}</p>${sections.summary(input)}</header>
<nav aria-label="Contents"><ol>${links}</ol></nav>
${all.map(
  ({ id, heading, body: own }) => markup`<section aria-labelledby="${id}"><h2 id="${id}">${heading}</h2>
${own}
</section>
`,
)}`
  return { page: page({ title, body }), results: resultsOf(input, comparisons), figures }
}

const fileName = (name: string): string => name.replace(/[^\w.-]+/g, '-')

/** Every picture of the page as a JPEG file inside it. */
async function addressesOf({ runs, data, pictures }: ReportInput): Promise<sections.AddressOf> {
  const addresses = new Map<Image, string>()
  const add = async (image: Image) => {
    if (addresses.has(image)) return
    let text = ''
    for (const byte of await encodeJpeg(image)) text += String.fromCharCode(byte)
    addresses.set(image, `data:image/jpeg;base64,${btoa(text)}`)
  }
  for (const { samples } of data) for (const { image } of samples) await add(image)
  for (const image of pictures.values()) await add(image)
  for (const { explained } of runs)
    for (const { picture, maps } of explained)
      for (const image of [picture, ...maps.flatMap(({ heatMap, randomised }) => [heatMap, randomised.heatMap])])
        await add(image)
  return (image) => addresses.get(image)!
}
