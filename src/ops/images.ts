// The part of the input pipeline that runs on the GPU: flip, scale to [0, 1], normalise.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { autocasting } from '../tensor/mode.js'
import { defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'

export interface Normalization {
  /** Of each colour, on the scale 0 … 1. */
  mean: readonly number[]
  std: readonly number[]
}

const normalizeOp = defineOp({
  name: 'normalizeImages',
  dtypes: { images: ['u8'], flips: ['u32'] },
  shape({ images, flips }: { images: Tensor; flips: Tensor }, { mean, std }: Normalization) {
    check(
      images.shape.length === 4 && images.shape[3] === 3,
      () => `normalizeImages: needs images [B, H, W, 3], got ${formatShape(images.shape)}`,
    )
    check(
      flips.size === images.shape[0],
      () => `normalizeImages: flips must be [${images.shape[0]}], got ${formatShape(flips.shape)}`,
    )
    check(
      mean.length === 3 && std.length === 3 && std.every((s) => s > 0),
      () => `normalizeImages: mean and std must have three values, std positive, got ${mean} and ${std}`,
    )
    return { y: { shape: images.shape, dtype: autocasting() ? ('f16' as const) : ('f32' as const) } }
  },
  forward({ images, flips }, { y }, { mean, std }) {
    const [b, H, W] = images.shape
    gpu.run(
      shaders.normalize_images,
      { images, flips, y },
      {
        pixels: b * H * W,
        H,
        W,
        mean0: mean[0],
        mean1: mean[1],
        mean2: mean[2],
        std0: std[0],
        std1: std[1],
        std2: std[2],
      },
      { invocations: b * H * W },
    )
  },
})

/**
 * Images u8 [B, H, W, 3] and flips u32 [B] (1 mirrors left and right) → [B, H, W, 3], f32 or inside `autocast` f16;
 * torchvision's flip, to_tensor and normalize.
 */
export function normalizeImages(images: Tensor, flips: Tensor, normalization: Normalization): Tensor {
  return normalizeOp({ images, flips }, normalization).y
}
