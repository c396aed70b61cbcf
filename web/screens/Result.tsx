// Fourth screen: what the model is worth on the test images, and every one of them.
import { useEffect, useMemo, useState } from 'preact/hooks'
import { MAX_PIXELS } from '../../src/data/image.js'
import { countsAt, ratesOf } from '../../src/stats/threshold.js'
import type { Figure } from '../../src/train/evaluation.js'
import { digits, intervalText } from '../../src/train/figure.js'
import type { Figures, FiguresRequest } from '../figures.worker.js'
import { Grid } from '../parts/Grid.js'
import { Roc } from '../parts/Roc.js'
import { Term } from '../parts/Term.js'
import { help, startWorker } from '../runs.js'
import { data } from '../state/images.js'
import { attempt, busy, show } from '../state/page.js'
import { type Result as Found, RUN, fileOf, result } from '../state/result.js'
import { MEASURES, TERMS, type TermName, count } from '../words.js'

export function Result() {
  if (!result.value)
    return (
      <>
        <h1>Result</h1>
        <p>There is no result yet: train a model first.</p>
      </>
    )
  return <Whole {...result.value} key={result.value.record.seconds} />
}

function Whole(found: Found) {
  const { metrics, predictions, record } = found
  const { classes, labels, probabilities, patients } = predictions
  const binary = classes.length === 2
  const own = metrics.operatingPoint.threshold ?? 0.5
  const [threshold, setThreshold] = useState(own)
  const scores = useMemo(() => Float64Array.from(labels, (_, i) => probabilities[2 * i + 1]), [found])
  const positive = useMemo(() => labels.map((label) => label === 1), [found])
  const moved = binary && threshold !== own
  const called = moved ? Array.from(scores, (score) => (score >= threshold ? 1 : 0)) : predictions.called
  const figures = useFigures({ scores, positive, patients, threshold }, moved)
  const measures: Record<string, Figure> = moved
    ? movedMeasures(metrics.measures, figures, scores, positive, threshold)
    : metrics.measures

  return (
    <>
      <h1>Result</h1>
      <p>
        {`${record.settings.model}, epoch ${record.bestEpoch} of ${record.epochs}, on `}
        {`${count(metrics.n, 'test image')} of ${count(metrics.patients, 'patient')}. `}
        <strong>For research and learning: not a medical device.</strong>
      </p>
      <Few classes={classes} labels={labels} />
      <div class="charts">
        <div>
          <h2>
            <Term name="confusion matrix" shown="Confusion matrix" />
          </h2>
          <Confusion classes={classes} labels={labels} called={called} />
        </div>
        {binary && positive.includes(true) && positive.includes(false) && (
          <Roc {...{ scores, positive, threshold, own, setThreshold, name: classes[1] }} />
        )}
      </div>
      <h2>Figures</h2>
      <Measures measures={measures} coming={moved && !figures} />
      <section class="choices" aria-label="Downloads">
        <Download file="best.safetensors" words="Checkpoint" />
        <button
          type="button"
          class="secondary"
          disabled={busy.value !== null || !data.value}
          onClick={() => void attempt('Writing the report', downloadReport)}
        >
          Download report
        </button>
        <Download file="predictions.csv" words="Table (CSV)" />
        <Download file="MODEL_CARD.md" words="Model card" />
        <button type="button" onClick={() => show('use')}>
          Use the model
        </button>
      </section>
      <h2>Test images</h2>
      <Grid {...{ predictions, called, isTransformer: /^(vit|deit)/.test(record.settings.model) }} />
    </>
  )
}

/** Test images of a class below which its figures are said to be worth little. */
const FEW = 30

/** A caution where a class has few test images. */
function Few({ classes, labels }: { classes: readonly string[]; labels: readonly number[] }) {
  const counts = classes.map((name, i) => ({ name, n: labels.filter((label) => label === i).length }))
  const few = counts.filter(({ n }) => n < FEW)
  if (!few.length) return null
  return (
    <p class="caution">
      <strong>Caution:</strong> the test has only{' '}
      {few.map(({ name, n }) => `${count(n, 'image')} of ${name}`).join(' and ')}. With so few, the figures below say
      little: see how wide their intervals are.
    </p>
  )
}

