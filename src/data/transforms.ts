// The transforms of torchvision by name. A pipeline is split in two: what is the same every epoch (Resize, CenterCrop)
// runs on bytes in the decoding workers and is cached; what is random or makes floats (RandomRotation, ToTensor,
// Normalize) is left to the GPU, which gets its parameters as a DeviceStep.
import { check } from '../util/check.js'
import type { Tone } from '../ops/augment.js'
import type { ImageOptions } from '../ops/images.js'
import type { Random } from '../util/random.js'
import * as augment from './augment.js'
import * as colours from './augmentColours.js'
import * as geometry from './augmentGeometry.js'
import { centerCrop, type Image } from './image.js'
import { resizeBilinear, shorterSideTo } from './resize.js'

type Rgb = readonly [number, number, number]

/** A transform that is done to the bytes of an image when it is read. */
export type HostStep =
  | { readonly kind: 'Resize'; readonly size: number | readonly [height: number, width: number] }
  | { readonly kind: 'CenterCrop'; readonly size: readonly [height: number, width: number] }

/** One step of `compose`: its name and its numbers. */
export type Transform =
  | HostStep
  | augment.RandomTransform
  | { readonly kind: 'ToTensor' }
  | { readonly kind: 'Normalize'; readonly mean: Rgb; readonly std: Rgb }
  | { readonly kind: 'MixUp' | 'CutMix'; readonly alpha: number }

/** Parameters of the Beta distributions that shares are drawn from; 0 is without. With both, a batch has either. */
export interface Mixing {
  readonly mixup: number
  readonly cutmix: number
}

/** What the GPU does with a batch of bytes: each image as its view says, then (byte / 255 − mean) / std. */
export interface DeviceStep {
  /** In order; they draw an image's view. */
  readonly random: readonly augment.RandomTransform[]
  readonly mean: Rgb
  readonly std: Rgb
  /** How images of a batch are mixed; left out, they are not. */
  readonly mix?: Mixing
}

/** A composed pipeline: `host` in order on each image, `device` on the batch. */
export interface Pipeline {
  readonly host: readonly HostStep[]
  readonly device: DeviceStep
}

/** `transforms.Resize(224)` and `new transforms.Resize(224)` mean the same. */
type Factory<A extends unknown[], T> = { (...args: A): T; new (...args: A): T }
const factory = <A extends unknown[], T extends object>(make: (...args: A) => T): Factory<A, T> =>
  function (...args: A) {
    return make(...args)
  } as Factory<A, T>

const isSize = (n: unknown): n is number => Number.isInteger(n) && (n as number) >= 1

function pair(name: string, size: number | readonly number[]): readonly [number, number] {
  const [height, width] = typeof size === 'number' ? [size, size] : size
  const right = (typeof size === 'number' || size.length === 2) && isSize(height) && isSize(width)
  check(right, `${name}: size must be a positive integer or [height, width], got ${JSON.stringify(size)}`)
  return [height, width]
}

function rgb(name: string, values: readonly number[] | number): Rgb {
  const [r, g = r, b = r] = typeof values === 'number' ? [values] : values
  const length = typeof values === 'number' ? 1 : values.length
  check(
    (length === 1 || length === 3) && [r, g, b].every(Number.isFinite),
    `Normalize: ${name} must be one number or three, got ${JSON.stringify(values)}`,
  )
  return [r, g, b]
}

/**
 * Pillow's antialiased bilinear resize. One number makes the shorter side that long and keeps the proportions
 * (torchvision's rounding); [height, width] is exact.
 * @throws unless sizes are positive whole numbers.
 */
export const Resize = /* @__PURE__ */ factory((size: number | readonly [number, number]): HostStep => {
  const [height, width] = pair('Resize', size)
  return { kind: 'Resize', size: typeof size === 'number' ? size : [height, width] }
})

/**
 * The middle of the image, padded with black where it is smaller.
 * @throws unless sizes are positive whole numbers.
 */
export const CenterCrop = /* @__PURE__ */ factory((size: number | readonly [number, number]): HostStep => ({
  kind: 'CenterCrop',
  size: pair('CenterCrop', size),
}))

/** Mirrors left and right with probability p, 0.5 (torchvision's `RandomHorizontalFlip`). */
export const RandomHorizontalFlip = /* @__PURE__ */ factory(geometry.randomHorizontalFlip)
/** Mirrors top and bottom with probability p, 0.5 (torchvision's `RandomVerticalFlip`). */
export const RandomVerticalFlip = /* @__PURE__ */ factory(geometry.randomVerticalFlip)
/** Turns by a random angle in degrees (torchvision's `RandomRotation`). */
export const RandomRotation = /* @__PURE__ */ factory(geometry.randomRotation)
/** A random rotation, shift, scale and shear (torchvision's `RandomAffine`). */
export const RandomAffine = /* @__PURE__ */ factory(geometry.randomAffine)
/** A random part of the image, made as large as asked for (torchvision's `RandomResizedCrop`). */
export const RandomResizedCrop = /* @__PURE__ */ factory(geometry.randomResizedCrop)
/** Random brightness, contrast and the like (torchvision's `ColorJitter`). */
export const ColorJitter = /* @__PURE__ */ factory(colours.colorJitter)

