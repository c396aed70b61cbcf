// Operators that put elements in other places, or in several.
import * as F from '../../src/ops/index.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'rearrange',
  run(inputs, { fn, args, some }) {
    if (fn === 'stack') return F.stack(Object.values(inputs), ...args)
    const result = (F[fn as keyof typeof F] as (...given: unknown[]) => Tensor | Tensor[])(inputs.x, ...args)
    if (!Array.isArray(result)) return result
    return F.cat(result.filter((_, i) => !some || i % 2 === 0).reverse(), args[1])
  },
  flops: perElement(0, 0),
} satisfies OpCase
