// Depthwise convolutions: every input channel has output channels of its own, so there is no sum over channels and
// nothing to gain from tiles. Each pass has a kernel for any shape, and one for software adapters.
import { gpu } from '../gpu/gpu.js'
import type { Kernel } from '../gpu/kernel.js'
import { conv, cpu } from '../shaders.late.js'
import { type Convolution, bindings, generalParams, geometry } from './convgeometry.js'
import { LONGEST_SUM, ceilDiv, cutReduction, subgroupSizeForCpuKernels } from './occupancy.js'
import { inParts } from './reduce.js'

/** Invocations for a line of `width` pixels, or taps: each computes a run of neighbours. */
const runs = (kernel: Kernel, width: number) => ceilDiv(width, kernel.constant('RUN'))

export const isDepthwise = ({ weight, attrs }: Convolution): boolean => attrs.groups > 1 && weight.shape[2] === 1

/** Whether windows, and the taps of one, are neighbouring pixels of a line. */
const slides = ({ attrs: { stride, dilation } }: Convolution): boolean => stride[1] === 1 && dilation[1] === 1

export function depthwiseForward(p: Convolution): void {
  const { x, weight, y, epilogue } = p
  const [n, oh, ow, co] = y.shape
  gpu.run(
    conv.conv2d_depthwise_forward,
    { x, w: weight, y, ...bindings(epilogue) },
    generalParams(p),
    { invocations: n * oh * runs(conv.conv2d_depthwise_forward, ow) * co },
    { ACTIVATION: epilogue.activation, SLIDES: slides(p) },
  )
}

export function depthwiseBackwardInput(p: Convolution): void {
  const { x: dx, weight, y: dy } = p
  const [n, h, w, c] = dx.shape
  const {
    stride: [, stride],
    dilation,
  } = p.attrs
  gpu.run(
    conv.conv2d_depthwise_backward_input,
    { dy, w: weight, dx },
    generalParams(p),
    { invocations: n * h * stride * runs(conv.conv2d_depthwise_backward_input, ceilDiv(w, stride)) * c },
    { SLIDES: dilation[1] === 1 },
  )
}

export function depthwiseBackwardWeight(p: Convolution): void {
  const { x, weight: dWeight, y: dy } = p
  const [kh, kw, , co] = dWeight.shape
  const invocations = kh * runs(conv.conv2d_depthwise_backward_weight, kw) * co
  const { parts, perPart } = cutReduction(dy.shape[0] * dy.shape[1], {
    workgroups: invocations / conv.conv2d_depthwise_backward_weight.workgroupSize(),
    waves: 4,
    atMost: LONGEST_SUM,
  })
  inParts(dWeight, parts, (dw) =>
    gpu.run(
      conv.conv2d_depthwise_backward_weight,
      { x, dy, dw },
      { ...generalParams(p), splits: parts, k_per_split: perPart },
      { invocations: parts * invocations },
      { SLIDES: slides(p) },
    ),
  )
}

/**
 * Whether the kernels for software adapters can run: one output a channel, and the shapes that networks have. Not on
 * SwiftShader (4 lanes), which takes minutes to compile one of them.
 */
export function isSquare(p: Convolution): boolean {
  const { KH, KW, SH, SW, PH, PW, DH, DW } = geometry(p)
  const fits =
    [3, 5, 7].includes(KH) && KH === KW && SH <= 2 && SH === SW && PH === KH >> 1 && PW === PH && DH * DW === 1
  return fits && p.weight.shape[3] === p.attrs.groups && isDepthwise(p) && subgroupSizeForCpuKernels() === 8
}

/** What those kernels take, where each of C invocations makes a strip of a line `width` pixels long. */
function strips(kernel: Kernel, p: Convolution, width: number, images = 1) {
  const { H, W, OH, OW, KH, SH } = geometry(p)
  const [N, , , C] = p.x.shape
  const parts = ceilDiv(N, images) * ceilDiv(width, kernel.constant('TW'))
  const constants = { K: KH as 3 | 5 | 7, S: SH as 1 | 2 }
  return { parts, params: { N, H, W, C, OH, OW, images }, size: { invocations: parts * C }, constants }
}

export function depthwiseForwardCpu(p: Convolution): void {
  const { x, weight, y, epilogue } = p
  const kernel = cpu.conv2d_depthwise_forward_cpu
  const { params, size, constants } = strips(kernel, p, y.shape[2])
  const { activation: ACTIVATION } = epilogue
  gpu.run(kernel, { x, w: weight, y, ...bindings(epilogue) }, params, size, { ...constants, ACTIVATION })
}

export function depthwiseBackwardInputCpu(p: Convolution): void {
  const { x: dx, weight, y: dy } = p
  const kernel = cpu.conv2d_depthwise_backward_input_cpu
  const { params, size, constants } = strips(kernel, p, dx.shape[2])
  gpu.run(kernel, { dy, w: weight, dx }, params, size, constants)
}

export function depthwiseBackwardWeightCpu(p: Convolution): void {
  const { x, weight: dWeight, y: dy } = p
  const kernel = cpu.conv2d_depthwise_backward_weight_cpu
  const { parts, params, size, constants } = strips(kernel, p, dy.shape[2])
  inParts(dWeight, parts, (dw) => gpu.run(kernel, { x, dy, dw }, params, size, constants))
}
