// Heat maps on the host: scaled, laid over the image at its own resolution, coloured, measured. Plain arrays, no GPU.
import type { Image } from '../data/image.js'
import type { HostStep } from '../data/transforms.js'
import { check } from '../util/check.js'
import type { HeatMap } from './read.js'
import { withDefaults } from '../util/options.js'

/** The map divided by its greatest value: 0..1. A map of zeros stays one. */
export function normalised({ height, width, values }: HeatMap): HeatMap {
  const most = values.reduce((a, b) => Math.max(a, b), 0)
  return { height, width, values: values.map((v) => (most > 0 ? v / most : 0)) }
}

/** Why a map shows no place, in words: it is of one cell, or empty, or the same everywhere; null where it shows one. */
export function placeless({ height, width, values }: HeatMap): string | null {
  if (values.every((value) => value === 0)) return 'the map is empty: nothing in the image speaks for the class'
  if (height * width === 1)
    return (
      'the map has one cell, which colours the whole image alike: it says nothing of where; ' +
      'a model of larger images has more'
    )
  return values.every((value) => value === values[0])
    ? 'the map is the same everywhere: it says nothing of where'
    : null
}

/** A rectangle of an image in its pixels; may have fractions, and reach beyond the image. */
export interface Region {
  left: number
  top: number
  width: number
  height: number
}

/** The part of an image that a model sees after resizing and cropping: what a map of it covers. */
export function seenRegion(image: { width: number; height: number }, steps: readonly HostStep[]): Region {
  let [width, height] = [image.width, image.height]
  const region = { left: 0, top: 0, width, height }
  for (const step of steps) {
    // Pixels of the image in one of the picture as it is now.
    const [across, down] = [region.width / width, region.height / height]
    if (step.kind === 'CenterCrop') {
      const [h, w] = step.size
      region.left += (across * (width - w)) / 2
      region.top += (down * (height - h)) / 2
      region.width = across * w
      region.height = down * h
      ;[width, height] = [w, h]
    } else if (typeof step.size === 'number') {
      const scale = step.size / Math.min(width, height)
      ;[width, height] = [width * scale, height * scale]
    } else [height, width] = step.size
  }
  return region
}

/**
 * The map at a picture's own resolution: bilinear (`torch.nn.functional.interpolate`, align_corners=False) inside
 * `region`, 0 outside.
 * @param region what the map covers; the whole picture.
 */
export function upsample(
  map: HeatMap,
  height: number,
  width: number,
  region: Region = { left: 0, top: 0, width, height },
): HeatMap {
  const axis = (to: number, start: number, length: number, from: number) =>
    Array.from({ length: to }, (_, i) => {
      const at = (i + 0.5 - start) / length
      const place = Math.min(Math.max(at * from - 0.5, 0), from - 1)
      const low = Math.floor(place)
      return { inside: at >= 0 && at <= 1, low, high: Math.min(low + 1, from - 1), share: place - low }
    })
  const [rows, columns] = [
    axis(height, region.top, region.height, map.height),
    axis(width, region.left, region.width, map.width),
  ]
  const values = new Float32Array(height * width)
  rows.forEach((y, row) =>
    columns.forEach((x, column) => {
      if (!y.inside || !x.inside) return
      const line = (at: number) =>
        map.values[at * map.width + x.low] * (1 - x.share) + map.values[at * map.width + x.high] * x.share
      values[row * width + column] = line(y.low) * (1 - y.share) + line(y.high) * y.share
    }),
  )
  return { height, width, values }
}

/** Matplotlib's inferno (CC0) at eight even steps: dark to bright in gray print too. */
const INFERNO = [
  [0, 0, 4],
  [40, 11, 84],
  [101, 21, 110],
  [159, 42, 99],
  [212, 72, 66],
  [245, 125, 21],
  [250, 193, 39],
  [252, 255, 164],
] as const

/** Colour of a value in 0..1 as RGB bytes. */
export function heatColour(value: number): [number, number, number] {
  const place = Math.min(Math.max(value, 0), 1) * (INFERNO.length - 1)
  const low = Math.min(Math.floor(place), INFERNO.length - 2)
  const mix = (c: 0 | 1 | 2) => Math.round(INFERNO[low][c] + (INFERNO[low + 1][c] - INFERNO[low][c]) * (place - low))
  return [mix(0), mix(1), mix(2)]
}

/**
 * The picture with the map over it, the more opaque the hotter: where the map is 0 the radiograph shows as it is.
 * @param map in 0..1, of the picture's size.
 * @param options.opacity of the hottest places; 0.6.
 * @throws unless the map has the picture's size.
 */
export function overlay(image: Image, map: HeatMap, options: { opacity?: number } = {}): Image {
  const { opacity } = withDefaults('overlay', options, { opacity: 0.6 })
  check(
    map.height === image.height && map.width === image.width,
    `overlay: the map must have the picture's size ${image.height} × ${image.width}, got ${map.height} × ${map.width}`,
  )
  const data = new Uint8Array(image.data.length)
  map.values.forEach((value, i) => {
    const cover = opacity * Math.min(Math.max(value, 0), 1)
    heatColour(value).forEach((colour, c) => {
      data[3 * i + c] = Math.round(image.data[3 * i + c] * (1 - cover) + colour * cover)
    })
  })
  return { width: image.width, height: image.height, data }
}

/**
 * The share of a map that lies on the image's border, and the share of the area that the border has: a map of no
 * preference has as much as that. NaN of a map of zeros.
 * @param options.width of the border at each side, as a share of the image; 0.1.
 * @throws unless the width is above 0 and below 0.5.
 */
export function borderShare(map: HeatMap, options: { width?: number } = {}): { share: number; area: number } {
  const { width } = withDefaults('borderShare', options, { width: 0.1 })
  check(width > 0 && width < 0.5, `borderShare: width must be above 0 and below 0.5, got ${width}`)
  /** How much of cell i of n is not border, 0..1. */
  const inner = (i: number, n: number) =>
    Math.min(1, Math.max(0, Math.min((i + 1) / n, 1 - width) - Math.max(i / n, width)) * n)
  let [all, border] = [0, 0]
  map.values.forEach((value, at) => {
    all += value
    border += value * (1 - inner(Math.floor(at / map.width), map.height) * inner(at % map.width, map.width))
  })
  return { share: all > 0 ? border / all : NaN, area: 1 - (1 - 2 * width) ** 2 }
}
