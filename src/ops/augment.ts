// Rarer augmentations: tone curves of bytes; of normalised images blur, noise, erased boxes, mixtures. Their kernels
// are loaded where a pipeline has one of them.
import { gpu } from '../gpu/gpu.js'
import { augment } from '../shaders.late.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { type ImageOptions, checkColours, scaling } from './images.js'
import { checkList } from './shape.js'

/** A curve that maps the levels of an image, or of its tiles, and follows from how often each level occurs. */
export type Tone = 'autocontrast' | 'equalize' | 'clahe'

/** OpenCV's default for CLAHE, each way. */
const TILES = 8

const tonesOp = /* @__PURE__ */ defineOp({
  name: 'toneImages',
  dtypes: { images: ['u8'] },
  shape: ({ images }: { images: Tensor; strengths: Tensor }, _: { tones: readonly Tone[] }) => ({
    y: { shape: images.shape, dtype: 'u8' as const },
  }),
  forward({ images, strengths }, { y }, { tones }) {
    const [B, H, W] = images.shape
    const words = Math.ceil(images.size / 4)
    let from = images
    tones.forEach((TONE, at) => {
      const tiles = TONE === 'clahe' ? TILES : 1
      const whole = H % tiles === 0 && W % tiles === 0
      const [tile_h, tile_w] = [H, W].map((side) => (whole ? side / tiles : Math.floor(side / tiles) + 1))
      const tables = empty([B, 3, tiles, tiles, 64], 'u32', 'tone curves')
      const to = at === tones.length - 1 ? y : empty(images.shape, 'u8', 'toned images')
      const size = { H, W, tile_h, tile_w, tiles }
      gpu.run(
        augment.augment_tables,
        { images: from, strengths, tables },
        { ...size, N: tones.length, at },
        { groups: 3 * B * tiles * tiles },
        { TONE },
      )
      const counts = { words, bytes: images.size, ...size }
      gpu.run(augment.augment_tones, { images: from, tables, y: to }, counts, { invocations: words })
      from = to
    })
  },
})

/**
 * Images u8 [B, H, W, 3] with their contrast changed by the curves `tones`, one after the other, each colour by itself.
 * To be called after `loadAugmentShaders()`.
 * @param strengths f32 [B, number of tones]: 0 for none, else 1; of 'clahe' its clip limit. Its tiles are 8 × 8.
 * @throws when shapes do not fit, or images are too small for the tiles of clahe.
 */
export function toneImages(images: Tensor, strengths: Tensor, tones: readonly Tone[]): Tensor {
  checkTensors('toneImages', { images, strengths })
  checkList('toneImages', 'tones', tones)
  const [B, H, W, channels] = images.shape
  check(
    images.shape.length === 4 && channels === 3,
    () => `toneImages: needs images [B, H, W, 3], got ${formatShape(images.shape)}`,
  )
  check(
    tones.length > 0 && sameShape(strengths.shape, [B, tones.length]),
    () => `toneImages: strengths must be [${B}, ${tones.length}], got ${formatShape(strengths.shape)}`,
  )
  check(
    !tones.includes('clahe') || (H > TILES && W > TILES),
    () => `toneImages: clahe needs more than ${TILES} × ${TILES} pixels, got ${H} × ${W}`,
  )
  return tonesOp({ images, strengths }, { tones }).y
}

type EffectOptions = Pick<ImageOptions, 'mean' | 'std'> & { kernelSize?: number }

const effectsOp = /* @__PURE__ */ defineOp({
  name: 'imageEffects',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor; effects: Tensor }, _: EffectOptions) => ({ y: x.shape }),
  forward({ x, effects }, { y }, { kernelSize = 1, ...options }) {
    const [B, H, W] = x.shape
    const pixels = B * H * W
    const size = { invocations: pixels }
    let from = x
    if (kernelSize > 1) {
      for (const vertical of [0, 1]) {
        const to = empty(x.shape, x.element, 'blurred images')
        const params = { pixels, H, W, radius: (kernelSize - 1) / 2, vertical }
        gpu.run(augment.augment_blur, { x: from, effects, y: to }, params, size)
        from = to
      }
    }
    gpu.run(augment.augment_effects, { x: from, effects, y }, { pixels, H, W, ...scaling(options) }, size)
  },
})

/**
 * Images [B, H, W, 3] after `normalizeImages`: blurred, with noise, erased boxes and mixed with each other; without a
 * gradient. To be called after `loadAugmentShaders()`.
 * @param effects f32 [B, 16], a row an image: its share in the mixture with its partner, the partner's place in the
 * batch, the deviation of noise on the scale 0 … 1, a whole number that the noise follows from; the box (top, left,
 * bottom, right, in pixels) in which the partner is seen; the box that is erased (0, the mean colour); the deviation of
 * the blur in pixels, and three numbers that are not looked at.
 * @param options.kernelSize pixels that a blurred one is made of, in each direction; 1, without blur.
 * @throws when shapes, mean or std do not fit, or kernelSize is even or too large.
 */
export function imageEffects(x: Tensor, effects: Tensor, options: EffectOptions): Tensor {
  checkTensors('imageEffects', { x, effects })
  const { mean, std, kernelSize = 1 } = options ?? {}
  checkColours('imageEffects', { mean, std })
  const [B, H, W, channels] = x.shape
  check(
    x.shape.length === 4 && channels === 3,
    () => `imageEffects: needs images [B, H, W, 3], got ${formatShape(x.shape)}`,
  )
  check(
    sameShape(effects.shape, [B, 16]),
    () => `imageEffects: effects must be [${B}, 16], got ${formatShape(effects.shape)}`,
  )
  const most = 2 * Math.min(H, W) - 1
  check(
    Number.isInteger(kernelSize) && kernelSize % 2 === 1 && kernelSize <= most,
    () => `imageEffects: kernelSize must be odd and at most ${most} for ${H} × ${W} pixels, got ${kernelSize}`,
  )
  return effectsOp({ x, effects }, { mean, std, kernelSize }).y
}
