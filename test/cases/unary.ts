// One-argument elementwise functions; attribute `fn` names them.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: 'relu' | 'exp' | 'log' | 'sqrt' | 'neg' | 'sigmoid' | 'tanh' | 'abs' }

export default {
  op: 'unary',
  run: ({ x }, { fn }) => F[fn](x),
  gradTolerance: 1e-2,
  gradStep: () => 1e-3,
  flops: perElement(1, 1),
} satisfies OpCase<Attributes>
