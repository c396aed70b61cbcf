// interpolate: nearest and bilinear, by size and by factor.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'interpolate',
  run: ({ x }, attrs) => F.interpolate(x, attrs),
  flops: perElement(8, 8),
} satisfies OpCase
