// One-argument elementwise functions; attribute `fn` names them.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: 'relu' | 'exp' | 'log' | 'sqrt' | 'neg' | 'sigmoid' | 'tanh' | 'abs' | 'silu' | 'hardswish' }

export default {
  op: 'unary',
  run: ({ x }, { fn }) => F[fn](x),
  gradTolerance: ({ fn }) => (fn === 'relu' || fn === 'abs' ? 1e-2 : 2e-3),
  gradStep: (_, { fn }) => (fn === 'relu' || fn === 'abs' ? 1e-3 : 3e-3),
  flops: perElement(1, 1),
} satisfies OpCase<Attributes>
