// What batchNorm, layerNorm and groupNorm share: sums over rows, cut into chunks and merged in a fixed order.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import type { Tensor } from '../tensor/tensor.js'
import { LONGEST_SUM, ceilDiv, cutReduction } from './occupancy.js'

/** Rows cut into chunks of at least 16, for kernels that take `across` workgroups a chunk. */
export function rowChunks(rows: number, across: number): { chunks: number; rows_per_chunk: number } {
  const atMost = Math.max(LONGEST_SUM, ceilDiv(rows, 65535)) // a dispatch has 65535 chunks at most
  const { parts, perPart } = cutReduction(rows, { workgroups: across, waves: 4, atLeast: 16, atMost })
  return { chunks: parts, rows_per_chunk: perPart }
}

/** Invocations that merge the chunks of a channel: as many as there is work for. */
export const runsFor = (chunks: number) => (chunks > 64 ? 16 : 1)

/** dweight and dbias [channels] out of parts [chunks, 2, channels]. */
export function mergeGradients(parts: Tensor, dweight: Tensor, dbias: Tensor, channels: number, chunks: number): void {
  const size = { elements: channels }
  gpu.run(shaders.batchnorm_backward_merge, { parts, dweight, dbias }, { channels, chunks }, size, {
    RUNS: runsFor(chunks),
  })
}