/** Seen from another side (torchvision's `RandomPerspective`). */
export const RandomPerspective = /* @__PURE__ */ factory(geometry.randomPerspective)
/** Levels stretched to the whole range, with probability p (torchvision's `RandomAutocontrast`). */
export const RandomAutocontrast = /* @__PURE__ */ factory(colours.randomAutocontrast)
/** All levels equally often, with probability p (torchvision's `RandomEqualize`). */
export const RandomEqualize = /* @__PURE__ */ factory(colours.randomEqualize)
/** Contrast-limited adaptive equalisation with probability p (OpenCV's `createCLAHE`). */
export const RandomClahe = /* @__PURE__ */ factory(colours.randomClahe)
/** Blurred by a random deviation (torchvision's `GaussianBlur`). */
export const GaussianBlur = /* @__PURE__ */ factory(colours.gaussianBlur)
/** Noise, in the range of colours (torchvision's `v2.GaussianNoise`). */
export const GaussianNoise = /* @__PURE__ */ factory(colours.gaussianNoise)
/** A random box becomes 0 (torchvision's `RandomErasing`). */
export const RandomErasing = /* @__PURE__ */ factory(colours.randomErasing)

/** Bytes 0..255 to floats 0..1. */
export const ToTensor = /* @__PURE__ */ factory((): Transform => ({ kind: 'ToTensor' }))

/**
 * (x − mean) / std per channel; one number serves all three.
 * @throws unless both are one number or three, and std above 0.
 */
export const Normalize = /* @__PURE__ */ factory(
  (mean: readonly number[] | number, std: readonly number[] | number): Transform => {
    const divisor = rgb('std', std)
    check(
      divisor.every((s) => s > 0),
      `Normalize: std must be above 0, got ${JSON.stringify(std)}`,
    )
    return { kind: 'Normalize', mean: rgb('mean', mean), std: divisor }
  },
)

function mixer(kind: 'MixUp' | 'CutMix', alpha: number): Transform {
  check(alpha >= 0 && alpha < Infinity, `${kind}: alpha must be a number of 0 or more, got ${alpha}`)
  return { kind, alpha }
}

/**
 * Each image of a batch is a mixture with another, and so is its label; shares are drawn from Beta(alpha, alpha), 1
 * when left out, 0 for none (torchvision's `v2.MixUp`; Zhang et al. 2018). With {@link CutMix}, too, a batch has one of
 * both.
 * @throws unless alpha is a number of 0 or more.
 */
export const MixUp = /* @__PURE__ */ factory((alpha: number = 1) => mixer('MixUp', alpha))
/**
 * A box of each image of a batch shows another (torchvision's `v2.CutMix`; Yun et al. 2019); see {@link MixUp}.
 * @throws as {@link MixUp}.
 */
export const CutMix = /* @__PURE__ */ factory((alpha: number = 1) => mixer('CutMix', alpha))

/** Its place in the order of a pipeline: host, tones, geometry, colour, blur, noise, Normalize, erase, mixtures. */
function placeOf(step: Transform): number {
  if ('draw' in step) return augment.stageOf(step) + (step.changes === 'erase' ? 2 : 1)
  if (step.kind === 'Normalize') return 6
  return 'alpha' in step ? 8 : 0
}

const isHost = (step: Transform): step is HostStep => step.kind === 'Resize' || step.kind === 'CenterCrop'

/**
 * Splits a list of transforms into its host and device parts. Resize and CenterCrop come first, in any order; then what
 * changes contrast by tone curves (RandomAutocontrast, RandomEqualize, RandomClahe); what moves pixels; ColorJitter;
 * GaussianBlur; ToTensor, which may stand earlier; GaussianNoise; Normalize; RandomErasing; MixUp and CutMix.
 * What moves pixels is applied in one pass, sampled bilinearly if one of them asks for that.
 * @throws when steps stand in another order, or ToTensor is missing.
 */
