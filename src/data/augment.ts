// What differs from image to image and epoch to epoch: random transforms by torchvision's names. Each draws its numbers
// for one image and composes them onto a view: tone curves, a map of the plane, colour jitter, effects. The GPU applies
// a view, and samples an image once however many transforms there are. To add one: a function that returns a
// RandomTransform.
import type { Tone } from '../ops/augment.js'
import { SettingError, check } from '../util/check.js'
import type { Random } from '../util/random.js'
import { checkOptions } from '../util/options.js'

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
function mapped(view: View, inner: PlaneMap): View {
  const { map } = view
  const entry = (_: number, at: number) =>
    [0, 1, 2].reduce((sum, k) => sum + map[at - (at % 3) + k] * inner[3 * k + (at % 3)], 0)
  return { ...view, map: map.map(entry) }
}

const isRange = (range: unknown, least: number, most: number): range is readonly [number, number] =>
  Array.isArray(range) && range.length === 2 && least <= range[0] && range[0] <= range[1] && range[1] <= most

/** A number n as [−n, n], or the range itself. */
function symmetric(name: string, value: number | readonly number[], most: number): readonly [number, number] {
  const range = typeof value === 'number' ? [-value, value] : value
  check(isRange(range, -most, most), () => `${name} must be a number or [low, high], got ${JSON.stringify(value)}`)
  return [range[0], range[1]]
}

function checkProbability(name: string, p: number): void {
  check(p >= 0 && p <= 1, `${name}: p must be in 0..1, got ${p}`)
}

function checkBox(name: string, scale: unknown, ratio: unknown): void {
  check(isRange(scale, 1e-6, 1), () => `${name}: scale must be [low, high] in 0..1, got ${JSON.stringify(scale)}`)
  check(isRange(ratio, 1e-6, Infinity), () => `${name}: ratio must be [low, high], got ${JSON.stringify(ratio)}`)
}

/** Mirrors left and right with probability `p`, drawn anew for each image and epoch. */
export function randomHorizontalFlip(p = 0.5): RandomTransform {
  checkProbability('RandomHorizontalFlip', p)
  return {
    kind: 'RandomHorizontalFlip',
    changes: 'geometry',
    draw: (view, random) => (random.uniform() < p ? mapped(view, [-1, 0, view.width, 0, 1, 0, 0, 0, 1]) : view),
  }
}

/** Mirrors top and bottom with probability `p`. */
export function randomVerticalFlip(p = 0.5): RandomTransform {
  checkProbability('RandomVerticalFlip', p)
  return {
    kind: 'RandomVerticalFlip',
    changes: 'geometry',
    draw: (view, random) => (random.uniform() < p ? mapped(view, [1, 0, 0, 0, -1, view.height, 0, 0, 1]) : view),
  }
}

export interface AffineParameters {
  /** Degrees, clockwise. */
  angle: number
  /** Pixels to the right and down; 0. */
  translate?: readonly [x: number, y: number]
  scale?: number
  /** Degrees along x and y; 0. */
  shear?: readonly [x: number, y: number]
}

/** The inverse map of torchvision's `affine` about the middle of an image (`_get_inverse_affine_matrix`). */
export function inverseAffine(
  { height, width }: Pick<View, 'height' | 'width'>,
  { angle, translate = [0, 0], scale = 1, shear = [0, 0] }: AffineParameters,
): PlaneMap {
  const [turn, sx, sy] = [angle, ...shear].map((degrees) => (degrees * Math.PI) / 180)
  const a = Math.cos(turn - sy) / Math.cos(sy)
  const b = (-Math.cos(turn - sy) * Math.tan(sx)) / Math.cos(sy) - Math.sin(turn)
  const c = Math.sin(turn - sy) / Math.cos(sy)
  const d = (-Math.sin(turn - sy) * Math.tan(sx)) / Math.cos(sy) + Math.cos(turn)
  const [p, q, r, s] = [d / scale, -b / scale, -c / scale, a / scale]
  const [x, y] = [width / 2, height / 2]
  const [dx, dy] = [-x - translate[0], -y - translate[1]]
  return [p, q, p * dx + q * dy + x, r, s, r * dx + s * dy + y, 0, 0, 1]
}

/**
 * Rotates about the middle by an angle from `degrees` (a number d: −d … d), counter-clockwise; what comes from outside
 * is black.
 */
export function randomRotation(
  degrees: number | readonly [number, number],
  { interpolation = 'bilinear' }: Pick<RandomTransform, 'interpolation'> = {},
): RandomTransform {
  const range = symmetric('RandomRotation: degrees', degrees, 360)
  return {
    kind: 'RandomRotation',
    changes: 'geometry',
    interpolation,
    draw: (view, random) => mapped(view, inverseAffine(view, { angle: -random.uniform(...range) })),
  }
}

export interface RandomAffineOptions extends Pick<RandomTransform, 'interpolation'> {
  /** Shares of width and height, at most so far each way; none. */
  translate?: readonly [x: number, y: number]
  /** Range of factors; none. */
  scale?: readonly [number, number]
  /** Degrees along x, as for the rotation; none. */
  shear?: number | readonly [number, number]
}

