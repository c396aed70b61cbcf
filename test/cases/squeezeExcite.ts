// squeezeExcite: pool, two layers, gate and scale.
import * as F from '../../src/ops/index.js'
import type { OpCase } from './case.js'

export default {
  op: 'squeezeExcite',
  run: ({ x, w1, b1, w2, b2 }, attrs) => F.squeezeExcite(x, w1, b1, w2, b2, attrs),
  // One sum and one product an element, the layers being small; backward sums products, scales and adds.
  flops({ x }) {
    const size = x.reduce((a, b) => a * b, 1)
    return { forward: 2 * size, backward: 4 * size }
  },
} satisfies OpCase
