// softmax and logSoftmax; attribute `fn` names them.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

type Attributes = { fn: 'softmax' | 'logSoftmax'; dim: number }

export default {
  op: 'softmax',
  run: ({ x }, { fn, dim }) => F[fn](x, { dim }),
  flops: perElement(4, 4),
} satisfies OpCase<Attributes>
