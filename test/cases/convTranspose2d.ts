// convTranspose2d: every stride, padding, output padding, dilation and grouping the engine takes.
import * as F from '../../src/ops/index.js'
import type { OpCase } from './case.js'

export default {
  op: 'convTranspose2d',
  run: ({ x, weight, bias }, attrs) => F.convTranspose2d(x, weight, bias ?? null, attrs),
  flops: ({ x, weight }) => {
    const [kh, kw, channelsPerGroup] = weight
    const forward = 2 * x.reduce((a, b) => a * b, 1) * kh * kw * channelsPerGroup
    return { forward, backward: 2 * forward }
  },
} satisfies OpCase
