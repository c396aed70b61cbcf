// Third screen: how training goes, and how it is ended.
import { Chart } from '../parts/Chart.js'
import { Term } from '../parts/Term.js'
import {
  active,
  adapter,
  cautions,
  epochs,
  history,
  interrupted,
  notes,
  points,
  progress,
  status,
} from '../state/progress.js'
import { finish, goOn, pause } from '../state/training.js'
import { duration, percent } from '../words.js'

const WORDS = {
  none: 'Nothing is trained yet.',
  running: 'Running',
  pausing: 'Saving, to go on later',
  paused: 'Paused. Everything is saved: you may close this tab and go on another day.',
  finishing: 'Ending, and testing the best epoch',
  done: 'Done.',
  failed: 'Training ended with a problem.',
} as const

export function Training() {
  const now = progress.value
  const done = now && (now.phase === 'test' ? 1 : (now.epoch - 1 + now.images / now.total) / now.epochs)
  return (
    <>
      <h1>Training</h1>
      <p aria-busy={active.value}>
        {WORDS[status.value]}
        {active.value && !now && ': images are decoded, and the graphics processor is prepared'}
      </p>
      {adapter.value?.isSoftware && (
        <p class="caution">
          <strong>Caution:</strong> this browser computes on the processor, not on a graphics processor (
          {adapter.value.name}
          ). It works, but takes many times longer. Turning on graphics acceleration in the browser's settings may help.
        </p>
      )}
      {cautions.value.map((text, i) => (
        <p class="caution" key={i}>
          <strong>Caution:</strong> {text}
        </p>
      ))}
      {now && (
        <>
          <label for="progress">{phaseOf(now)}</label>
          <progress id="progress" value={done ?? 0} max={1} />
          <dl class="figures">
            <div>
              <dt>Images per second</dt>
              <dd>{now.imagesPerSecond.toFixed(1)}</dd>
            </div>
            <div>
              <dt>Time left</dt>
              <dd>{duration(timeLeft(now))}</dd>
            </div>
            {now.phase !== 'test' && (
              <div>
                <dt>
                  <Term name="loss" shown="Loss" />
                </dt>
                <dd>{Number.isFinite(now.loss) ? now.loss.toFixed(4) : '–'}</dd>
              </div>
            )}
          </dl>
        </>
      )}
      <div class="choices">
        {status.value === 'running' && (
          <button type="button" class="secondary" onClick={pause}>
            Pause
          </button>
        )}
        {!active.value && (status.value === 'paused' || interrupted.value) && (
          <button type="button" onClick={() => void goOn()}>
            Go on
          </button>
        )}
        {(status.value === 'running' || status.value === 'paused') && history.value.length > 0 && (
          <button type="button" class="secondary" onClick={() => void finish()}>
            Stop and keep the best
          </button>
        )}
      </div>
      <Curves />
      {notes.value.length > 0 && (
        <details>
          <summary>Notes ({notes.value.length})</summary>
          <ul>
            {notes.value.map((note, i) => (
              <li key={i}>{note}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

type Now = NonNullable<typeof progress.value>

function phaseOf(now: Now): string {
  const images = `${now.images} of ${now.total} images`
  if (now.phase === 'test') return `Testing, ${images}`
  return `Epoch ${now.epoch} of ${now.epochs}: ${now.phase === 'train' ? 'training' : 'validation'}, ${images}`
}

function timeLeft(now: Now): number {
  const here = (now.total - now.images) / now.imagesPerSecond
  if (now.phase !== 'train') return here + (now.phase === 'validate' ? epochSeconds() * (now.epochs - now.epoch) : 0)
  const epoch = history.value.length ? epochSeconds() : now.total / now.imagesPerSecond
  return here + epoch * (now.epochs - now.epoch)
}

const epochSeconds = () =>
  history.value.reduce((sum, { seconds }) => sum + seconds, 0) / Math.max(1, history.value.length)

export function Curves() {
  const rows = history.value
  if (!rows.length && points.value.length < 2) return null
  const ends = rows.map(({ epoch }) => epoch)
  const x = [...new Set([...points.value.map(([at]) => at), ...ends])].sort((a, b) => a - b)
  const at = (pairs: readonly (readonly [number, number])[]) => {
    const values = new Map(pairs)
    return x.map((one) => values.get(one) ?? null)
  }
  const atEnds = (name: 'valLoss' | 'valAccuracy' | 'trainAccuracy') =>
    rows.map(({ [name]: value }) => (Number.isFinite(value) ? value : null))
  const last = rows.at(-1)
  const known =
    last &&
    (Number.isFinite(last.valAccuracy)
      ? `validation ${percent(last.valAccuracy)}`
      : `training ${percent(last.trainAccuracy)}`)
  const xRange: [number, number] = [0, Math.max(1, epochs.value)]
  return (
    <div class="charts">
      <div>
        <h2>
          <Term name="loss" shown="Loss" />
        </h2>
        <Chart
          description={`Loss by epoch${last ? `; training ${last.trainLoss.toFixed(3)} in epoch ${last.epoch}` : ''}`}
          xLabel="Epoch"
          x={x}
          xRange={xRange}
          lines={[
            { label: 'training', values: at(points.value), colour: '--line-1' },
            {
              label: 'validation',
              values: at(ends.map((end, i) => [end, rows[i].valLoss] as const).filter(([, v]) => Number.isFinite(v))),
              colour: '--line-2',
              dots: true,
            },
          ]}
        />
      </div>
      {rows.length > 0 && (
        <div>
          <h2>
            <Term name="accuracy" shown="Accuracy" />
          </h2>
          <Chart
            description={`Accuracy by epoch; ${known} in epoch ${last!.epoch}`}
            xLabel="Epoch"
            x={ends}
            xRange={xRange}
            yRange={[0, 1]}
            lines={[
              { label: 'training', values: atEnds('trainAccuracy'), colour: '--line-1', dots: true },
              { label: 'validation', values: atEnds('valAccuracy'), colour: '--line-2', dots: true },
            ]}
          />
        </div>
      )}
    </div>
  )
}
