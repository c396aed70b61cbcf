// Hugging Face's preprocessor_config.json: how images were prepared for a model's weights. A pure function.
import { fileError, printable } from '../util/check.js'

type Triple = readonly [number, number, number]

export interface Preprocessing {
  /** Of each colour, on the scale 0 … 1. */
  mean: Triple
  std: Triple
  /** Width and height in pixels of what the model sees. */
  imageSize: number
}

const MOST_PIXELS = 4096

/**
 * Reads `image_mean`, `image_std` (of three colours or one), `do_normalize`, `rescale_factor`, and the size: that of
 * `crop_size` where images are cropped, else `size`, each a number, `[height, width]`, `{ height, width }` of a square,
 * or `{ shortest_edge }`.
 * @throws RadiogradError that names the file and the field
 */
export function parsePreprocessing(text: string, file: string): Preprocessing {
  const fail = (rule: string, got: unknown): never => {
    throw fileError(file, `${rule}, got ${printable(JSON.stringify(got) ?? 'undefined', 80)}`)
  }
  let config: Record<string, unknown> = {}
  try {
    config = JSON.parse(text)
  } catch {
    fail('must be JSON', text.slice(0, 40))
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) fail('must be an object', config)

  // The fields are for pixels · factor; ours for pixels / 255.
  const factor = config.do_rescale === false ? 1 : (config.rescale_factor ?? 1 / 255)
  if (!(typeof factor === 'number' && factor > 0 && factor <= 1))
    fail('rescale_factor must be above 0, at most 1', factor)
  // Without rescaling the values may be meant for pixels of 0 … 255, or for ones that were scaled before.
  const values = [config.image_mean, config.image_std].flat()
  const scaledBefore = config.do_rescale === false && values.every((v) => typeof v === 'number' && v <= 1)
  const whole = Math.abs(255 * (factor as number) - 1) < 1e-6 || scaledBefore
  const scale = whole ? 1 : 255 * (factor as number)
  const triple = (name: string, least: number): Triple => {
    const value = config[name]
    const list = Array.isArray(value) && value.length === 1 ? [value[0], value[0], value[0]] : value
    const fits =
      Array.isArray(list) &&
      list.length === 3 &&
      list.every((v) => Number.isFinite(v) && Math.abs(v / scale) <= 1e6 && v / scale >= least)
    return fits ? (list.map((v) => v / scale) as unknown as Triple) : fail(`${name} must be three numbers`, value)
  }
  const normalized = config.do_normalize !== false
  const mean: Triple = normalized ? triple('image_mean', -1e6) : [0, 0, 0]
  const std: Triple = normalized ? triple('image_std', 1e-6) : [1 / scale, 1 / scale, 1 / scale]

  const cropped = config.do_center_crop !== false && (config.crop_size ?? null) !== null
  const name = cropped ? 'crop_size' : 'size'
  const size = config[name]
  const [height, width, edge] = Array.isArray(size)
    ? [size[0], size.length > 2 ? undefined : (size[1] ?? size[0])]
    : typeof size === 'object' && size
      ? ['height', 'width', 'shortest_edge'].map((key) => (size as Record<string, unknown>)[key])
      : [size, size]
  const pixels = edge ?? (height === width ? height : undefined)
  if (!Number.isInteger(pixels) || (pixels as number) <= 0) fail(`${name} must be that of a square`, size)
  if ((pixels as number) > MOST_PIXELS) fail(`${name} must be at most ${MOST_PIXELS} pixels`, size)
  return { mean, std, imageSize: pixels as number }
}
