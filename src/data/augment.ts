// What differs from image to image and epoch to epoch: random transforms by torchvision's names. Each draws its numbers
// for one image and composes them onto a view: an affine map, colour jitter. The GPU applies a view in one pass, so
// that an image is sampled once however many transforms there are. To add one: a function that returns a
// RandomTransform.
import { SettingError, check } from '../util/check.js'
import type { Random } from '../util/random.js'
import { checkOptions } from '../util/options.js'

/** Rows a b c, d e f: from a point (x, y) of the result to ax + by + c, dx + ey + f in the image, in pixels. */
export type Affine = readonly [number, number, number, number, number, number]

/** How one image is seen. */
export interface View {
  readonly height: number
  readonly width: number
  readonly map: Affine
  /** Factors of brightness, contrast, saturation, the hue's move, then each one's place in the order. */
  readonly jitter: readonly number[]
}

export interface RandomTransform {
  readonly kind: string
  /** Transforms that move pixels come before those that change their colour. */
  readonly changes: 'geometry' | 'colour'
  /** Of the result, where it is not the image's. */
  readonly size?: readonly [height: number, width: number]
  readonly interpolation?: 'nearest' | 'bilinear'
  draw(view: View, random: Random): View
}

/** An image as it is. */
export const unchanged = (height: number, width: number): View => ({
  height,
  width,
  map: [1, 0, 0, 0, 1, 0],
  jitter: [1, 1, 1, 0, 0, 1, 2, 3],
})

/** `inner` first, from the new result to the old, then `outer`, from the old to the image. */
function compose([a, b, c, d, e, f]: Affine, inner: Affine): Affine {
  const [A, B, C, D, E, F] = inner
  return [a * A + b * D, a * B + b * E, a * C + b * F + c, d * A + e * D, d * B + e * E, d * C + e * F + f]
}

const mapped = (view: View, inner: Affine): View => ({ ...view, map: compose(view.map, inner) })

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

/** Mirrors left and right with probability `p`, drawn anew for each image and epoch. */
export function randomHorizontalFlip(p = 0.5): RandomTransform {
  checkProbability('RandomHorizontalFlip', p)
  return {
    kind: 'RandomHorizontalFlip',
    changes: 'geometry',
    draw: (view, random) => (random.uniform() < p ? mapped(view, [-1, 0, view.width, 0, 1, 0]) : view),
  }
}

/** Mirrors top and bottom with probability `p`. */
export function randomVerticalFlip(p = 0.5): RandomTransform {
  checkProbability('RandomVerticalFlip', p)
  return {
    kind: 'RandomVerticalFlip',
    changes: 'geometry',
    draw: (view, random) => (random.uniform() < p ? mapped(view, [1, 0, 0, 0, -1, view.height]) : view),
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
): Affine {
  const [turn, sx, sy] = [angle, ...shear].map((degrees) => (degrees * Math.PI) / 180)
  const a = Math.cos(turn - sy) / Math.cos(sy)
  const b = (-Math.cos(turn - sy) * Math.tan(sx)) / Math.cos(sy) - Math.sin(turn)
  const c = Math.sin(turn - sy) / Math.cos(sy)
  const d = (-Math.sin(turn - sy) * Math.tan(sx)) / Math.cos(sy) + Math.cos(turn)
  const [p, q, r, s] = [d / scale, -b / scale, -c / scale, a / scale]
  const [x, y] = [width / 2, height / 2]
  const [dx, dy] = [-x - translate[0], -y - translate[1]]
  return [p, q, p * dx + q * dy + x, r, s, r * dx + s * dy + y]
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

/** Rotation (degrees, clockwise), translation by whole pixels, scale and shear along x, about the middle. */
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
  check(
    isRange(scale, 1e-6, 1),
    () => `RandomResizedCrop: scale must be [low, high] in 0..1, got ${JSON.stringify(scale)}`,
  )
  check(
    isRange(ratio, 1e-6, Infinity),
    () => `RandomResizedCrop: ratio must be [low, high], got ${JSON.stringify(ratio)}`,
  )
  return {
    kind: 'RandomResizedCrop',
    changes: 'geometry',
    size: [H, W],
    interpolation: 'bilinear',
    draw(view, random) {
      const { top, left, height, width } = crop(view, scale, ratio, random)
      const map = compose(view.map, [width / W, 0, left, 0, height / H, top])
      return { ...view, map, height: H, width: W }
    },
  }
}

/** torchvision's RandomResizedCrop.get_params: ten tries, then the middle. */
function crop(
  { height: H, width: W }: View,
  scale: readonly [number, number],
  ratio: readonly [number, number],
  random: Random,
): { top: number; left: number; height: number; width: number } {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = H * W * random.uniform(...scale)
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])))
    const width = Math.round(Math.sqrt(area * aspect))
    const height = Math.round(Math.sqrt(area / aspect))
    if (width > 0 && width <= W && height > 0 && height <= H) {
      return { top: random.integer(H - height + 1), left: random.integer(W - width + 1), height, width }
    }
  }
  const aspect = Math.min(Math.max(W / H, ratio[0]), ratio[1])
  const height = Math.min(H, Math.round(W / aspect))
  const width = Math.min(W, Math.round(H * aspect))
  return { top: Math.floor((H - height) / 2), left: Math.floor((W - width) / 2), height, width }
}

