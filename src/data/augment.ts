// What differs from image to image and epoch to epoch: random transforms by torchvision's names. Each draws its numbers
// for one image and composes them onto a view: tone curves, a map of the plane, colour jitter, effects. The GPU applies
// a view, and samples an image once however many transforms there are. To add one: a function that returns a
// RandomTransform, in augmentGeometry.ts or augmentColours.ts. Here is what they share.
import type { Tone } from '../ops/augment.js'
import { check } from '../util/check.js'
import type { Random } from '../util/random.js'

/**
 * Rows a b c, d e f, g h i: from a point (x, y) of the result to (ax + by + c) / w, (dx + ey + f) / w in the image, in
 * pixels, where w = gx + hy + i.
 */
export type PlaneMap = readonly number[]

/** How one image is seen. */
export interface View {
  readonly height: number
  readonly width: number
  /** What each tone curve of the pipeline is drawn with, in their order; 0 for none. */
  readonly tones: readonly number[]
  readonly map: PlaneMap
  /** Factors of brightness, contrast, saturation, the hue's move, then each one's place in the order. */
  readonly jitter: readonly number[]
  /** Deviation in pixels; 0 for none. */
  readonly blur: number
  /** Deviation on the scale 0 … 1, and a whole number that the noise follows from. */
  readonly noise: readonly [sigma: number, key: number]
  /** What is erased, in pixels. */
  readonly erased: readonly [top: number, left: number, bottom: number, right: number]
}

/** In the order in which they are applied. */
const STAGES = ['tone', 'geometry', 'colour', 'blur', 'noise', 'erase'] as const

export interface RandomTransform {
  readonly kind: string
  /** What it changes: transforms stand in this order, those of the last three once. */
  readonly changes: (typeof STAGES)[number]
  /** Of the result, where it is not the image's. */
  readonly size?: readonly [height: number, width: number]
  readonly interpolation?: 'nearest' | 'bilinear'
  readonly tone?: Tone
  /** Pixels that a blurred one is made of, in each direction. */
  readonly kernelSize?: number
  draw(view: View, random: Random): View
}

/** The place of a transform in the order. */
export const stageOf = ({ changes }: RandomTransform): number => STAGES.indexOf(changes)

export const IDENTITY: PlaneMap = [1, 0, 0, 0, 1, 0, 0, 0, 1]

/** An image as it is. */
export const unchanged = (height: number, width: number): View => ({
  height,
  width,
  tones: [],
  map: IDENTITY,
  jitter: [1, 1, 1, 0, 0, 1, 2, 3],
  blur: 0,
  noise: [0, 0],
  erased: [0, 0, 0, 0],
})

/** `inner` first, from the new result to the old, then the view's own, from the old to the image. */
export function mapped(view: View, inner: PlaneMap): View {
  const { map } = view
  const entry = (_: number, at: number) =>
    [0, 1, 2].reduce((sum, k) => sum + map[at - (at % 3) + k] * inner[3 * k + (at % 3)], 0)
  return { ...view, map: map.map(entry) }
}

export const isRange = (range: unknown, least: number, most: number): range is readonly [number, number] =>
  Array.isArray(range) && range.length === 2 && least <= range[0] && range[0] <= range[1] && range[1] <= most

/** A number n as [−n, n], or the range itself. */
export function symmetric(name: string, value: number | readonly number[], most: number): readonly [number, number] {
  const range = typeof value === 'number' ? [-value, value] : value
  check(isRange(range, -most, most), () => `${name} must be a number or [low, high], got ${JSON.stringify(value)}`)
  return [range[0], range[1]]
}

export function checkProbability(name: string, p: number): void {
  check(p >= 0 && p <= 1, `${name}: p must be in 0..1, got ${p}`)
}

export function checkBox(name: string, scale: unknown, ratio: unknown): void {
  check(isRange(scale, 1e-6, 1), () => `${name}: scale must be [low, high] in 0..1, got ${JSON.stringify(scale)}`)
  check(isRange(ratio, 1e-6, Infinity), () => `${name}: ratio must be [low, high], got ${JSON.stringify(ratio)}`)
}

export interface Box {
  top: number
  left: number
  height: number
  width: number
}

/**
 * A part of an image that has a share of its area from `scale` and a width over height from `ratio`; null where none of
 * ten fits (get_params of torchvision's RandomResizedCrop and RandomErasing).
 */
export function randomBox(
  { height: H, width: W }: View,
  scale: readonly [number, number],
  ratio: readonly [number, number],
  random: Random,
): Box | null {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = H * W * random.uniform(...scale)
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])))
    const width = Math.round(Math.sqrt(area * aspect))
    const height = Math.round(Math.sqrt(area / aspect))
    if (width > 0 && width <= W && height > 0 && height <= H) {
      return { top: random.integer(H - height + 1), left: random.integer(W - width + 1), height, width }
    }
  }
  return null
}
