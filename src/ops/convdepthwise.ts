// Depthwise convolutions: every input channel has output channels of its own, so there is no sum over channels and
// nothing to gain from tiles.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { generalParams } from './convdirect.js'
import { type Attributes, type Epilogue, bindings, constants, flags } from './convgeometry.js'
import { ceilDiv } from './gemm.js'
import { sumMiddle } from './reduce.js'

/** Neighbouring pixels that an invocation makes. */
const RUN = 4

export const isDepthwise = (w: readonly number[], { groups }: Attributes): boolean => groups > 1 && w[2] === 1

export function depthwiseForward(x: Tensor, weight: Tensor, y: Tensor, attrs: Attributes, epilogue: Epilogue): void {
  const [n, oh, ow, co] = y.shape
  gpu.run(
    shaders.conv2d_depthwise_forward,
    { x, w: weight, y, ...bindings(epilogue) },
    { ...generalParams(x.shape, weight.shape, y.shape, attrs), ...flags(epilogue) },
    ceilDiv(n * oh * ceilDiv(ow, RUN) * co, 64),
    { T: x.element, ...constants(epilogue) },
  )
}

export function depthwiseBackwardInput(weight: Tensor, dy: Tensor, dx: Tensor, attrs: Attributes): void {
  const [n, h, w, c] = dx.shape
  gpu.run(
    shaders.conv2d_depthwise_backward_input,
    { dy, w: weight, dx },
    generalParams(dx.shape, weight.shape, dy.shape, attrs),
    ceilDiv(n * h * ceilDiv(w, RUN) * c, 64),
    { T: dy.element },
  )
}

export function depthwiseBackwardWeight(x: Tensor, dy: Tensor, dWeight: Tensor, attrs: Attributes): void {
  const lines = dy.shape[0] * dy.shape[1]
  const wanted = Math.min(lines, ceilDiv(64 * 4 * gpu.caps.parallelism, dWeight.size))
  const k_per_split = ceilDiv(lines, wanted)
  const splits = ceilDiv(lines, k_per_split)
  const parts = splits > 1 ? empty([splits, dWeight.size], 'f32', 'conv2d dw parts') : dWeight
  gpu.run(
    shaders.conv2d_depthwise_backward_weight,
    { x, dy, dw: parts },
    { ...generalParams(x.shape, dWeight.shape, dy.shape, attrs), splits, k_per_split },
    ceilDiv(splits * dWeight.size, 64),
    { T: x.element },
  )
  if (splits > 1) sumMiddle(parts, dWeight, 1, splits, dWeight.size, 1)
}
