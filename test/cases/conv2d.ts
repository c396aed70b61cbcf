// conv2d: every stride, padding, dilation and grouping the engine takes.
import * as F from '../../src/ops/index.js'
import type { OpCase } from './case.js'

export default {
  op: 'conv2d',
  run: ({ x, weight, bias }, attrs) => F.conv2d(x, weight, bias ?? null, attrs),
  flops: ({ weight, y }) => {
    const [kh, kw, channelsPerGroup] = weight
    const forward = 2 * y.reduce((a, b) => a * b, 1) * kh * kw * channelsPerGroup
    return { forward, backward: 2 * forward }
  },
} satisfies OpCase
