// Intervals of the measures at a threshold: two thousand resamples, too slow for the page's own thread.
import { type Interval, bootstrapIntervals, resamples } from '../src/stats/bootstrap.js'
import { measureOf } from '../src/stats/summary.js'

export interface FiguresRequest {
  scores: Float64Array
  positive: boolean[]
  patients: readonly string[]
  threshold: number
}

export type Figures = { threshold: number; measures: Record<string, Interval> }

addEventListener('message', ({ data }: MessageEvent<FiguresRequest>) => {
  const { scores, positive, patients, threshold } = data
  const draws = resamples(patients, positive, { stratify: true })
  const measures = bootstrapIntervals(measureOf(scores, positive, { threshold }), scores.length, draws)
  postMessage({ threshold, measures } satisfies Figures)
})
