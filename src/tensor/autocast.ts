// Mixed precision: which dtype the expensive operators compute in.
import { gpu } from '../gpu/gpu.js'
import { check } from '../util/check.js'

let half = false

/** Whether products and convolutions are to be computed from f16. */
export const autocasting = () => half

/**
 * Runs `fn` with `conv2d`, `linear`, `matmul` and attention computing from f16 (sums in f32) and giving f16; whatever
 * follows them takes its dtype from its input. Parameters, statistics, softmax and losses stay f32. `torch.autocast`;
 * for the backward pass see `optim.GradScaler`.
 */
export function autocast<T>(fn: () => T, { enabled = true }: { enabled?: boolean } = {}): T {
  check(!enabled || gpu.caps.f16, "autocast: needs an adapter with the feature 'shader-f16', got one without")
  const before = half
  half = enabled
  try {
    return fn()
  } finally {
    half = before
  }
}
