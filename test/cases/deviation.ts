// var, std, norm and logSumExp (attribute `fn`); p 'inf' is Infinity.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: 'var' | 'std' | 'norm' | 'logSumExp'; options: { p?: 1 | 'inf' } }

export default {
  op: 'deviation',
  run: ({ x }, { fn, options }) => F[fn](x, { ...options, ...(options.p === 'inf' && { p: Infinity }) } as object),
  flops: perElement(3, 3, 'x'),
} satisfies OpCase<Attributes>
