// instanceNorm: groupNorm with a group a channel.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'instanceNorm',
  run: ({ x, weight = null, bias = null }, { eps }) => F.instanceNorm(x, weight, bias, { eps }),
  gradStep: (spread) => 1e-2 * spread,
  flops: perElement(7, 14),
} satisfies OpCase
