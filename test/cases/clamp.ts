// clamp between bounds of which one is a tensor (attributes `min`, `max`: the one that is a number).
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

interface Attributes {
  min?: number
  max?: number
}

export default {
  op: 'clamp',
  run: ({ x, min, max }, numbers) => F.clamp(x, { min: min ?? numbers.min, max: max ?? numbers.max }),
  // A step may cross a bound.
  gradTolerance: () => 1e-2,
  gradStep: () => 1e-3,
  flops: perElement(2, 2, 'x'),
} satisfies OpCase<Attributes>