export const Compose = /* @__PURE__ */ factory((steps: readonly Transform[]): Pipeline => {
  const host: HostStep[] = []
  const random: augment.RandomTransform[] = []
  let [mean, std]: [Rgb, Rgb] = [
    [0, 0, 0],
    [1, 1, 1],
  ]
  const mix = { mixup: 0, cutmix: 0 }
  const seen: Transform[] = []
  let floats = false
  for (const step of steps) {
    const { kind } = step
    if (isHost(step)) {
      const last = seen.at(-1)
      check(!last, () => `Compose: ${kind} must come before what runs on the GPU, got it after ${last!.kind}`)
      host.push(step)
      continue
    }
    const place = placeOf(step)
    const later = kind === 'ToTensor' ? undefined : seen.find((other) => placeOf(other) > place)
    check(!later, () => `Compose: ${kind} must come before ${later!.kind}, got it after`)
    const once = kind === 'ToTensor' || place > 2
    check(
      !once || !seen.some((other) => other.kind === kind),
      `Compose: ${kind} must appear at most once, got it twice`,
    )
    check(floats || place < 5, `Compose: ${kind} must come after ToTensor, got it before`)
    floats ||= kind === 'ToTensor'
    seen.push(step)
    if ('draw' in step) random.push(step)
    else if ('alpha' in step) mix[step.kind === 'MixUp' ? 'mixup' : 'cutmix'] = step.alpha
    else if (step.kind === 'Normalize') ({ mean, std } = step)
  }
  check(floats, `Compose: must contain ToTensor, got [${steps.map((s) => s.kind).join(', ')}]`)
  const mixes = mix.mixup > 0 || mix.cutmix > 0
  return { host, device: { random, mean, std, ...(mixes && { mix }) } }
})

/** {@link Compose} as a plain function. */
export const compose = (steps: readonly Transform[]): Pipeline => Compose(steps)

/** Runs the host part of a pipeline on one image. */
export function applyHost(image: Image, steps: readonly HostStep[]): Image {
  for (const step of steps) {
    if (step.kind === 'CenterCrop') image = centerCrop(image, ...step.size)
    else if (typeof step.size === 'number') image = shorterSideTo(image, step.size)
    else image = resizeBilinear(image, ...step.size)
  }
  return image
}

/** [height, width] of every image that the host part yields, or null where that depends on the image. */
export function hostSize({ host }: Pipeline): readonly [height: number, width: number] | null {
  const size = host.at(-1)?.size
  return size === undefined || typeof size === 'number' ? null : size
}

/** What the GPU is told of batches besides their rows: how `normalizeImages`, `toneImages`, `imageEffects` do it. */
export interface DeviceOptions extends ImageOptions {
  /** In order; each has a column of a batch's tones. */
  tones?: readonly Tone[]
  /** Pixels that a blurred one is made of, in each direction; without it there is no blur. */
  kernelSize?: number
}

/** What the GPU is told of batches of a pipeline. */
export function deviceOptions({ device: { random, mean, std } }: Pipeline): DeviceOptions {
  const size = random.filter((step) => step.size).at(-1)?.size
  const bilinear = random.some((step) => step.interpolation === 'bilinear')
  const tones = random.flatMap(({ tone }) => tone ?? [])
  const kernelSize = random.find((step) => step.kernelSize)?.kernelSize
  return {
    mean,
    std,
    ...(size && { size }),
    interpolation: bilinear ? 'bilinear' : 'nearest',
    ...(tones.length > 0 && { tones }),
    ...(kernelSize && { kernelSize }),
  }
}

/** How the images of a batch differ from what they are on the disk; see `Batch`. */
export interface Variation {
  geometry: Float32Array
  tones?: Float32Array
  jitter?: Float32Array
  effects?: Float32Array
}

/** The views of a batch of images, whose numbers come from what `randomOf` gives for each by its place in the batch. */
export function vary(
  { device: { random, mix } }: Pipeline,
  [count, height, width]: readonly [count: number, height: number, width: number],
  randomOf: (image: number) => Random,
): Variation {
  const views = Array.from({ length: count }, (_, image) => {
    const numbers = randomOf(image)
    return random.reduce((view, step) => step.draw(view, numbers), augment.unchanged(height, width))
  })
  const table = (row: (view: augment.View, image: number) => readonly number[]): Float32Array =>
    Float32Array.from(views.flatMap(row))
  const changed = new Set(random.map(({ changes }) => changes))
  const effects = mix || changed.has('blur') || changed.has('noise') || changed.has('erase')
  return {
    geometry: table(({ map }) => map),
    ...(changed.has('tone') && { tones: table(({ tones }) => tones) }),
    ...(changed.has('colour') && { jitter: table(({ jitter }) => jitter) }),
    ...(effects && {
      effects: table(({ noise, erased, blur }, image) => [1, image, ...noise, 0, 0, 0, 0, ...erased, blur, 0, 0, 0]),
    }),
  }
}
