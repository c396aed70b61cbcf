// What the kernels of a convolution share: its attributes, the geometry as they name it, and what may follow it in the
// same kernel.
import type { Tensor } from '../tensor/tensor.js'

export interface Attributes {
  stride: [number, number]
  padding: [number, number]
  dilation: [number, number]
  groups: number
}

/**
 * What is done to a result before it is stored: · scale, + bias (both [CO]), + residual, max(0), in this order, each if
 * wanted.
 */
export interface Epilogue {
  scale: Tensor | null
  bias: Tensor | null
  residual: Tensor | null
  relu: boolean
}

export const NOTHING: Epilogue = { scale: null, bias: null, residual: null, relu: false }

/** An epilogue as kernels take it. */
export const bindings = ({ scale, bias, residual }: Epilogue) => ({ scale, bias, residual })
export const flags = ({ scale, bias, relu }: Epilogue) => ({ has_scale: scale !== null, has_bias: bias !== null, relu })
export const constants = ({ residual }: Epilogue) => ({ ADD: residual !== null })

/** The geometry as the kernels name it. */
export function geometry(
  x: readonly number[],
  w: readonly number[],
  y: readonly number[],
  { stride, padding, dilation }: Attributes,
) {
  return {
    H: x[1],
    W: x[2],
    OH: y[1],
    OW: y[2],
    KH: w[0],
    KW: w[1],
    SH: stride[0],
    SW: stride[1],
    PH: padding[0],
    PW: padding[1],
    DH: dilation[0],
    DW: dilation[1],
  }
}
