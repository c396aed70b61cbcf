// gelu: exact and by tanh.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'gelu',
  run: ({ x }, { approximate }) => F.gelu(x, { approximate }),
  flops: perElement(12, 20),
} satisfies OpCase
