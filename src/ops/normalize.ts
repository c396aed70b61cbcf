// What batchNorm, layerNorm and groupNorm share: sums over rows, cut into chunks and merged in a fixed order.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import type { Tensor } from '../tensor/tensor.js'
import { type Shape, numel } from '../util/check.js'
import { LONGEST_SUM, ceilDiv, cutReduction, folded } from './occupancy.js'

/**
 * Rows cut into chunks of at least 16 and `atMost` (as many as keep the chunks within one dimension of a dispatch), for
 * kernels that take `across` workgroups a chunk.
 */
export function rowChunks(
  rows: number,
  across: number,
  atMost = Math.max(LONGEST_SUM, ceilDiv(rows, 65535)),
): { chunks: number; rows_per_chunk: number } {
  const { parts, perPart } = cutReduction(rows, { workgroups: across, waves: 4, atLeast: 16, atMost })
  return { chunks: parts, rows_per_chunk: perPart }
}

/**
 * x as sets of rows (all as one in batchNorm, the pixels of an image in groupNorm), and what goes over them: an
 * invocation a channel of a chunk of a set's rows.
 */
export function chunked(shape: Shape, sets: number) {
  const channels = shape[shape.length - 1]
  const rows = numel(shape) / (sets * channels)
  const across = sets * shaders.batchnorm_stats.workgroups({ invocations: channels })
  const { chunks, rows_per_chunk } = rowChunks(rows, across)
  return {
    chunks,
    sizes: { sets, rows, channels, chunks, rows_per_chunk },
    size: { invocations: folded(channels, sets * chunks) },
  }
}

/** Invocations that merge the chunks of a channel, as many as there is work for, and channels of a workgroup. */
export const runsFor = (chunks: number) =>
  chunks > 64 ? ({ RUNS: 64, CHANNELS: 4 } as const) : ({ RUNS: 1, CHANNELS: 16 } as const)

/** dweight and dbias [channels] out of parts [chunks, 2, channels]. */
export function mergeGradients(parts: Tensor, dweight: Tensor, dbias: Tensor, channels: number, chunks: number): void {
  const size = { elements: channels }
  gpu.run(shaders.batchnorm_backward_merge, { parts, dweight, dbias }, { channels, chunks }, size, runsFor(chunks))
}
