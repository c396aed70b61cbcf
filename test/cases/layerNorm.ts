// layerNorm over the last axes.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'layerNorm',
  run: ({ x, weight = null, bias = null }, { normalizedShape, eps }) =>
    F.layerNorm(x, normalizedShape, weight, bias, { eps }),
  gradStep: (spread) => 1e-2 * spread,
  flops: perElement(7, 14),
} satisfies OpCase
