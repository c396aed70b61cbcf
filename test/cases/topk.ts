// The largest and smallest along axes and their places: max, min, amax, amin, argmax, argmin, topk (attribute `fn`);
// `of` names the result.
import * as F from '../../src/ops/index.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type OpCase, perElement } from './case.js'

interface Attributes {
  fn: 'max' | 'min' | 'amax' | 'amin' | 'argmax' | 'argmin' | 'topk'
  of: 'values' | 'indices'
  k?: number
  options?: { dim: number; keepdim?: boolean }
}

export default {
  op: 'topk',
  run({ x }, { fn, of, k, options }) {
    const y: Tensor | F.ValuesAndIndices = fn === 'topk' ? F.topk(x, k!, options) : F[fn](x, options!)
    return 'values' in y ? y[of] : y
  },
  // A step may change which is the largest.
  gradStep: () => 1e-4,
  gradTolerance: () => 2e-2,
  flops: perElement(1, 0, 'x'),
} satisfies OpCase<Attributes>
