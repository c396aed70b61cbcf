// Comparisons; attribute `fn` names them, `right` is a number in place of the second operand. Without gradients.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'compare',
  run: ({ a, b }, { fn, right }) => F[fn](a, right ?? b),
  flops: perElement(1, 0),
} satisfies OpCase<{ fn: 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'; right?: number }>
