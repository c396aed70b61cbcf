// The ROC curve with its threshold, which can be dragged.
import { useMemo } from 'preact/hooks'
import { rocCurve } from '../../src/stats/curves.js'
import { countsAt, ratesOf } from '../../src/stats/threshold.js'
import { cornerAt } from '../curve.js'
import { Chart } from './Chart.js'
import { Explain, Term } from './Term.js'

interface Props {
  scores: Float64Array
  positive: boolean[]
  name: string
  threshold: number
  /** Of the checkpoint. */
  own: number
  setThreshold: (threshold: number) => void
}

export function Roc({ scores, positive, name, threshold, own, setThreshold }: Props) {
  const { thresholds, falsePositiveRate, truePositiveRate } = useMemo(() => rocCurve(scores, positive), [scores])
  const at = cornerAt(thresholds, threshold)
  const { sensitivity, specificity } = ratesOf(countsAt(scores, positive, threshold))
  const reached = `sensitivity ${sensitivity.toFixed(3)}, specificity ${specificity.toFixed(3)}`
  return (
    <div>
      <h2>
        <Term name="ROC curve" />
      </h2>
      <Chart
        description={`ROC curve; at the threshold ${reached}`}
        xLabel="1 − specificity"
        x={falsePositiveRate}
        xRange={[0, 1]}
        yRange={[0, 1]}
        lines={[
          { label: 'sensitivity', values: truePositiveRate, colour: '--line-1' },
          { label: 'chance', values: falsePositiveRate, colour: '--grid', dashed: true },
          {
            label: 'threshold',
            values: truePositiveRate.map((rate, i) => (i === at ? rate : null)),
            colour: '--line-2',
            dots: true,
          },
        ]}
      />
      <label for="threshold">Threshold</label> <Explain name="threshold" />
      <input
        id="threshold"
        type="range"
        min="0"
        max="1"
        step="0.001"
        value={threshold}
        aria-valuetext={`${threshold.toFixed(3)}: ${reached}`}
        onInput={(event) => setThreshold(Number(event.currentTarget.value))}
      />
      <p>
        {`${name} is called from a probability of `}
        <output for="threshold">{threshold.toFixed(3)}</output>
        {` on: ${reached}. `}
        {threshold !== own && (
          <button type="button" class="secondary small" onClick={() => setThreshold(own)}>
            Back to {own.toFixed(3)}, the model’s own
          </button>
        )}
      </p>
    </div>
  )
}
