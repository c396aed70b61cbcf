// Two-argument elementwise functions with broadcasting; attribute `fn` names them, `left` or `right` is a number in
// place of an operand.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

interface Attributes {
  fn: 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'pow'
  left?: number
  right?: number
}

export default {
  op: 'binary',
  run: ({ a, b }, { fn, left, right }) => F[fn](left ?? a, right ?? b),
  // A step may cross a kink.
  gradTolerance: ({ fn }) => (fn.endsWith('imum') ? 1e-2 : 2e-3),
  gradStep: (spread, { fn }) => (fn.endsWith('imum') ? 1e-3 : 1e-2 * Math.min(1, spread)),
  flops: perElement(1, 2),
} satisfies OpCase<Attributes>
