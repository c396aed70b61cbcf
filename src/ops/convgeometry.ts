// What the kernels of a convolution share: the problem they solve, its geometry as they name it, and what may follow it
// in the same kernel.
import type { Tensor } from '../tensor/tensor.js'
import type { Activation, Normed } from '../tensor/tape.js'

export interface Attributes {
  stride: [number, number]
  padding: [number, number]
  dilation: [number, number]
  groups: number
}

/** What follows the sum in the same kernel, each if wanted: · scale, + bias (both [CO]), + residual, activation. */
export interface Epilogue {
  scale: Tensor | null
  bias: Tensor | null
  residual: Tensor | null
  activation: Activation
}

/**
 * One pass of a convolution. Of x [N, H, W, C], weight [KH, KW, C / groups, CO] and y [N, OH, OW, CO] two are given
 * and one is to be filled: y in the forward pass; in the backward passes y is the gradient of the result, and x or
 * weight the gradient to compute. Only the forward pass has an epilogue; x's gradient may have a residual.
 */
export interface Convolution {
  x: Tensor
  weight: Tensor
  y: Tensor
  attrs: Attributes
  epilogue: Epilogue
  /** Of the input's gradient, where it is whole with this pass: the norm that made the input (src/ops/moments.ts). */
  madeBy?: Normed | null
}

export const NOTHING: Epilogue = { scale: null, bias: null, residual: null, activation: 'none' }

/** An epilogue as kernels take it. */
export const bindings = ({ scale, bias, residual }: Epilogue) => ({ scale, bias, residual })

/** The geometry as the kernels name it. */
export function geometry({ x, weight, y, attrs: { stride, padding, dilation } }: Convolution) {
  return {
    H: x.shape[1],
    W: x.shape[2],
    OH: y.shape[1],
    OW: y.shape[2],
    KH: weight.shape[0],
    KW: weight.shape[1],
    SH: stride[0],
    SW: stride[1],
    PH: padding[0],
    PW: padding[1],
    DH: dilation[0],
    DW: dilation[1],
  }
}

/** What the general kernels take in all three passes: those with tiles, and the depthwise ones. */
export const generalParams = (p: Convolution) => ({
  ...geometry(p),
  N: p.x.shape[0],
  CG: p.weight.shape[2],
  OG: p.weight.shape[3] / p.attrs.groups,
  G: p.attrs.groups,
  splits: 1,
  k_per_split: 0,
})
