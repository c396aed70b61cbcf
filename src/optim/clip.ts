// Gradient clipping by the norm of all gradients together.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { checkParameters } from '../tensor/arena.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { check, shown } from '../util/check.js'
import { chunkedRuns } from './chunks.js'

/**
 * Scales the gradients of `params` so that their norm together is at most `maxNorm`, and returns the norm they had: a
 * scalar. Between `backward()` and `step()`. `torch.nn.utils.clip_grad_norm_`.
 * @throws when `maxNorm` is not positive, or no parameter has a gradient.
 */
export function clipGradNorm(params: readonly Tensor[], maxNorm: number): Tensor {
  check(
    typeof maxNorm === 'number' && maxNorm > 0,
    () => `clipGradNorm: maxNorm must be positive, got ${shown(maxNorm)}`,
  )
  checkParameters('clipGradNorm', params)
  const active = [...new Map(params.map((p) => [p.storage, p])).values()].filter((p) => p.grad) // each once
  check(active.length > 0, 'clipGradNorm: no parameter has a gradient; call it after backward()')
  const runs = chunkedRuns(active)
  const size = 64 * runs.reduce((n, { chunks }) => n + chunks.shape[0], 0)
  const parts = empty([size], 'f32', 'squares')
  let offset = 0
  for (const { gradients: g, chunks } of runs) {
    const count = chunks.shape[0]
    gpu.run(shaders.square_sums, { g, chunks, parts }, { count, offset }, { groups: count })
    offset += 64 * count
  }
  const fewer = Math.min(size, 4096)
  const sums = empty([fewer], 'f32', 'squares')
  gpu.run(
    shaders.sum_forward,
    { x: parts, y: sums, beside: null, beside_y: null },
    { outer: 1, size, inner: 1, parts: fewer, scale: 1, more: 0 },
    { invocations: fewer },
  )
  const norm = empty([], 'f32', 'gradient norm')
  gpu.run(shaders.gradient_norm, { parts: sums, norm }, { n: fewer }, { groups: 1 })
  for (const { gradients: g, floats: n } of runs)
    gpu.run(shaders.clip_scale, { g, norm }, { n, max_norm: maxNorm }, { elements: n })
  return norm
}
