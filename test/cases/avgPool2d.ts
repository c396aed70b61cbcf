// avgPool2d, with the padding counted and not.
import * as F from '../../src/ops/index.js'
import type { OpCase } from './case.js'

export default {
  op: 'avgPool2d',
  run: ({ x }, attrs) => F.avgPool2d(x, attrs),
  flops: ({ y }, { kernelSize }) => {
    const [kh, kw] = [kernelSize, kernelSize].flat()
    const forward = y.reduce((a, b) => a * b, 1) * kh * kw
    return { forward, backward: forward }
  },
} satisfies OpCase
