// Sums over several processes as an operator.
import { gpu } from '../gpu/gpu.js'
import type { HostExchange } from '../gpu/recording.js'
import { defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'

export type { HostExchange } from '../gpu/recording.js'

const allReduceOp = defineOp({
  name: 'allReduce',
  shape: ({ x }: { x: Tensor }, _: { sum: HostExchange }) => ({ y: x.shape }),
  forward({ x }, { y }, { sum }) {
    gpu.copy(x, y)
    gpu.exchange(y, y.size, sum)
  },
  // What this process gives changes the sums in all of them.
  backward(_, { y: dy }, { x: dx }, { sum }) {
    if (!dx) return
    gpu.copy(dy, dx)
    gpu.exchange(dx, dx.size, sum)
  },
})

/**
 * The sums of `x` over several processes, f32 of any shape: a step is submitted up to here, `sum` makes of the values
 * of this process those of all, and the step goes on. All processes record the same such calls. In a recorded step
 * alone. `torch.distributed.nn.functional.all_reduce`.
 */
export const allReduce = (x: Tensor, sum: HostExchange): Tensor => allReduceOp({ x }, { sum }).y
