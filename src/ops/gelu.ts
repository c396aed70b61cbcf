// The Gaussian error linear unit, exact and by tanh.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'

export interface GeluOptions {
  /** 'none': x·Φ(x) to f32 rounding; 'tanh': the approximation that some checkpoints were trained with. */
  approximate?: 'none' | 'tanh'
}

const geluOp = defineOp({
  name: 'gelu',
  dtypes: { x: FLOATS },
  saves: ['x'],
  shape: ({ x }: { x: Tensor }, _: { TANH: boolean }) => ({ y: x.shape }),
  forward({ x }, { y }, constants) {
    gpu.run(shaders.gelu_forward, { x, y }, { n: x.size }, Math.ceil(x.size / 256), { ...constants, T: x.element })
  },
  backward({ x }, { y: dy }, { x: dx }, { TANH }) {
    if (dx) geluBackward(x, dy, dx, TANH ? 'tanh' : 'none')
  },
})

/** dx = dy · gelu′(x). */
export function geluBackward(x: Tensor, dy: Tensor, dx: Tensor, approximate: 'none' | 'tanh'): void {
  gpu.run(shaders.gelu_backward, { x, dy, dx }, { n: x.size }, Math.ceil(x.size / 256), {
    TANH: approximate === 'tanh',
    T: x.element,
  })
}

/** x·Φ(x), any shape. `torch.nn.functional.gelu` (Hendrycks & Gimpel 2016). */
export function gelu(x: Tensor, { approximate = 'none' }: GeluOptions = {}): Tensor {
  check(approximate === 'none' || approximate === 'tanh', `gelu: approximate must be none or tanh, got ${approximate}`)
  return geluOp({ x }, { TANH: approximate === 'tanh' }).y
}
