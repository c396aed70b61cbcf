// Where a checkpoint looked in images: a heat map for each over the picture at its own resolution, and what such a map
// is worth.
import { DecodePool } from '../data/decodePool.js'
import type { Image } from '../data/image.js'
import type { Engine } from '../engine/index.js'
import { seenRegion } from '../explain/map.js'
import type { HeatMap } from '../explain/read.js'
import type { Classifier } from '../models/registry.js'
import { VisionTransformer } from '../models/vit.js'
import { UNFITTED, readOutputs } from '../train/operatingPoint.js'
import { SettingError } from '../util/check.js'
import { type CheckpointSource, type ModelCard, readModel } from './card.js'
import { type How, type Method, type Worth, mapsOf, pictureWith, seeImages, usualMethod, worthOf } from './heatMaps.js'
import { type Listener, withEngine } from './session.js'
import type { ExplainSettings } from './settingTables.js'
import { checkOptions } from '../util/options.js'

/** Images whose maps are computed together. */
const BATCH = 8

/** Why one image was called what it was. */
export interface ExplainedFile {
  /** Its path, or the name of a picked file. */
  file: string
  method: Method
  /** The class that is explained: the one asked for, or the one called. */
  class: string
  /** Of that class, at the checkpoint's temperature. */
  probability: number
  /** The class that the checkpoint calls. */
  called: string
  /** As the method gives it, before it is made larger. */
  map: HeatMap
  /** The share of the map on the outer tenth of the image, and that tenth's share of the area; null of an empty map. */
  border: Worth['border']
  /** With shuffled weights: rank correlation with the map, near 0 for one that depends on what was learned. */
  randomised: Omit<Worth['randomised'], 'map'>
  /** The picture at its own resolution with the map over it. */
  overlay: Image
}

/** Options of {@link explainRun}. */
export interface ExplainRunOptions {
  /** `best.safetensors` of a training run. */
  checkpoint: CheckpointSource
  /** JPEG or PNG files. */
  images: readonly (string | File)[]
  /** Gets each image's explanation, in their order. Awaited. */
  onExplained: (explained: ExplainedFile) => void | Promise<void>
  /** Ends the run after the current batch. */
  signal?: AbortSignal
  /** Gets what happens. */
  on?: Listener
}

/**
 * Explains what a checkpoint says of images. An engine is opened for it and closed at the end. Events: `note`,
 * `adapter`, `predict`, `progress`.
 *
 * @throws RadiogradError when the checkpoint or an image cannot be read, the model has no such method, layer or class,
 * or its outputs are not finite, naming the image.
 */
export async function explainRun(
  settings: Omit<ExplainSettings, 'checkpoint' | 'out'>,
  options: ExplainRunOptions,
): Promise<void> {
  checkOptions('explainRun', options, ['checkpoint', 'images', 'onExplained', 'signal', 'on'])
  const { checkpoint, images, onExplained, signal, on } = options
  const { card, build } = await readModel(checkpoint)
  const asked = settings.class === undefined ? undefined : card.classes.indexOf(settings.class)
  if (asked === -1) throw new SettingError('class', `must be one of ${card.classes.join(', ')}, got ${settings.class}`)
  await withEngine(settings, on, async (engine) => {
    const model = build()
    model.eval()
    const method = methodOf(model, settings.method)
    if (settings.layer !== undefined && method !== 'grad-cam')
      throw new SettingError('layer', `must be used with method grad-cam, got ${method}`)
    on?.({ kind: 'predict', card })
    const onWarning = (text: string) => on?.({ kind: 'note', text })
    const pool = new DecodePool(settings.workers, { maxPixels: settings.maxPixels, onWarning })
    const start = performance.now()
    try {
      for (let at = 0; at < images.length && !signal?.aborted; at += BATCH) {
        const files = images.slice(at, at + BATCH)
        const batch = { files, how: { method, layer: settings.layer }, asked }
        for (const explained of await explainBatch(engine, model, card, pool, batch)) await onExplained(explained)
        const done = at + files.length
        const imagesPerSecond = (done * 1000) / (performance.now() - start)
        on?.({ kind: 'progress', phase: 'test', images: done, total: images.length, imagesPerSecond })
      }
    } finally {
      await pool.close()
    }
  })
}

/** The method asked for, or the one that explains a class in a model of its kind. */
function methodOf(model: Classifier, asked: Method | 'default'): Method {
  if (asked === 'default') return usualMethod(model)
  if (asked !== 'grad-cam' && !(model instanceof VisionTransformer))
    throw new SettingError('method', `must be grad-cam for a model without attention, got ${asked}`)
  return asked
}

interface Batch {
  files: readonly (string | File)[]
  how: How
  asked: number | undefined
}

async function explainBatch(
  engine: Engine,
  model: Classifier,
  card: ModelCard,
  pool: DecodePool,
  { files, how, asked }: Batch,
): Promise<ExplainedFile[]> {
  const samples = files.map((file) => ({ path: typeof file === 'string' ? file : file.name, file }))
  const { classes, operatingPoint = UNFITTED } = card
  const images = await seeImages(card, samples, pool)
  const explain = (of?: readonly number[]) => mapsOf(engine, model, images, how, of)
  const wanted = asked === undefined ? undefined : files.map(() => asked)
  let found = await explain(wanted)
  const logits = found.flatMap((each) => each.logits)
  const { rows, called } = readOutputs({ logits, numClasses: classes.length }, operatingPoint)
  // The threshold may call a class that is not the most probable one.
  if (!wanted && found.some((each, i) => each.class !== called[i])) found = await explain([...called])
  const worth = await worthOf(engine, model, images, how, found)
  images.x.dispose()
  return found.map(({ map, class: of }, i) => {
    const picture = images.whole[i]
    const { border, randomised } = worth[i]
    const { correlation, borderShare } = randomised
    return {
      file: images.names[i],
      method: how.method,
      class: classes[of],
      probability: rows[i * classes.length + of],
      called: classes[called[i]],
      map,
      border,
      randomised: { correlation, borderShare },
      overlay: pictureWith(map, picture, seenRegion(picture, images.steps)),
    }
  })
}