/** Of a threshold that was moved: intervals come a little later, from a worker. */
function useFigures(request: FiguresRequest, wanted: boolean): Figures | null {
  const [figures, setFigures] = useState<Figures | null>(null)
  const { threshold } = request
  useEffect(() => {
    if (!wanted) return
    const later = setTimeout(() => {
      worker ??= startWorker('./figures.worker.js')
      worker.onmessage = ({ data }: MessageEvent<Figures>) => setFigures(data)
      worker.postMessage(request)
    }, 150)
    return () => clearTimeout(later)
  }, [threshold, wanted])
  return figures?.threshold === threshold ? figures : null
}
let worker: Worker | undefined

const plain = (value: number) => (Number.isFinite(value) ? value : null)

/** What depends on the threshold follows at once; its interval when it is there. All else stays. */
function movedMeasures(
  kept: Record<string, Figure>,
  figures: Figures | null,
  scores: Float64Array,
  positive: boolean[],
  threshold: number,
): Record<string, Figure> {
  const rates = ratesOf(countsAt(scores, positive, threshold)) as unknown as Record<string, number>
  return Object.fromEntries(
    Object.entries(kept).map(([name, shown]) => {
      if (!(name in rates)) return [name, shown]
      const { low, high } = figures?.measures[name] ?? { low: NaN, high: NaN }
      return [name, { estimate: plain(rates[name]), low: plain(low), high: plain(high) }]
    }),
  )
}

function Confusion(props: { classes: readonly string[]; labels: readonly number[]; called: ArrayLike<number> }) {
  const { classes, labels, called } = props
  const matrix = classes.map(() => classes.map(() => 0))
  labels.forEach((label, i) => matrix[label][called[i]]++)
  return (
    <div class="wide">
      <table class="confusion">
        <caption>Rows: what the images are. Columns: what the model called them.</caption>
        <thead>
          <tr>
            <td />
            {classes.map((name) => (
              <th scope="col" key={name}>
                called {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrix.map((row, actual) => (
            <tr key={classes[actual]}>
              <th scope="row">{classes[actual]}</th>
              {row.map((n, c) => (
                <td key={c} class={c === actual ? 'right' : n ? 'wrong' : ''}>
                  {n}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** @param coming whether intervals are still computed; each measure without one has none then. */
function Measures({ measures, coming }: { measures: Record<string, Figure>; coming: boolean }) {
  return (
    <div class="wide">
      <table>
        <thead>
          <tr>
            <th scope="col">Measure</th>
            <th scope="col">Value</th>
            <th scope="col">
              <Term name="interval" shown="95 % interval" />
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(measures).map(([name, figure]) => (
            <tr key={name}>
              <th scope="row">
                {name in TERMS ? <Term name={name as TermName} shown={MEASURES[name]} /> : (MEASURES[name] ?? name)}
              </th>
              <td>{digits(figure.estimate)}</td>
              <td>{figure.low === null && coming ? '…' : intervalText(figure)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

function Download({ file, words }: { file: string; words: string }) {
  return (
    <button
      type="button"
      class="secondary"
      onClick={() => void attempt(`Saving ${file}`, async () => save(await fileOf(file), file))}
    >
      Download {words.toLowerCase().replace('csv', 'CSV')}
    </button>
  )
}

async function downloadReport(): Promise<void> {
  const { files } = data.value!
  const { model } = result.value!.record.settings
  const machine = { maxPixels: MAX_PIXELS, tune: true, adapter: 'auto' } as const
  const page = await help((runs) =>
    runs.report(machine, { runs: { [model]: RUN }, title: data.value!.name, data: files }),
  )
  save(new Blob([page!], { type: 'text/html' }), 'report.html')
}