/**
 * Rotation (degrees, clockwise), translation by whole pixels, scale and shear along x, about the middle.
 * @throws when a range makes no sense, or an option is unknown.
 */
export function randomAffine(
  degrees: number | readonly [number, number],
  options: RandomAffineOptions = {},
): RandomTransform {
  checkOptions('RandomAffine', options, ['translate', 'scale', 'shear', 'interpolation'])
  const { translate = [0, 0], scale = [1, 1], shear = 0, interpolation = 'bilinear' } = options
  const angles = symmetric('RandomAffine: degrees', degrees, 360)
  const shears = symmetric('RandomAffine: shear', shear, 89)
  check(
    translate.length === 2 && translate.every((t) => t >= 0 && t <= 1),
    () => `RandomAffine: translate must be two shares in 0..1, got ${JSON.stringify(translate)}`,
  )
  check(isRange(scale, 1e-6, Infinity), () => `RandomAffine: scale must be [low, high], got ${JSON.stringify(scale)}`)
  return {
    kind: 'RandomAffine',
    changes: 'geometry',
    interpolation,
    draw(view, random) {
      const angle = random.uniform(...angles)
      const most = [translate[0] * view.width, translate[1] * view.height]
      const [x, y] = most.map((pixels) => Math.round(random.uniform(-pixels, pixels)))
      const factor = random.uniform(...scale)
      const parameters = { angle, translate: [x, y], scale: factor, shear: [random.uniform(...shears), 0] } as const
      return mapped(view, inverseAffine(view, parameters))
    },
  }
}

export interface RandomResizedCropOptions {
  /** Range of the crop's share of the area; [0.08, 1]. */
  scale?: readonly [number, number]
  /** Range of its width over its height; [3/4, 4/3]. */
  ratio?: readonly [number, number]
}

/**
 * A random part of the image, resized to `size` between pixels (bilinear). Works on what the host part of the pipeline
 * gives; where that is larger than `size`, it is not smoothed first.
 * @throws when a range makes no sense, or an option is unknown.
 */
export function randomResizedCrop(
  size: number | readonly [height: number, width: number],
  options: RandomResizedCropOptions = {},
): RandomTransform {
  checkOptions('RandomResizedCrop', options, ['scale', 'ratio'])
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = options
  const [H, W] = typeof size === 'number' ? [size, size] : size
  check(
    [H, W].every((n) => Number.isInteger(n) && n > 0),
    () => `RandomResizedCrop: size must be a positive integer or [height, width], got ${JSON.stringify(size)}`,
  )
  checkBox('RandomResizedCrop', scale, ratio)
  return {
    kind: 'RandomResizedCrop',
    changes: 'geometry',
    size: [H, W],
    interpolation: 'bilinear',
    draw(view, random) {
      const { top, left, height, width } = randomBox(view, scale, ratio, random) ?? middleBox(view, ratio)
      const map = [width / W, 0, left, 0, height / H, top, 0, 0, 1]
      return { ...mapped(view, map), height: H, width: W }
    },
  }
}

interface Box {
  top: number
  left: number
  height: number
  width: number
}

/**
 * A part of an image that has a share of its area from `scale` and a width over height from `ratio`; null where none of
 * ten fits (get_params of torchvision's RandomResizedCrop and RandomErasing).
 */
