// groupNorm over positions and groups of channels.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'groupNorm',
  run: ({ x, weight = null, bias = null }, { numGroups, eps }) => F.groupNorm(x, numGroups, weight, bias, { eps }),
  gradStep: (spread) => 1e-2 * spread,
  flops: perElement(7, 14),
} satisfies OpCase
