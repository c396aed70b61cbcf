// Statistics of a convolution's result that its kernel makes by the way (lib/columns.wgsl), for the batchNorm that
// follows in training: a pass over memory fewer.
import { gpu } from '../gpu/gpu.js'
import type { Storage } from '../gpu/storage.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { ceilDiv } from './occupancy.js'

interface Moments {
  /** [chunks, 2, channels]: of each chunk of rows the mean and the root of the sum of squared deviations from it. */
  parts: Tensor
  cut: { chunks: number; rows_per_chunk: number }
}

const known = new WeakMap<Storage, Moments>()
let wanted = false

/** Runs what makes the input of a batchNorm in training: convolutions in it may leave statistics of their results. */
export function beforeBatchNorm(run: () => Tensor): Tensor {
  wanted = true
  try {
    return run()
  } finally {
    wanted = false
  }
}

/** Where a kernel is to leave the moments of y [..., channels], a chunk of so many rows each; null where nobody asks. */
export function momentsFor(y: Tensor, rows_per_chunk: number): Tensor | null {
  if (!wanted || gpu.isDrafting) return null
  const channels = y.shape[y.shape.length - 1]
  const chunks = ceilDiv(y.size / channels, rows_per_chunk)
  const parts = empty([chunks, 2, channels], 'f32', 'batchNorm parts')
  known.set(y.storage, { parts, cut: { chunks, rows_per_chunk } })
  return parts
}

export const momentsOf = (x: Tensor): Moments | undefined => known.get(x.storage)
