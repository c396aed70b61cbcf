// sum and mean over axes; `dim` null takes all.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: 'sum' | 'mean'; dim: number[] | null; keepdim: boolean }

export default {
  op: 'reduce',
  run: ({ x }, { fn, dim, keepdim }) => F[fn](x, dim ? { dim, keepdim } : undefined),
  flops: perElement(1, 0, 'x'),
} satisfies OpCase<Attributes>
