// var, std, norm and logSumExp (attribute `fn`); p 'inf' is Infinity, '-inf' its negative.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: 'var' | 'std' | 'norm' | 'logSumExp'; options: { p?: number | 'inf' | '-inf' } }

export default {
  op: 'deviation',
  run({ x }, { fn, options: { p, ...options } }) {
    const named = p === 'inf' ? Infinity : p === '-inf' ? -Infinity : p
    return F[fn](x, { ...options, ...(p !== undefined && { p: named }) } as object)
  },
  flops: perElement(3, 3, 'x'),
} satisfies OpCase<Attributes>
