// Hugging Face's preprocessor_config.json: how images were prepared for a model's weights. A pure function.
import { RadiogradError } from '../util/check.js'

export interface Preprocessing {
  /** Of each colour, on the scale 0 … 1. */
  mean: readonly [number, number, number]
  std: readonly [number, number, number]
  /** Width and height in pixels. */
  imageSize: number
}

/** Reads `image_mean`, `image_std` and `size` (a number, `{ height, width }` of a square, or `{ shortest_edge }`). */
export function parsePreprocessing(text: string, file: string): Preprocessing {
  const fail = (rule: string, got: unknown): never => {
    throw new RadiogradError(`${file}: ${rule}, got ${JSON.stringify(got)}`)
  }
  let config: Record<string, unknown> = {}
  try {
    config = JSON.parse(text)
  } catch {
    fail('must be JSON', text.slice(0, 40))
  }
  const triple = (name: string): [number, number, number] => {
    const value = config[name]
    const fits =
      Array.isArray(value) &&
      value.length === 3 &&
      value.every((v) => Number.isFinite(v) && (name === 'image_mean' || v > 0))
    return fits ? (value as [number, number, number]) : fail(`${name} must be three numbers`, value)
  }
  const { size } = config
  const {
    height,
    width,
    shortest_edge: edge,
  } = (typeof size === 'object' && size ? size : {}) as Record<string, unknown>
  const pixels = typeof size === 'number' ? size : (edge ?? (height === width ? height : undefined))
  if (!Number.isInteger(pixels) || (pixels as number) <= 0) fail('size must be that of a square', size)
  return { mean: triple('image_mean'), std: triple('image_std'), imageSize: pixels as number }
}
