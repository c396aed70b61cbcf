// BatchNorm whose statistics are those of several processes together.
import { gpu } from '../gpu/gpu.js'
import { type HostExchange, allReduce } from '../ops/allreduce.js'
import { full } from '../ops/create.js'
import * as F from '../ops/index.js'
import * as shaders from '../shaders.gen.js'
import { noGrad } from '../tensor/mode.js'
import { BatchNorm2d } from './layers.js'
import { check, kindOf } from '../util/check.js'
import { Module } from './module.js'

/**
 * From here on the BatchNorm layers of a model use, in training mode, the mean and variance over the images of all
 * processes, and gradients flow through both; running statistics are then the same everywhere. Works in recorded steps
 * alone, of which all processes run the same ones. `torch.nn.SyncBatchNorm.convert_sync_batchnorm`.
 *
 * @param sum adds up values over all processes, in place, as a group's `sum`.
 * @returns how many layers it found.
 * @throws unless it is given a module and a function.
 */
export function convertSyncBatchNorm(model: Module, sum: HostExchange): number {
  check(
    model instanceof Module && typeof sum === 'function',
    () => `convertSyncBatchNorm: needs a module and a function, got ${kindOf(model)} and ${kindOf(sum)}`,
  )
  const layers = [...model.modules()].filter((module) => module instanceof BatchNorm2d)
  for (const layer of layers)
    layer.synchronised = (x, { momentum, eps }) => {
      const { weight, bias, runningMean, runningVar } = layer
      const channels = x.shape[x.shape.length - 1]
      const rows = x.size / channels
      const values = F.reshape(F.cast(x, 'f32'), [rows, channels])
      const sums = allReduce(F.cat([F.sum(values, 0), full([1], rows)]), sum)
      const count = noGrad(() => F.slice(sums, { dim: 0, start: channels, end: channels + 1 }))
      const mean = F.div(F.slice(sums, { dim: 0, start: 0, end: channels }), count)
      const apart = F.sub(values, mean)
      const variance = F.div(allReduce(F.sum(F.mul(apart, apart), 0), sum), count)
      const params = (share: number) => ({ channels, momentum: share, keep: 1 - share })
      gpu.run(
        shaders.batchnorm_follow,
        { mean, variance, count, running_mean: runningMean, running_var: runningVar },
        typeof momentum === 'function' ? () => params(momentum()) : params(momentum),
        { invocations: channels },
      )
      const y = F.add(F.mul(apart, F.div(weight, F.sqrt(F.add(variance, eps)))), bias)
      return F.cast(F.reshape(y, x.shape), x.dtype as 'f32')
    }
  return layers.length
}
