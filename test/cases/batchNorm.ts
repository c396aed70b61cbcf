// batchNorm and its fusions with relu and a residual.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'batchNorm',
  run: (
    { x, residual, runningMean = null, runningVar = null, weight = null, bias = null },
    { fn, training, momentum, eps },
  ) => {
    const options = { training, momentum, eps }
    if (fn === 'batchNormRelu') return F.batchNormRelu(x, runningMean, runningVar, weight, bias, options)
    if (fn === 'batchNormAddRelu')
      return F.batchNormAddRelu(x, residual, runningMean, runningVar, weight, bias, options)
    return F.batchNorm(x, runningMean, runningVar, weight, bias, options)
  },
  gradTolerance: ({ fn }) => (fn === 'batchNorm' ? 2e-3 : 3e-2),
  gradStep: (spread, { fn }) => (fn === 'batchNorm' ? 1e-2 : 1e-3) * spread,
  flops: perElement(6, 12),
} satisfies OpCase