function randomBox(
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

function middleBox({ height: H, width: W }: View, ratio: readonly [number, number]): Box {
  const aspect = Math.min(Math.max(W / H, ratio[0]), ratio[1])
  const height = Math.min(H, Math.round(W / aspect))
  const width = Math.min(W, Math.round(H * aspect))
  return { top: Math.floor((H - height) / 2), left: Math.floor((W - width) / 2), height, width }
}

/**
 * Seen from another side, with probability `p`, 0.5: each corner moves inwards by at most `distortionScale`, 0.5, of
 * half the side; what comes from outside is black.
 * @throws when a range makes no sense, or an option is unknown.
 */
export function randomPerspective(distortionScale = 0.5, p = 0.5): RandomTransform {
  checkProbability('RandomPerspective', p)
  check(
    distortionScale >= 0 && distortionScale <= 1,
    `RandomPerspective: distortionScale must be in 0..1, got ${distortionScale}`,
  )
  return {
    kind: 'RandomPerspective',
    changes: 'geometry',
    interpolation: 'bilinear',
    draw(view, random) {
      if (random.uniform() >= p) return view
      const { height: H, width: W } = view
      const inwards = [W, H].map((side) => Math.floor(distortionScale * Math.floor(side / 2)) + 1)
      const corners = cornersOf(view).map(([x, y]): [number, number] => {
        const [dx, dy] = inwards.map((most) => random.integer(most))
        return [x ? x - dx : dx, y ? y - dy : dy]
      })
      return mapped(view, perspectiveMap(view, corners))
    },
  }
}

type Corners = readonly (readonly [x: number, y: number])[]

/** Upper left, upper right, lower right, lower left. */
const cornersOf = ({ height, width }: Pick<View, 'height' | 'width'>): Corners => [
  [0, 0],
  [width - 1, 0],
  [width - 1, height - 1],
  [0, height - 1],
]

/** The map under which the corners of an image are seen in these places (torchvision's `perspective`). */
export function perspectiveMap(size: Pick<View, 'height' | 'width'>, corners: Corners): PlaneMap {
  const rows = cornersOf(size).flatMap(([X, Y], i) => {
    const [x, y] = corners[i]
    return [
      [x, y, 1, 0, 0, 0, -X * x, -X * y, X],
      [0, 0, 0, x, y, 1, -Y * x, -Y * y, Y],
    ]
  })
  // Gauss & Jordan: eight equations for what is not the last number, 1.
  for (let k = 0; k < 8; k++) {
    const best = rows.reduce((at, row, i) => (i > k && Math.abs(row[k]) > Math.abs(rows[at][k]) ? i : at), k)
    ;[rows[k], rows[best]] = [rows[best], rows[k]]
    rows[k] = rows[k].map((value) => value / rows[k][k])
    rows.forEach((row, i) => {
      if (i !== k) rows[i] = row.map((value, c) => value - row[k] * rows[k][c])
    })
  }
  return [...rows.map((row) => row[8]), 1]
}

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

/** Names of `parseAugment`, and what each makes of its strength. */
const MAKERS: Readonly<Record<string, (strength: number) => RandomTransform>> = {
  flip: randomHorizontalFlip,
  vflip: randomVerticalFlip,
  rotate: (degrees) => randomRotation(degrees),
  translate: (share) => randomAffine(0, { translate: [share, share] }),
  scale: (share) => randomAffine(0, { scale: [1 - share, 1 + share] }),
  shear: (degrees) => randomAffine(0, { shear: degrees }),
  perspective: (distortion) => randomPerspective(distortion),
  autocontrast: randomAutocontrast,
  equalize: randomEqualize,
  clahe: (p) => randomClahe(p),
  blur: (sigma) => gaussianBlur(2 * Math.ceil(2 * sigma) + 1, [Math.min(0.1, sigma), sigma]),
  noise: gaussianNoise,
  erase: (p) => randomErasing(p),
}

/** And those that are options of one ColorJitter. */
const COLOURS: Readonly<Record<string, (strength: number) => ColorJitterOptions>> = {
  jitter: (strength) => ({ brightness: strength, contrast: strength }),
  saturation: (saturation) => ({ saturation }),
  hue: (hue) => ({ hue }),
}

const PRESETS: Readonly<Record<string, string>> = {
  notebook: 'flip=0.5',
  strong: 'flip=0.5,rotate=10,translate=0.05,scale=0.1,jitter=0.2',
}

/** What `parseAugment` takes, in words. */
export const augmentRule = (): string =>
  `none, notebook, strong, or a list of ${[...Object.keys(MAKERS), ...Object.keys(COLOURS)].join(', ')} ` +
  'as in flip=0.5,rotate=10'

/**
 * The transforms that a text names, in their order: a preset (none, notebook, strong), or a list such as
 * `flip=0.5,rotate=10,jitter=0.2`: flip, vflip, autocontrast, equalize, clahe and erase by probability, rotate and
 * shear in degrees, translate and scale as shares, perspective by its distortion (in half of all images), jitter
 * (brightness and contrast), saturation and hue by strength, blur by its largest deviation in pixels, noise by its
 * deviation on the scale 0 … 1.
 *
 * @throws SettingError for anything else.
 */
export function parseAugment(text: string): RandomTransform[] {
  const refuse = (why = ''): never => {
    throw new SettingError('augment', `must be ${augmentRule()}, got '${text}'${why}`)
  }
  if (text === 'none') return []
  const made: RandomTransform[] = []
  const colours: ColorJitterOptions = {}
  const seen = new Set<string>()
  for (const part of (Object.hasOwn(PRESETS, text) ? PRESETS[text] : text).split(',')) {
    const [name, value, ...more] = part.split('=').map((word) => word.trim())
    const strength = Number(value)
    const known = Object.hasOwn(MAKERS, name) || Object.hasOwn(COLOURS, name)
    if (!known || !value || !Number.isFinite(strength) || more.length > 0 || seen.has(name)) refuse()
    seen.add(name)
    try {
      if (Object.hasOwn(MAKERS, name)) made.push(MAKERS[name](strength))
      else colorJitter(Object.assign(colours, COLOURS[name](strength)))
    } catch (error) {
      refuse(` (${(error as Error).message})`)
    }
  }
  if (Object.keys(colours).length) made.push(colorJitter(colours))
  return made.sort((a, b) => stageOf(a) - stageOf(b))
}

/** Whether `parseAugment` takes a text. */
export function isAugment(text: string): boolean {
  try {
    return Boolean(parseAugment(text))
  } catch {
    return false
  }
}
