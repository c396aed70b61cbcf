// Losses between an input and a target; attribute `fn` names them.
import * as F from '../../src/ops/index.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: keyof typeof F; options: object }

export default {
  op: 'losses',
  run({ input, target, weight, posWeight }, { fn, options }) {
    const loss = F[fn] as (input: Tensor, target: Tensor, options: object) => Tensor
    return loss(input, target, { ...options, ...(weight && { weight }), ...(posWeight && { posWeight }) })
  },
  flops: perElement(4, 4, 'input'),
} satisfies OpCase<Attributes>
