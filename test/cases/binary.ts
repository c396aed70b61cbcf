// Two-argument elementwise functions with broadcasting; attribute `fn` names them.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: 'add' | 'sub' | 'mul' | 'div' }

export default {
  op: 'binary',
  run: ({ a, b }, { fn }) => F[fn](a, b),
  flops: perElement(1, 2),
} satisfies OpCase<Attributes>
