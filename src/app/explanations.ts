// Why a model called images what it did: a heat map for each over the picture itself, and the same with randomised
// weights beside.
import { applyHost } from '../data/transforms.js'
import { DecodePool } from '../data/decodePool.js'
import type { Image } from '../data/image.js'
import type { Sample } from '../data/imageFolder.js'
import type { Engine } from '../engine/index.js'
import { attentionGradient } from '../explain/attention.js'
import { gradCam } from '../explain/gradCam.js'
import { type Region, borderShare, normalised, overlay, seenRegion, upsample } from '../explain/map.js'
import { type HeatMap, readExplanations } from '../explain/read.js'
import { withRandomisedWeights } from '../explain/sanity.js'
import { type Classifier, modelRow } from '../models/registry.js'
import { VisionTransformer } from '../models/vit.js'
import { tensor } from '../tensor/tensor.js'
import type { ModelCard } from './card.js'
import { pipeline } from './splits.js'

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
  const steps = pipeline(card).host
  const layer = modelRow(card.model).lastStage[0]
  const isVit = model instanceof VisionTransformer
  const method = isVit ? 'attention × gradient (Chefer et al. 2021)' : `Grad-CAM of ${layer} (Selvaraju et al. 2017)`
  const whole = await Promise.all(samples.map(({ path, file }) => pool.decode({ path, file, steps: [] })))
  const seen = whole.map((image) => applyHost(image, steps))
  const { imageSize: side, mean, std } = card
  const values = new Float32Array(samples.length * side * side * 3)
  seen.forEach(({ data }, i) =>
    data.forEach((byte, at) => (values[i * data.length + at] = (byte / 255 - mean[at % 3]) / std[at % 3])),
  )
  const x = tensor(values, [samples.length, side, side, 3])
  const explain = async (asked: readonly number[]) =>
    readExplanations(
      await engine.step(() =>
        isVit ? attentionGradient(model, x, { class: asked }) : gradCam(model, x, { layer, class: asked }),
      ),
      asked,
    )
  const found = await explain(classes)
  const randomised = await withRandomisedWeights(model, found, explain)
  x.dispose()
  return found.map(({ map }, i) => {
    const picture = cut(whole[i], seenRegion(whole[i], steps))
    const over = (of: HeatMap) => overlay(picture, upsample(normalised(of), picture.height, picture.width))
    const { share, area } = borderShare(map)
    return {
      method,
      picture,
      heatMap: over(map),
      randomised: over(randomised[i].map),
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
  const scale = SIDE / Math.max(w, h)
  const size = [h, w].map((n) => Math.max(1, Math.round(n * scale))) as [number, number]
  return applyHost({ width: w, height: h, data }, scale < 1 ? [{ kind: 'Resize', size }] : [])
}
