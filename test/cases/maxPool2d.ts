// maxPool2d, with ties: the gradient goes to the first largest element of a window.
import * as F from '../../src/ops/index.js'
import type { OpCase } from './case.js'

export default {
  op: 'maxPool2d',
  run: ({ x }, { kernelSize, stride, padding }) => F.maxPool2d(x, { kernelSize, stride, padding }),
  gradTolerance: () => 1e-2,
  gradStep: () => 1e-3,
  flops: ({ y }, { kernelSize: [kh, kw] }) => ({
    forward: y.reduce((a, b) => a * b, 1) * kh * kw,
    backward: y.reduce((a, b) => a * b, 1),
  }),
} satisfies OpCase
