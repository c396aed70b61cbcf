// Runs of gradients in pieces that leave out the alignment gaps between parameters.
import { type Run, contiguousRuns } from '../tensor/arena.js'
import { type Tensor, upload } from '../tensor/tensor.js'

const CHUNK = 4096

/** A run with its pieces on the GPU, [count, 2]: first element (from the start of the run) and length. */
export interface ChunkedRun extends Run {
  chunks: Tensor
}

/** Pieces by the buffer of the parameters and their places: made once. */
const tables = new WeakMap<GPUBuffer, Map<string, Tensor>>()

function chunksOf({ parameters: { buffer, offset, byteLength } }: Run, params: readonly Tensor[]): Tensor {
  const pieces: number[] = []
  for (const { storage: s, size } of params) {
    if (s.buffer !== buffer || s.offset < offset || s.offset >= offset + byteLength) continue
    const first = (s.offset - offset) / 4
    for (let at = 0; at < size; at += CHUNK) pieces.push(first + at, Math.min(CHUNK, size - at))
  }
  const made = tables.get(buffer!) ?? new Map<string, Tensor>()
  tables.set(buffer!, made)
  const key = pieces.join()
  const there = made.get(key)
  const table = there?.storage.state === 'live' ? there : upload(Uint32Array.from(pieces), [pieces.length / 2, 2])
  made.set(key, table)
  return table
}

/** The gradients of `params`, neighbours together. */
export function chunkedRuns(params: readonly Tensor[]): ChunkedRun[] {
  return contiguousRuns(params).map((run) => ({ ...run, chunks: chunksOf(run, params) }))
}
