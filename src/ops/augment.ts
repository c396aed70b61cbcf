// Rarer augmentations of normalised images: noise, erased boxes, mixtures. Their kernels are loaded where a pipeline
// has one of them.
import { gpu } from '../gpu/gpu.js'
import { augment } from '../shaders.late.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { type ImageOptions, scaling } from './images.js'

type Normalization = Pick<ImageOptions, 'mean' | 'std'>

const effectsOp = /* @__PURE__ */ defineOp({
  name: 'imageEffects',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor; effects: Tensor }, _: Normalization) => ({ y: x.shape }),
  forward({ x, effects }, { y }, options) {
    const [B, H, W] = x.shape
    const pixels = B * H * W
    gpu.run(augment.augment_effects, { x, effects, y }, { pixels, H, W, ...scaling(options) }, { invocations: pixels })
  },
})

/**
 * Images [B, H, W, 3] after `normalizeImages`, with noise, erased boxes and mixed with each other; without a gradient.
 * To be called after `loadAugmentShaders()`.
 * @param effects f32 [B, 12], a row an image: its share in the mixture with its partner, the partner's place in the
 * batch, the deviation of noise on the scale 0 … 1, a whole number that the noise follows from; the box (top, left,
 * bottom, right, in pixels) in which the partner is seen; the box that is erased (0, the mean colour).
 */
export function imageEffects(x: Tensor, effects: Tensor, { mean, std }: Normalization): Tensor {
  check(
    x.shape.length === 4 && x.shape[3] === 3,
    () => `imageEffects: needs images [B, H, W, 3], got ${formatShape(x.shape)}`,
  )
  check(
    sameShape(effects.shape, [x.shape[0], 12]),
    () => `imageEffects: effects must be [${x.shape[0]}, 12], got ${formatShape(effects.shape)}`,
  )
  return effectsOp({ x, effects }, { mean, std }).y
}
