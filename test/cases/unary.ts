// One-argument elementwise functions; attribute `fn` names them, `options` are their numbers.
import * as F from '../../src/ops/index.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: keyof typeof F; options?: object }

/** Those with a kink, which a step may cross. */
const KINKED = ['relu', 'abs', 'leakyRelu', 'elu', 'clamp']

export default {
  op: 'unary',
  run: ({ x }, { fn, options }) => (F[fn] as (x: Tensor, options?: object) => Tensor)(x, options),
  gradTolerance: ({ fn }) => (KINKED.includes(fn) ? 1e-2 : 2e-3),
  gradStep: (_, { fn }) => (KINKED.includes(fn) ? 1e-3 : 3e-3),
  flops: perElement(1, 1),
} satisfies OpCase<Attributes>
