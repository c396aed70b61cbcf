// Running sums along `dim`.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'cumsum',
  run: ({ x }, { dim }) => F.cumsum(x, dim),
  flops: perElement(1, 1, 'x'),
} satisfies OpCase<{ dim: number }>
