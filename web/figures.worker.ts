// Intervals of the measures at a threshold: two thousand resamples, too slow for the page's own thread.
import type { Interval } from '../src/stats/bootstrap.js'
import { binaryIntervals } from '../src/stats/intervals.js'

export interface FiguresRequest {
  scores: Float64Array
  positive: boolean[]
  patients: readonly string[]
  threshold: number
}

export type Figures = { threshold: number; measures: Record<string, Interval> }

addEventListener('message', ({ data }: MessageEvent<FiguresRequest>) => {
  const { scores, positive, patients, threshold } = data
  const measures = binaryIntervals(scores, positive, patients, { threshold })
  postMessage({ threshold, measures } satisfies Figures)
})
