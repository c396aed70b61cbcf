// Why a report's models made their mistakes: for each the part of the image that the model saw, and over it one map or
// two, of a Vision Transformer attention weighted by its gradient and rollout.
import type { DecodePool } from '../data/decodePool.js'
import type { Image } from '../data/image.js'
import type { Sample } from '../data/imageFolder.js'
import { fitSquare } from '../data/resize.js'
import type { Engine } from '../engine/index.js'
import { type Region, seenRegion } from '../explain/map.js'
import { type Classifier, modelRow } from '../models/registry.js'
import type { ExplainedMistake, ShownMap } from '../report/run.js'
import type { ModelCard } from './card.js'
import { type How, type Method, mapsOf, pictureWith, seeImages, usualMethod, worthOf } from './heatMaps.js'

/** Width and height of the pictures. */
const SIDE = 224

/** In words, with who described it. */
const wordsOf = ({ method, layer }: How): string =>
  ({
    'grad-cam': `Grad-CAM of ${layer} (Selvaraju et al. 2017)`,
    'attention-gradient': 'attention × gradient (Chefer et al. 2021)',
    rollout: 'attention rollout (Abnar & Zuidema 2020), the same for every class',
  })[method]

/** Explains one class of each image. */
export async function explainMistakes(
  engine: Engine,
  model: Classifier,
  card: ModelCard,
  samples: readonly Sample[],
  classes: readonly number[],
  pool: DecodePool,
): Promise<Omit<ExplainedMistake, 'index'>[]> {
  if (!samples.length) return []
  const usual = usualMethod(model)
  const methods: Method[] = usual === 'grad-cam' ? [usual] : [usual, 'rollout']
  const [layer] = modelRow(card.model).lastStage
  const images = await seeImages(card, samples, pool)
  const explained = images.whole.map((whole) => ({
    picture: cut(whole, seenRegion(whole, images.steps)),
    maps: [] as ShownMap[],
  }))
  for (const method of methods) {
    const how = { method, layer }
    const found = await mapsOf(engine, model, images, how, classes)
    const worth = await worthOf(engine, model, images, how, found)
    explained.forEach(({ picture, maps }, i) => {
      const { border, randomised } = worth[i]
      maps.push({
        method,
        words: wordsOf(how),
        map: found[i].map,
        heatMap: pictureWith(found[i].map, picture),
        border,
        randomised: { ...randomised, heatMap: pictureWith(randomised.map, picture) },
      })
    })
  }
  images.x.dispose()
  return explained
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
