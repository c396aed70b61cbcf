// scaledDotProductAttention on [B, H, T, D], also causal and across sequences of two lengths.
import * as F from '../../src/ops/index.js'
import type { OpCase } from './case.js'

export default {
  op: 'scaledDotProductAttention',
  run: ({ q, k, v }, { isCausal }) => F.scaledDotProductAttention(q, k, v, { isCausal }),
  // Sharp softmaxes bend over short distances.
  gradStep: () => 2e-3,
  flops: ({ q, k }) => {
    const [b, h, t, d] = q
    const forward = 4 * b * h * t * k[2] * d
    return { forward, backward: 2.5 * forward }
  },
} satisfies OpCase
