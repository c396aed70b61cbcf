// Heat maps of images that a checkpoint's model looks at, and what each map is worth: what the command `explain` and a
// report's mistakes share.
import type { DecodePool } from '../data/decodePool.js'
import type { Image } from '../data/image.js'
import type { Sample } from '../data/imageFolder.js'
import { type HostStep, applyHost } from '../data/transforms.js'
import type { Engine } from '../engine/index.js'
import { attentionGradient, attentionRollout } from '../explain/attention.js'
import { gradCam } from '../explain/gradCam.js'
import { type Region, borderShare, normalised, overlay, upsample } from '../explain/map.js'
import { type Explanation, type HeatMap, readExplanations } from '../explain/read.js'
import { withRandomisedWeights } from '../explain/sanity.js'
import type { Classifier } from '../models/registry.js'
import { VisionTransformer } from '../models/vit.js'
import { type Tensor, tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import type { ModelCard } from './card.js'
import { pipeline } from './splits.js'

/** How; a row of the table of settings names them too. */
export type Method = 'grad-cam' | 'rollout' | 'attention-gradient'

/** The method that explains a class in a model of its kind. */
export const usualMethod = (model: Classifier): Method =>
  model instanceof VisionTransformer ? 'attention-gradient' : 'grad-cam'

/** Images to be explained. */
export interface SeenImages {
  names: readonly string[]
  /** Each at its own resolution. */
  whole: readonly Image[]
  /** What makes a whole image what the model sees. */
  steps: readonly HostStep[]
  /** [n, H, W, 3] as the model sees them, normalised; the caller disposes it. */
  x: Tensor
}

/** Decodes images and prepares them as the checkpoint's model wants them. The engine must run. */
export async function seeImages(
  card: ModelCard,
  files: readonly Pick<Sample, 'path' | 'file'>[],
  pool: DecodePool,
): Promise<SeenImages> {
  const { imageSize: side, mean, std } = card
  const steps = pipeline(card).host
  const whole = await Promise.all(files.map(({ path, file }) => pool.decode({ path, file, steps: [] })))
  const size = side * side * 3
  const values = new Float32Array(files.length * size)
  whole.forEach((image, i) =>
    applyHost(image, steps).data.forEach(
      (byte, at) => (values[i * size + at] = (byte / 255 - mean[at % 3]) / std[at % 3]),
    ),
  )
  const x = tensor(values, [files.length, side, side, 3])
  return { names: files.map(({ path }) => path), whole, steps, x }
}

/** A method, and of Grad-CAM the layer. */
export interface How {
  method: Method
  layer?: string
}

/** Explains the images by a method, for given classes or, without them, the most probable ones. */
export async function mapsOf(
  engine: Engine,
  model: Classifier,
  { x, names }: SeenImages,
  { method, layer }: How,
  classes?: readonly number[],
): Promise<Explanation[]> {
  const explained = await engine.step(() => {
    if (method === 'grad-cam') return gradCam(model, x, { layer, class: classes })
    check(model instanceof VisionTransformer, 'explain: attention needs a Vision Transformer, got another model')
    return method === 'rollout' ? attentionRollout(model, x) : attentionGradient(model, x, { class: classes })
  })
  return readExplanations(explained, classes, names)
}

/** What a map is worth; null where a map is the same everywhere. */
export interface Worth {
  /** The share of the map on the outer tenth of the image, and that tenth's share of the area. */
  border: { share: number | null; area: number }
  /** The map with shuffled weights, its rank correlation with the one before, and its share on the border. */
  randomised: { map: HeatMap; correlation: number | null; borderShare: number | null }
}

/** Of each map that was found, in their order. */
export async function worthOf(
  engine: Engine,
  model: Classifier,
  images: SeenImages,
  how: How,
  found: readonly Explanation[],
): Promise<Worth[]> {
  const randomised = await withRandomisedWeights(model, found, (of) => mapsOf(engine, model, images, how, of))
  const plain = (value: number) => (Number.isNaN(value) ? null : value)
  return randomised.map(({ map, correlation }, i) => {
    const { share, area } = borderShare(found[i].map)
    return {
      border: { share: plain(share), area },
      randomised: { map, correlation: plain(correlation), borderShare: plain(borderShare(map).share) },
    }
  })
}

/** A picture with a map over it. @param region what the map covers; the whole picture. */
export const pictureWith = (map: HeatMap, picture: Image, region?: Region): Image =>
  overlay(picture, upsample(normalised(map), picture.height, picture.width, region))
