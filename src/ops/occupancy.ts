// What operators ask about the adapter to keep it busy: which subgroup and matrix kernels it can run, and into how many
// parts a long sum is cut.
import { gpu } from '../gpu/gpu.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Shape } from '../util/check.js'

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b)

/** x, and a number of lines folded into y and z, each at most what a dispatch may have. */
export function folded(x: number, lines: number) {
  const z = ceilDiv(lines, 65535)
  return [x, ceilDiv(lines, z), z] as const
}

/** Lanes along channels, for every pixel of [N, H, W, C]. */
export function overPixels([n, h, w, c]: Shape) {
  const pixels = n * h * w
  return { pixels, size: { invocations: folded(c, pixels) } }
}

/**
 * The subgroup size that the kernels named _cpu are compiled for, on software adapters where it is fixed; else null:
 * then the kernels with tiles in workgroup memory run.
 */
export function subgroupSizeForCpuKernels(): 4 | 8 | null {
  const { subgroupSize, isSoftware } = gpu.caps
  return isSoftware && (subgroupSize === 4 || subgroupSize === 8) ? subgroupSize : null
}

/** The kernels by matrix units for what a tensor holds, if there are any. */
export const matricesFor = ({ element }: Tensor) => gpu.caps.matrices[element]

/**
 * Whether matrix units are preferred for what a tensor holds: those that multiply f16 are many times as fast as what
 * they stand beside, of f32 nobody has measured it.
 */
export const prefersMatrices = ({ element }: Tensor): boolean =>
  !gpu.caps.isSoftware && gpu.caps.matrices[element]?.E === 'f16'

/**
 * How many terms one invocation adds up at most, as what rounding loses grows with their number: of a plain sum, and of
 * a product of matrices, where each part costs a plane of the result.
 */
export const LONGEST_SUM = 256
export const LONGEST_PRODUCT = 4096

/**
 * Cuts a sum of `length` terms into parts that run side by side, as many as fill the chip when each part takes
 * `workgroups` (which may be a fraction), or fill it `waves` times; each part has at least `atLeast` terms, the last
 * one may have fewer, and none more than `atMost`.
 */
export function cutReduction(
  length: number,
  {
    workgroups,
    waves = 1,
    atLeast = 1,
    atMost,
  }: { workgroups: number; waves?: number; atLeast?: number; atMost: number },
): { parts: number; perPart: number } {
  // Rounded: a second part for a chip that is nearly full would cost more than it gives.
  const wanted = Math.max(1, Math.round((waves * gpu.caps.parallelism) / workgroups))
  const most = Math.max(1, Math.floor(length / atLeast))
  const perPart = Math.ceil(length / Math.max(Math.min(wanted, most), Math.ceil(length / atMost)))
  return { parts: Math.ceil(length / perPart), perPart }
}
