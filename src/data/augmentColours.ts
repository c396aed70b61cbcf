// Random transforms that change what pixels hold: tone curves, colour jitter, blur, noise, a box that is erased.
import type { Tone } from '../ops/augment.js'
import { check } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { type RandomTransform, checkBox, checkProbability, isRange, randomBox, symmetric } from './augment.js'

/** A tone curve with probability `p`, drawn with `strength`. */
function randomTone(kind: string, tone: Tone, p: number, strength = 1): RandomTransform {
  checkProbability(kind, p)
  return {
    kind,
    changes: 'tone',
    tone,
    draw: (view, random) => ({ ...view, tones: [...view.tones, random.uniform() < p ? strength : 0] }),
  }
}

/** Stretches each colour to 0 … 255, with probability `p`. */
export const randomAutocontrast = (p = 0.5): RandomTransform => randomTone('RandomAutocontrast', 'autocontrast', p)

/** Lets each colour have all levels equally often, with probability `p`. */
export const randomEqualize = (p = 0.5): RandomTransform => randomTone('RandomEqualize', 'equalize', p)

/**
 * Contrast-limited equalisation of 8 × 8 tiles, each colour by itself, with probability `p`: OpenCV's `createCLAHE`
 * (Zuiderveld 1994). `clipLimit`, 2, is how many times the mean count a level may count.
 * @throws when a range makes no sense, or an option is unknown.
 */
export function randomClahe(p = 0.5, clipLimit = 2): RandomTransform {
  check(clipLimit > 0, `RandomClahe: clipLimit must be above 0, got ${clipLimit}`)
  return randomTone('RandomClahe', 'clahe', p, clipLimit)
}

/**
 * Blurred by a deviation (pixels) drawn from `sigma`, [0.1, 2], over an odd number of pixels, in each direction.
 * @throws when a range makes no sense, or an option is unknown.
 */
export function gaussianBlur(
  kernelSize: number,
  sigma: number | readonly [number, number] = [0.1, 2],
): RandomTransform {
  check(
    Number.isInteger(kernelSize) && kernelSize > 0 && kernelSize % 2 === 1,
    `GaussianBlur: kernelSize must be odd, got ${kernelSize}`,
  )
  const range = typeof sigma === 'number' ? [sigma, sigma] : sigma
  check(
    isRange(range, 1e-6, Infinity),
    () => `GaussianBlur: sigma must be above 0 or [low, high], got ${JSON.stringify(sigma)}`,
  )
  return {
    kind: 'GaussianBlur',
    changes: 'blur',
    kernelSize,
    draw: (view, random) => ({ ...view, blur: random.uniform(...range) }),
  }
}

/**
 * Noise of a deviation on the scale 0 … 1, 0.1; colours stay in that range.
 * @throws when a range makes no sense, or an option is unknown.
 */
export function gaussianNoise(sigma = 0.1): RandomTransform {
  check(sigma >= 0 && sigma < Infinity, `GaussianNoise: sigma must be 0 or more, got ${sigma}`)
  return {
    kind: 'GaussianNoise',
    changes: 'noise',
    draw: (view, random) => ({ ...view, noise: [sigma, random.integer(2 ** 24)] }),
  }
}

export interface RandomErasingOptions {
  /** Range of the box's share of the area; [0.02, 0.33]. */
  scale?: readonly [number, number]
  /** Range of its height over its width; [0.3, 3.3]. */
  ratio?: readonly [number, number]
}

/**
 * A box becomes 0, the mean colour after Normalize, with probability `p` (Zhong et al. 2020).
 * @throws when a range makes no sense, or an option is unknown.
 */
export function randomErasing(p = 0.5, options: RandomErasingOptions = {}): RandomTransform {
  checkOptions('RandomErasing', options, ['scale', 'ratio'])
  const { scale = [0.02, 0.33], ratio = [0.3, 3.3] } = options
  checkProbability('RandomErasing', p)
  checkBox('RandomErasing', scale, ratio)
  return {
    kind: 'RandomErasing',
    changes: 'erase',
    draw(view, random) {
      const box = random.uniform() < p && randomBox(view, scale, [1 / ratio[1], 1 / ratio[0]], random)
      if (!box) return view
      const { top, left, height, width } = box
      return { ...view, erased: [top, left, top + height, left + width] }
    },
  }
}

export interface ColorJitterOptions {
  /** Factors from 1 − b to 1 + b, or [low, high]; none. */
  brightness?: number | readonly [number, number]
  contrast?: number | readonly [number, number]
  saturation?: number | readonly [number, number]
  /** Moves of the hue from −h to h of a full circle, h at most 0.5, or [low, high]; none. */
  hue?: number | readonly [number, number]
}

/**
 * Changes brightness, contrast, saturation and hue by random factors in a random order.
 * @throws when a range makes no sense, or an option is unknown.
 */
export function colorJitter(options: ColorJitterOptions = {}): RandomTransform {
  checkOptions('ColorJitter', options, ['brightness', 'contrast', 'saturation', 'hue'])
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = options
  const ranges = Object.entries({ brightness, contrast, saturation }).map(([name, value]) => {
    const range = typeof value === 'number' ? [Math.max(0, 1 - value), 1 + value] : value
    check(
      isRange(range, 0, Infinity),
      () => `ColorJitter: ${name} must be a number ≥ 0 or [low, high], got ${JSON.stringify(value)}`,
    )
    return range
  })
  ranges.push(symmetric('ColorJitter: hue', hue, 0.5))
  return {
    kind: 'ColorJitter',
    changes: 'colour',
    draw(view, random) {
      const places = random.shuffle([0, 1, 2, 3])
      return { ...view, jitter: [...ranges.map(([low, high]) => random.uniform(low, high)), ...places] }
    },
  }
}
