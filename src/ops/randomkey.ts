// What random numbers on the GPU are keyed by (shaders/lib/rng.wgsl).
import { gpu } from '../gpu/gpu.js'

/** Key of a call's random numbers; evaluated at each execution, alike in both passes. */
export type Key = () => { seed: number; stream: number; step: number }

/** The key of the next call: every one has numbers of its own. */
export function randomKey(): Key {
  const owner = gpu
  const { seed, stream } = gpu.rng()
  // Outside a step the counter may move between forward and backward; there the stream alone tells calls apart.
  const step = gpu.recording ? () => owner.stepCounter : () => 0x80000000
  return () => ({ seed, stream, step: step() })
}
