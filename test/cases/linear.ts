// linear: x·weightᵀ + bias over the last axis.
import * as F from '../../src/ops/index.js'
import type { OpCase } from './case.js'

export default {
  op: 'linear',
  run: ({ x, weight, bias }) => F.linear(x, weight, bias ?? null),
  flops: ({ x, weight }) => {
    const forward = 2 * x.reduce((a, b) => a * b, 1) * weight[0]
    return { forward, backward: 2 * forward }
  },
} satisfies OpCase
