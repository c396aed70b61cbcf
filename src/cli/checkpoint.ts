// What `train` notes in a checkpoint's metadata, so that `eval` and `predict` need nothing but the file.
import type { Classifier } from '../train/evaluator.js'
import { check } from '../util/check.js'
import { type Checkpoint, loadCheckpoint } from '../weights/load.js'
import { createModel } from './model.js'

/** How the model is made and how its images are prepared. */
export interface ModelCard {
  model: string
  classes: readonly string[]
  imageSize: number
  mean: readonly [number, number, number]
  std: readonly [number, number, number]
}

/** As the strings that safetensors wants; `extra` must not hold what differs between two runs of the same command. */
export function toMetadata(card: ModelCard, extra: Record<string, string | number>): Record<string, string> {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  const entries = Object.entries({ format: 'pt', ...card, ...extra })
  return Object.fromEntries(entries.map(([key, value]) => [key, text(value)]))
}

function fromMetadata({ metadata, source }: Checkpoint): ModelCard {
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
  const several = (v: unknown) => Array.isArray(v) && v.length > 1 && v.every((name) => typeof name === 'string')
  const size = (v: unknown) => Number.isInteger(v) && (v as number) > 0 && (v as number) <= 4096
  return {
    model: field('model'),
    classes: parsed('classes', 'two or more names', several),
    imageSize: parsed('imageSize', 'a whole number from 1 to 4096', size),
    mean: parsed('mean', 'three numbers', three),
    std: parsed('std', 'three numbers', three),
  }
}

export interface OpenedCheckpoint {
  card: ModelCard
  /** Makes the model with its weights; the engine must run. */
  build(): Classifier
}

/** Reads a checkpoint that `train` wrote. */
export async function openCheckpoint(file: string): Promise<OpenedCheckpoint> {
  const checkpoint = await loadCheckpoint(file)
  const card = fromMetadata(checkpoint)
  return {
    card,
    build() {
      const model = createModel(card.model, { numClasses: card.classes.length, imageSize: card.imageSize })
      model.loadStateDict(checkpoint)
      return model
    },
  }
}
