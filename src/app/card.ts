// The model card: what a checkpoint says of itself in its metadata, so that the file alone is enough to use the model.
import { type Classifier, MODEL_NAMES, createModel } from '../models/registry.js'
import * as init from '../nn/init.js'
import { type OperatingPoint } from '../train/operatingPoint.js'
import { check } from '../util/check.js'
import { type Checkpoint, loadCheckpoint } from '../weights/load.js'

/** How the model is made and how its images are prepared. */
export interface ModelCard {
  /** One of `MODEL_NAMES`. */
  model: string
  /** Names of the classes, in the order of the logits. */
  classes: readonly string[]
  /** Width and height of the images in pixels. */
  imageSize: number
  /** Of each colour, on the scale 0 … 1. */
  mean: readonly [number, number, number]
  std: readonly [number, number, number]
  /** The shorter side is made so long before the middle is cut out; without it the whole image is squeezed. */
  resizeSize?: number
  /** What decoded the JPEG files of its training: `own` or `sharp`; absent in checkpoints of older versions. */
  decoder?: string
  /** How its outputs become a call; absent where nothing was fitted, as in checkpoints of older versions. */
  operatingPoint?: OperatingPoint
}

/** As the strings that safetensors wants; `extra` must not hold what differs between two runs of the same settings. */
export function toMetadata(
  card: ModelCard,
  extra: Record<string, string | number | undefined>,
): Record<string, string> {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  const entries = Object.entries({ format: 'pt', ...card, ...extra }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([key, value]) => [key, text(value)]))
}

/**
 * The card in a checkpoint's metadata.
 *
 * @throws RadiogradError naming the file and the field that is missing or wrong.
 */
export function modelCardOf({ metadata, source }: Pick<Checkpoint, 'metadata' | 'source'>): ModelCard {
  const field = (name: keyof ModelCard) => {
    const text = metadata?.[name]
    check(
      text !== undefined,
      `${source}: must be a checkpoint written by 'radiograd train', got one without '${name}' in its metadata`,
    )
    return text
  }
  const parsed = (name: keyof ModelCard, rule: string, fits: (value: unknown) => boolean) => {
    const text = field(name)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      // stays undefined, which fits nothing
    }
    check(fits(value), `${source}: '${name}' in its metadata must be ${rule}, got ${text}`)
    return value as never
  }
  const three = (v: unknown) => Array.isArray(v) && v.length === 3 && v.every(Number.isFinite)
  const several = (v: unknown) =>
    Array.isArray(v) && new Set(v).size === v.length && v.length > 1 && v.every((name) => typeof name === 'string')
  const sizes = 'a whole number from 1 to 4096'
  const size = (v: unknown) => Number.isInteger(v) && (v as number) > 0 && (v as number) <= 4096
  const model = field('model')
  check(MODEL_NAMES.includes(model), `${source}: 'model' in its metadata must be one that is known here, got ${model}`)
  return {
    model,
    classes: parsed('classes', 'two or more different names', several),
    imageSize: parsed('imageSize', sizes, size),
    mean: parsed('mean', 'three numbers', three),
    std: parsed('std', 'three numbers above 0', (v) => three(v) && (v as number[]).every((each) => each > 0)),
    ...(metadata?.resizeSize === undefined ? {} : { resizeSize: parsed('resizeSize', sizes, size) }),
    ...(metadata?.decoder === undefined ? {} : { decoder: metadata.decoder }),
    ...(metadata?.operatingPoint === undefined
      ? {}
      : { operatingPoint: parsed('operatingPoint', 'a temperature, a threshold and where they are from', isPoint) }),
  }
}

function isPoint(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { temperature, threshold, rule, sensitivity, specificity, images } = value as Record<
    keyof OperatingPoint,
    unknown
  >
  const share = (v: unknown) => v === null || (typeof v === 'number' && v >= 0 && v <= 1)
  return (
    Number.isFinite(temperature) &&
    (temperature as number) > 0 &&
    [threshold, sensitivity, specificity].every(share) &&
    typeof rule === 'string' &&
    Number.isInteger(images)
  )
}

/** A checkpoint file: its path or address, its bytes, or one that was read already. */
export type CheckpointSource = string | URL | Blob | Uint8Array | Checkpoint

/** Reads a checkpoint of any library; see {@link loadCheckpoint}. `name` is what messages call bytes. */
export async function readCheckpoint(source: CheckpointSource, name?: string): Promise<Checkpoint> {
  return typeof source === 'object' && 'tensors' in source ? source : loadCheckpoint(source, name)
}

/** A checkpoint that says what model it is of. */
export interface TrainedModel {
  card: ModelCard
  /** Makes the model and puts the weights in; the engine must run. */
  build(): Classifier
}

/** Reads a checkpoint that a training run wrote; no engine is needed yet. `name` is what messages call bytes. */
export async function readModel(source: CheckpointSource, name?: string): Promise<TrainedModel> {
  const checkpoint = await readCheckpoint(source, name)
  const card = modelCardOf(checkpoint)
  return {
    card,
    build() {
      const { model: name, classes, imageSize } = card
      const model = init.skip(() => createModel(name, { numClasses: classes.length, imageSize }))
      model.loadStateDict(checkpoint)
      return model
    },
  }
}

/**
 * Opens a checkpoint that a training run wrote (`best.safetensors`) as a model, in evaluation mode, with all there is
 * to know to use it. The engine must run.
 *
 *     const { model, card } = await openModel('runs/train/best.safetensors')
 *     const images = new ImageFolder('data/test', { transform: pipeline(card) })
 *
 * @throws RadiogradError when the file cannot be read, holds no model card, or does not fit its model.
 */
export async function openModel(source: CheckpointSource): Promise<{ model: Classifier; card: ModelCard }> {
  const { card, build } = await readModel(source)
  const model = build()
  model.eval()
  return { model, card }
}
