// Why a model called images what it did: a heat map for each over the picture itself, and the same with randomised
// weights beside.
import type { DecodePool } from '../data/decodePool.js'
import type { Image } from '../data/image.js'
import type { Sample } from '../data/imageFolder.js'
import { fitSquare } from '../data/resize.js'
import type { Engine } from '../engine/index.js'
import { type Region, borderShare, seenRegion } from '../explain/map.js'
import { withRandomisedWeights } from '../explain/sanity.js'
import { type Classifier, modelRow } from '../models/registry.js'
import type { ModelCard } from './card.js'
import { mapsOf, pictureWith, seeImages, usualMethod } from './heatMaps.js'

export interface ExplainedImage {
  /** In words. */
  method: string
  /** The part of the picture that the model saw, and with the maps laid over. */
  picture: Image
  heatMap: Image
  randomised: Image
  borderShare: number
  borderArea: number
  correlation: number
}

/** Width and height of the pictures. */
const SIDE = 224

/** Explains one class of each image: Grad-CAM, or of a Vision Transformer attention weighted by its gradient. */
export async function explainImages(
  engine: Engine,
  model: Classifier,
  card: ModelCard,
  samples: readonly Sample[],
  classes: readonly number[],
  pool: DecodePool,
): Promise<ExplainedImage[]> {
  if (!samples.length) return []
  const method = usualMethod(model)
  const [layer] = modelRow(card.model).lastStage
  const words =
    method === 'grad-cam' ? `Grad-CAM of ${layer} (Selvaraju et al. 2017)` : 'attention × gradient (Chefer et al. 2021)'
  const images = await seeImages(card, samples, pool)
  const explain = (of: readonly number[]) => mapsOf(engine, model, images, { method, layer }, of)
  const found = await explain(classes)
  const randomised = await withRandomisedWeights(model, found, explain)
  images.x.dispose()
  return found.map(({ map }, i) => {
    const whole = images.whole[i]
    const picture = cut(whole, seenRegion(whole, images.steps))
    const { share, area } = borderShare(map)
    return {
      method: words,
      picture,
      heatMap: pictureWith(map, picture),
      randomised: pictureWith(randomised[i].map, picture),
      borderShare: share,
      borderArea: area,
      correlation: randomised[i].correlation,
    }
  })
}

/** A region of a picture, at most {@link SIDE} pixels wide and high. */
function cut(image: Image, { left, top, width, height }: Region): Image {
  const [x, y] = [Math.max(0, Math.round(left)), Math.max(0, Math.round(top))]
  const w = Math.max(1, Math.min(Math.round(width), image.width - x))
  const h = Math.max(1, Math.min(Math.round(height), image.height - y))
  const data = new Uint8Array(w * h * 3)
  for (let row = 0; row < h; row++) {
    const from = 3 * ((y + row) * image.width + x)
    data.set(image.data.subarray(from, from + 3 * w), 3 * row * w)
  }
  return fitSquare({ width: w, height: h, data }, SIDE)
}
