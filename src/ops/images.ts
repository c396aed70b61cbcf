// The part of the input pipeline that runs on the GPU: a map of the plane and colour jitter an image, scale to [0, 1],
// normalise.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { autocasting } from '../tensor/mode.js'
import { defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors } from '../tensor/tensor.js'
import { check, formatShape, sameShape, shown } from '../util/check.js'
import { checkOptions } from '../util/options.js'

/** How images of bytes are sampled and normalised. */
export interface ImageOptions {
  /** Of each colour, on the scale 0 … 1. */
  mean: readonly number[]
  /** Standard deviation of each colour, on the same scale. */
  std: readonly number[]
  /** Of the results. Default: that of the images. */
  size?: readonly [height: number, width: number]
  /** Between pixels. Default 'nearest'. */
  interpolation?: 'nearest' | 'bilinear'
}

type Inputs = { images: Tensor; geometry: Tensor; jitter: Tensor | null }

const sizes = ({ images }: Pick<Inputs, 'images'>, { size }: ImageOptions) => {
  const [B, H, W] = images.shape
  const [OH, OW] = size ?? [H, W]
  return { B, H, W, OH, OW }
}

const constants = ({ interpolation }: ImageOptions) => ({ NEAREST: interpolation !== 'bilinear' })

/** Throws unless mean and deviation are lists of three numbers, the deviation above 0. */
export function checkColours(name: string, { mean, std }: Pick<ImageOptions, 'mean' | 'std'>): void {
  const three = (list: readonly number[]) => Array.isArray(list) && list.length === 3 && list.every(Number.isFinite)
  check(
    three(mean) && three(std) && std.every((s) => s > 0),
    () => `${name}: mean and std must have three values, std positive, got ${shown(mean)} and ${shown(std)}`,
  )
}

/** Normalisation as uniform fields. */
export const scaling = ({ mean, std }: Pick<ImageOptions, 'mean' | 'std'>) => ({
  mean0: mean[0],
  mean1: mean[1],
  mean2: mean[2],
  std0: std[0],
  std1: std[1],
  std2: std[2],
})

const graysOp = /* @__PURE__ */ defineOp({
  name: 'imageGrays',
  dtypes: { images: ['u8'] },
  shape: ({ images }: { images: Tensor; geometry: Tensor; jitter: Tensor }, _: ImageOptions) => ({
    grays: [images.shape[0]],
  }),
  forward(inputs, { grays }, options) {
    const { B, ...params } = sizes(inputs, options)
    gpu.run(shaders.image_grays, { ...inputs, grays }, params, { groups: B }, constants(options))
  },
})

const normalizeOp = /* @__PURE__ */ defineOp({
  name: 'normalizeImages',
  dtypes: { images: ['u8'] },
  optional: ['jitter', 'grays'],
  shape(inputs: Inputs & { grays: Tensor | null }, options: ImageOptions) {
    const { B, OH, OW } = sizes(inputs, options)
    return { y: { shape: [B, OH, OW, 3], dtype: autocasting() ? ('f16' as const) : ('f32' as const) } }
  },
  forward(inputs, { y }, options) {
    const { B, ...params } = sizes(inputs, options)
    const pixels = B * params.OH * params.OW
    gpu.run(
      shaders.normalize_images,
      { ...inputs, y },
      { ...params, pixels, ...scaling(options) },
      { invocations: pixels },
      constants(options),
    )
  },
})

/**
 * Images u8 [B, H, W, 3] → [B, height, width, 3], f32 or inside `autocast` f16: mapped, jittered, as torchvision's
 * to_tensor and normalize.
 * @param geometry f32 [B, 9]: rows a b c, d e f, g h i of a map from a pixel (x, y) of the result to (ax + by + c) / w,
 * (dx + ey + f) / w in the image, where w = gx + hy + i. Pixel (0, 0) has its centre at (0.5, 0.5); what comes from
 * outside is black.
 * @param options.jitter f32 [B, 8] or null: factors of brightness, contrast, saturation and the move of the hue, then
 * for each its place 0 … 3 in the order in which they are applied (torchvision's ColorJitter).
 * @throws when bytes, geometry or options do not fit.
 */
export function normalizeImages(
  images: Tensor,
  geometry: Tensor,
  options: ImageOptions & { jitter?: Tensor | null },
): Tensor {
  checkOptions('normalizeImages', options, ['mean', 'std', 'size', 'interpolation', 'jitter'])
  const { jitter = null, ...rest } = options
  checkTensors('normalizeImages', { images, geometry }, { jitter })
  const { size = [1, 1], interpolation = 'nearest' } = rest
  check(
    images.shape.length === 4 && images.shape[3] === 3,
    () => `normalizeImages: needs images [B, H, W, 3], got ${formatShape(images.shape)}`,
  )
  const B = images.shape[0]
  check(
    sameShape(geometry.shape, [B, 9]),
    () => `normalizeImages: geometry must be [${B}, 9], got ${formatShape(geometry.shape)}`,
  )
  check(
    !jitter || sameShape(jitter.shape, [B, 8]),
    () => `normalizeImages: jitter must be [${B}, 8], got ${formatShape(jitter!.shape)}`,
  )
  checkColours('normalizeImages', rest)
  check(
    Array.isArray(size) && size.length === 2 && size.every((n) => Number.isInteger(n) && n > 0),
    () => `normalizeImages: size must be [height, width], got ${shown(size)}`,
  )
  check(
    interpolation === 'nearest' || interpolation === 'bilinear',
    () => `normalizeImages: interpolation must be nearest or bilinear, got ${interpolation}`,
  )
  const grays = jitter && graysOp({ images, geometry, jitter }, rest).grays
  return normalizeOp({ images, geometry, jitter, grays }, rest).y
}
