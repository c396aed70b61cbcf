// Group normalisation: over the pixels and a group of the channels of one image.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { rowChunks } from './normalize.js'
import { ceilDiv } from './occupancy.js'
import { sumMiddle } from './reduce.js'

export interface GroupNormOptions {
  eps?: number
}

interface Attributes {
  groups: number
  eps: number
}

/** x as [images, pixels, channels]. */
function layout(x: Tensor) {
  const images = x.shape[0]
  const channels = x.shape[x.shape.length - 1]
  return { images, pixels: x.size / (images * channels), channels }
}

function backwardWeight(
  x: Tensor,
  stats: Tensor,
  dy: Tensor,
  dWeight: Tensor | undefined,
  dBias: Tensor | undefined,
  groups: number,
) {
  if (!dWeight && !dBias) return
  const { images, pixels, channels } = layout(x)
  const across = ceilDiv(images * channels, shaders.groupnorm_backward_weight.workgroupSize())
  const { chunks, rows_per_chunk } = rowChunks(pixels, across)
  const parts = (wanted: Tensor | undefined) =>
    wanted ? empty([images * chunks, channels], 'f32', 'groupNorm parts') : null
  const dweight = parts(dWeight)
  const dbias = parts(dBias)
  gpu.run(
    shaders.groupnorm_backward_weight,
    { x, dy, stats, dweight, dbias },
    { images, groups, pixels, channels, chunks, rows_per_chunk },
    { invocations: images * chunks * channels },
  )
  if (dWeight) sumMiddle(dweight!, dWeight, 1, images * chunks, channels, 1)
  if (dBias) sumMiddle(dbias!, dBias, 1, images * chunks, channels, 1)
}

const groupNormOp = defineOp({
  name: 'groupNorm',
  dtypes: { x: FLOATS },
  optional: ['weight', 'bias'],
  auxiliary: ['stats'],
  saves: ['x', 'weight', 'stats'],
  shape({ x, ...vectors }: { x: Tensor; weight: Tensor | null; bias: Tensor | null }, { groups }: Attributes) {
    check(x.shape.length >= 2, () => `groupNorm: x must be [N, ..., C], got ${formatShape(x.shape)}`)
    const channels = x.shape[x.shape.length - 1]
    check(
      Number.isInteger(groups) && groups > 0 && channels % groups === 0,
      () => `groupNorm: numGroups must be a positive divisor of the ${channels} channels, got ${groups}`,
    )
    check(
      x.size > groups,
      () => `groupNorm: needs more than one value per group, got x ${formatShape(x.shape)} in ${groups} groups`,
    )
    for (const [name, v] of Object.entries(vectors)) {
      check(
        !v || (v.shape.length === 1 && v.shape[0] === channels),
        () => `groupNorm: ${name} must have shape [${channels}], got ${formatShape(v!.shape)}`,
      )
    }
    return { y: x.shape, stats: [3, x.shape[0] * groups] }
  },
  forward({ x, weight, bias }, { y, stats }, { groups, eps }) {
    const sizes = layout(x)
    const bindings = { x, weight, bias, y, stats }
    gpu.run(shaders.groupnorm_forward, bindings, { ...sizes, groups, eps }, { groups: sizes.images * groups })
  },
  backward({ x, weight, stats }, { y: dy }, { x: dx, weight: dWeight, bias: dBias }, { groups }) {
    const sizes = layout(x)
    const bindings = { x, dy, weight, stats }
    if (dx) {
      const size = { groups: sizes.images * groups }
      gpu.run(shaders.groupnorm_backward_input, { ...bindings, dx }, { ...sizes, groups }, size)
    }
    backwardWeight(x, stats, dy, dWeight, dBias, groups)
  },
})

/**
 * (x - mean)·rstd·weight + bias of x [N, ..., C] with mean and variance over each image's positions and each of
 * `numGroups` runs of C / numGroups channels; weight and bias [C] may be null. Throws where numGroups does not divide C
 * or a batch has one value per group. `torch.nn.functional.group_norm`, but channels last (Wu & He 2018).
 */
export function groupNorm(
  x: Tensor,
  numGroups: number,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  { eps = 1e-5 }: GroupNormOptions = {},
): Tensor {
  return groupNormOp({ x, weight, bias }, { groups: numGroups, eps }).y
}
