// Random transforms as a text names them: what `--augment` takes.
import { SettingError } from '../util/check.js'
import { type RandomTransform, stageOf } from './augment.js'
import {
  type ColorJitterOptions,
  colorJitter,
  gaussianBlur,
  gaussianNoise,
  randomAutocontrast,
  randomClahe,
  randomEqualize,
  randomErasing,
} from './augmentColours.js'
import {
  randomAffine,
  randomHorizontalFlip,
  randomPerspective,
  randomResizedCrop,
  randomRotation,
  randomVerticalFlip,
} from './augmentGeometry.js'

/** Names of `parseAugment`, and what each makes of its strength. */
const MAKERS: Readonly<Record<string, (strength: number) => RandomTransform>> = {
  flip: randomHorizontalFlip,
  vflip: randomVerticalFlip,
  rotate: (degrees) => randomRotation(degrees),
  translate: (share) => randomAffine(0, { translate: [share, share] }),
  scale: (share) => randomAffine(0, { scale: [1 - share, 1 + share] }),
  crop: randomCrop,
  shear: (degrees) => randomAffine(0, { shear: degrees }),
  perspective: (distortion) => randomPerspective(distortion),
  autocontrast: randomAutocontrast,
  equalize: randomEqualize,
  clahe: (p) => randomClahe(p),
  blur: (sigma) => gaussianBlur(2 * Math.ceil(2 * sigma) + 1, [Math.min(0.1, sigma), sigma]),
  noise: gaussianNoise,
  erase: (p) => randomErasing(p),
}

/** RandomResizedCrop to the size that the image has: at least so much of its area is seen. */
function randomCrop(share: number): RandomTransform {
  const to = (size: readonly [number, number]) => randomResizedCrop(size, { scale: [share, 1] })
  return { ...to([1, 1]), size: undefined, draw: (view, random) => to([view.height, view.width]).draw(view, random) }
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
 * shear in degrees, translate and scale as shares, crop by the least share of the area that is seen, perspective by its
 * distortion (in half of all images), jitter (brightness and contrast), saturation and hue by strength, blur by its
 * largest deviation in pixels, noise by its deviation on the scale 0 … 1.
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
