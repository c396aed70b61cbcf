// Samples in the order of their scores, so that a resample of them need not be sorted again: the measures that rank,
// of samples counted so often each, in one pass.
import { checkSamples } from './samples.js'

export class Ranked {
  /** Samples by falling score. */
  private readonly order: Uint32Array
  /** Whether a sample in that order is the last with its score. */
  private readonly ends: Uint8Array

  constructor(
    scores: ArrayLike<number>,
    private readonly positive: ArrayLike<boolean>,
  ) {
    checkSamples('ranked', scores, positive)
    this.order = Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a])
    this.ends = Uint8Array.from(this.order, (i, at) => (scores[i] === scores[this.order[at + 1]] ? 0 : 1))
  }

  /**
   * `rocAuc` and `averagePrecision` of the samples, each counted `counts[i]` times.
   * @returns NaN where these are.
   */
  measures(counts: ArrayLike<number>): { auc: number; averagePrecision: number } {
    const { order, ends, positive } = this
    let [sick, healthy] = [0, 0]
    for (let i = 0; i < order.length; i++)
      if (positive[i]) sick += counts[i]
      else healthy += counts[i]
    // Pairs of a positive and a negative sample in the right order, equal scores counting half.
    let [pairs, precision] = [0, 0]
    let [above, below, own, others] = [0, 0, 0, 0]
    for (let at = 0; at < order.length; at++) {
      const i = order[at]
      if (positive[i]) own += counts[i]
      else others += counts[i]
      if (!ends[at]) continue
      pairs += own * (healthy - below - others / 2)
      above += own
      below += others
      if (own > 0) precision += (own / sick) * (above / (above + below))
      own = others = 0
    }
    return {
      auc: sick > 0 && healthy > 0 ? pairs / (sick * healthy) : NaN,
      averagePrecision: sick > 0 ? precision : NaN,
    }
  }
}

/** How often each of n samples is drawn. */
export function countsOf(indices: ArrayLike<number>, n: number): Uint32Array {
  const counts = new Uint32Array(n)
  for (let i = 0; i < indices.length; i++) counts[indices[i]]++
  return counts
}
