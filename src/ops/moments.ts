// What convolutions leave by the way for a batchNorm, which then needs no pass over memory for it: statistics of their
// result for the norm that follows in training (lib/columns.wgsl); and, of the norm that made their input, the sums of
// its backward pass (lib/columnsums.wgsl).
import { gpu } from '../gpu/gpu.js'
import type { Storage } from '../gpu/storage.js'
import { type Tensor, empty } from '../tensor/tensor.js'

/** [chunks, 2, channels], as the first stage of a norm's sums leaves them. */
interface Left {
  parts: Tensor
  /** Of sums, the statistics of the norm that they are for: a gradient may be passed on, as it is, to another norm. */
  stats: Storage | null
  /** That of the tensor's bytes then. */
  version: number
  /** The rows of x [..., channels] that a chunk has; of a gradient they are any. */
  cut: { chunks: number; rows_per_chunk: number }
}

const known = new WeakMap<Storage, Left>()
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

/** Whether {@link beforeBatchNorm} runs. */
export const isBeforeBatchNorm = (): boolean => wanted

/** Where a kernel is to leave what it finds of t [..., channels] in so many chunks. */
export function partsFor(t: Tensor, chunks: number, rows_per_chunk: number, stats?: Tensor): Tensor | null {
  if (gpu.isDrafting) return null // another one may be chosen
  const parts = empty([chunks, 2, t.shape[t.shape.length - 1]], 'f32', 'batchNorm parts')
  known.set(t.storage, {
    parts,
    stats: stats?.storage ?? null,
    version: t.storage.version,
    cut: { chunks, rows_per_chunk },
  })
  return parts
}

/**
 * What the kernel that made t has left: of a gradient, for the norm with these statistics. Nothing where t was written
 * since or is seen with other channels, or where a `tidy` has ended between.
 */
export function partsOf(t: Tensor, stats?: Tensor): Left | null {
  const left = known.get(t.storage)
  const fits =
    left?.stats === (stats?.storage ?? null) &&
    left.parts.storage.state !== 'dead' &&
    left.version === t.storage.version &&
    left.parts.shape[2] === t.shape[t.shape.length - 1]
  return fits ? left : null
}
