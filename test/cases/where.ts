// Choosing elements: where, maskedFill, tril, triu (attribute `fn`).
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

type Attributes =
  | { fn: 'where'; a?: number; b?: number }
  | { fn: 'maskedFill'; value: number }
  | { fn: 'tril' | 'triu'; diagonal: number }

export default {
  op: 'where',
  run({ condition, a, b, x, value }, attrs) {
    if (attrs.fn === 'where') return F.where(condition, attrs.a ?? a, attrs.b ?? b)
    if (attrs.fn === 'maskedFill') return F.maskedFill(x, condition, value ?? attrs.value)
    return F[attrs.fn](x, { diagonal: attrs.diagonal })
  },
  flops: perElement(1, 1),
} satisfies OpCase<Attributes>
