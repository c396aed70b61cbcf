// Dropout whose mask is a function of (seed, step, call, element): nothing is stored for the backward pass.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'

interface Attributes {
  p: number
  /** The random numbers' key; evaluated at each execution, alike in both passes. */
  key: () => { seed: number; stream: number; step: number }
}

function mask(x: Tensor, y: Tensor, { p, key }: Attributes): void {
  const n = x.size
  gpu.run(shaders.dropout, { x, y }, () => ({ n, p, scale: p < 1 ? 1 / (1 - p) : 0, ...key() }), Math.ceil(n / 256))
}

const dropoutOp = defineOp({
  name: 'dropout',
  shape: ({ x }: { x: Tensor }, _: Attributes) => ({ y: x.shape }),
  forward({ x }, { y }, attrs) {
    mask(x, y, attrs)
  },
  backward(_, { y: dy }, { x: dx }, attrs) {
    if (dx) mask(dy, dx, attrs)
  },
})

/** Zeroes elements with probability p and scales the rest by 1/(1-p) while training; otherwise x itself. `torch.nn.functional.dropout`. */
export function dropout(x: Tensor, p = 0.5, training = true): Tensor {
  check(p >= 0 && p <= 1, `dropout: p must be between 0 and 1, got ${p}`)
  if (!training || p === 0) return x
  const owner = gpu
  const { seed, stream } = gpu.rng()
  // Outside a step the counter may move between forward and backward; there the stream alone tells calls apart.
  const step = gpu.recording ? () => owner.stepCounter : () => 0x80000000
  return dropoutOp({ x }, { p, key: () => ({ seed, stream, step: step() }) }).y
}
