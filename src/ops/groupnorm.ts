// Group normalisation: over the pixels and a group of the channels of one image. Its passes over the pixels are those
// of batchNorm, with statistics an image; what is merged between them is its own.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { chunked, mergeGradients } from './normalize.js'
import { epsOf } from '../util/options.js'
import { checkVectors } from './shape.js'

/** Options of {@link groupNorm} and {@link instanceNorm}. */
export interface GroupNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

interface Attributes {
  groups: number
  eps: number
}

/** Throws unless the channels make so many groups. */
export function checkGroups(name: string, numGroups: number, channels: number): void {
  check(
    Number.isInteger(numGroups) && numGroups > 0 && channels % numGroups === 0,
    () => `${name}: numGroups must be a positive divisor of the ${channels} channels, got ${numGroups}`,
  )
}

const groupNormOp = /* @__PURE__ */ defineOp({
  name: 'groupNorm',
  dtypes: { x: FLOATS },
  optional: ['weight', 'bias'],
  auxiliary: ['stats'],
  saves: ['x', 'weight', 'stats'],
  shape({ x, ...vectors }: { x: Tensor; weight: Tensor | null; bias: Tensor | null }, { groups }: Attributes, as) {
    check(x.shape.length >= 2, () => `${as}: x must be [N, ..., C], got ${formatShape(x.shape)}`)
    const channels = x.shape[x.shape.length - 1]
    checkGroups(as, groups, channels)
    check(
      x.size > groups,
      () => `${as}: needs more than one value per group, got x ${formatShape(x.shape)} in ${groups} groups`,
    )
    checkVectors(as, vectors, channels)
    return { y: x.shape, stats: [3, x.shape[0] * channels] }
  },
  forward({ x, weight, bias }, { y, stats }, { groups, eps }) {
    const images = x.shape[0]
    const { chunks, sizes, size } = chunked(x.shape, images)
    const parts = empty([images * chunks, 2, sizes.channels], 'f32', 'groupNorm parts')
    gpu.run(shaders.batchnorm_stats, { x, parts }, sizes, size)
    const params = { ...sizes, groups, eps }
    gpu.run(shaders.groupnorm_merge, { x, parts, stats }, params, { groups: images * groups })
    gpu.run(shaders.batchnorm_apply, { x, stats, weight, bias, residual: null, y }, { ...sizes, relu: false }, size)
  },
  backward({ x, weight, stats }, { y: dy }, { x: dx, weight: dWeight, bias: dBias }, { groups }) {
    const images = x.shape[0]
    const { chunks, sizes, size } = chunked(x.shape, images)
    const { channels } = sizes
    const parts = empty([images * chunks, 2, channels], 'f32', 'groupNorm parts')
    gpu.run(
      shaders.batchnorm_backward_sums,
      { x, y: null, dy, stats, parts, dresidual: null },
      { ...sizes, relu: false },
      size,
    )
    if (dx) {
      const means = empty([images * groups, 2], 'f32', 'groupNorm means')
      const merged = { groups: images * groups }
      gpu.run(shaders.groupnorm_backward_merge, { parts, weight, means }, { ...sizes, groups }, merged)
      gpu.run(shaders.groupnorm_backward_input, { x, dy, weight, stats, means, dx }, { ...sizes, groups }, size)
    }
    if (!dWeight && !dBias) return
    const dweight = dWeight ?? empty([channels], 'f32', 'dweight')
    const dbias = dBias ?? empty([channels], 'f32', 'dbias')
    mergeGradients(parts, dweight, dbias, channels, images * chunks)
  },
})

/**
 * (x - mean)·rstd·weight + bias of x [N, ..., C] with mean and variance over each image's positions and each of
 * `numGroups` runs of C / numGroups channels; weight and bias [C] may be null. Throws where numGroups does not divide C
 * or a batch has one value per group. `torch.nn.functional.group_norm`, but channels last (Wu & He 2018).
 * @throws when numGroups does not divide C, or a group has one value.
 */
export function groupNorm(
  x: Tensor,
  numGroups: number,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: GroupNormOptions = {},
): Tensor {
  const eps = epsOf('groupNorm', options)
  return groupNormOp({ x, weight, bias }, { groups: numGroups, eps }).y
}

/**
 * groupNorm with a group a channel: mean and variance of each channel over each image's positions, x [N, ..., C];
 * weight and bias [C] may be null. Throws where an image has one position. `torch.nn.functional.instance_norm` without
 * running statistics, but channels last (Ulyanov, Vedaldi & Lempitsky 2016).
 * @throws for images of one position, and vectors that have not the length C.
 */
export function instanceNorm(
  x: Tensor,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: GroupNormOptions = {},
): Tensor {
  const eps = epsOf('instanceNorm', options)
  checkTensors('instanceNorm', { x })
  const channels = x.shape[x.shape.length - 1]
  check(
    x.shape.length > 2 && x.size > x.shape[0] * channels,
    () => `instanceNorm: needs x [N, ..., C] of more than one position, got ${formatShape(x.shape)}`,
  )
  return groupNormOp({ x, weight, bias }, { groups: channels, eps }, 'instanceNorm').y
}