export interface ColorJitterOptions {
  /** Factors from 1 − b to 1 + b, or [low, high]; none. */
  brightness?: number | readonly [number, number]
  contrast?: number | readonly [number, number]
  saturation?: number | readonly [number, number]
  /** Moves of the hue from −h to h of a full circle, h at most 0.5, or [low, high]; none. */
  hue?: number | readonly [number, number]
}

/** Changes brightness, contrast, saturation and hue by random factors in a random order. */
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

/** Names of `parseAugment` that move pixels. */
const MOVES: Readonly<Record<string, (strength: number) => RandomTransform>> = {
  flip: randomHorizontalFlip,
  vflip: randomVerticalFlip,
  rotate: (degrees) => randomRotation(degrees),
  translate: (share) => randomAffine(0, { translate: [share, share] }),
  scale: (share) => randomAffine(0, { scale: [1 - share, 1 + share] }),
  shear: (degrees) => randomAffine(0, { shear: degrees }),
}

/** And those that change colours, as the options of one ColorJitter. */
const COLOURS: Readonly<Record<string, (strength: number) => ColorJitterOptions>> = {
  jitter: (strength) => ({ brightness: strength, contrast: strength }),
  saturation: (saturation) => ({ saturation }),
  hue: (hue) => ({ hue }),
}

const PRESETS: Readonly<Record<string, string>> = {
  notebook: 'flip=0.5',
  strong: 'flip=0.5,rotate=10,translate=0.05,scale=0.1,jitter=0.2',
}

/**
 * The transforms that a text names: a preset (none, notebook, strong), or a list such as
 * `flip=0.5,rotate=10,jitter=0.2`: flip and vflip by probability, rotate and shear in degrees, translate and scale as
 * shares, jitter (brightness and contrast), saturation and hue by strength.
 */
export function parseAugment(text: string): RandomTransform[] {
  const names = [...Object.keys(MOVES), ...Object.keys(COLOURS)].join(', ')
  const refuse = (): never => {
    const rule = `must be none, notebook, strong, or a list of ${names} as in flip=0.5,rotate=10, got '${text}'`
    throw new SettingError('augment', rule)
  }
  if (text === 'none') return []
  const moves: RandomTransform[] = []
  const colours: ColorJitterOptions = {}
  for (const part of (Object.hasOwn(PRESETS, text) ? PRESETS[text] : text).split(',')) {
    const [name, value, ...more] = part.split('=')
    const strength = Number(value)
    if (!value?.trim() || !Number.isFinite(strength) || more.length > 0) refuse()
    if (Object.hasOwn(MOVES, name)) moves.push(MOVES[name](strength))
    else if (Object.hasOwn(COLOURS, name)) Object.assign(colours, COLOURS[name](strength))
    else refuse()
  }
  return Object.keys(colours).length ? [...moves, colorJitter(colours)] : moves
}
