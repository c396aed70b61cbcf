// matmul: matrices and batches that broadcast.
import * as F from '../../src/ops/index.js'
import type { OpCase } from './case.js'

export default {
  op: 'matmul',
  run: ({ a, b }) => F.matmul(a, b),
  flops: ({ a, y }) => {
    const forward = 2 * y.reduce((m, n) => m * n, 1) * a[a.length - 1]
    return { forward, backward: 2 * forward }
  },
} satisfies OpCase
