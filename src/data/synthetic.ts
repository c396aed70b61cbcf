// Generated chest pictures for trying the program without any data: a crude thorax of soft shapes. A NORMAL and a
// PNEUMONIA picture hold the same amount of lung opacity; NORMAL spreads it evenly, PNEUMONIA gathers it in patches, so
// mean brightness says nothing and local texture says all. Of no medical meaning whatever.
import { check } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { Random } from '../util/random.js'
import { encodePng } from './encodePng.js'

/** Names of the generated classes, in the order of their labels. */
export const SYNTHETIC_CLASSES = ['NORMAL', 'PNEUMONIA'] as const

/** 0 below 0, 1 above 1, smooth between. */
function smooth(t: number): number {
  const x = Math.min(Math.max(t, 0), 1)
  return x * x * (3 - 2 * x)
}

/** Distance from the centre in units of the radii: below 1 inside the ellipse. */
function ellipse(x: number, y: number, cx: number, cy: number, rx: number, ry: number): number {
  const u = (x - cx) / rx
  const v = (y - cy) / ry
  return Math.sqrt(u * u + v * v)
}

type Field = (x: number, y: number) => number

/** Smooth noise in [−1, 1] over x, y in [−1.5, 1.5], with `cells` bumps across. */
function valueNoise(random: Random, cells: number): Field {
  const width = cells + 2
  const knots = Float64Array.from({ length: width * width }, () => random.uniform(-1, 1))
  const place = (t: number): number => Math.min(Math.max(((t + 1.5) / 3) * cells, 0), cells)
  return (x, y) => {
    const px = place(x),
      py = place(y)
    const i = Math.floor(px),
      j = Math.floor(py)
    const sx = smooth(px - i),
      sy = smooth(py - j)
    const at = j * width + i
    const upper = knots[at] + (knots[at + 1] - knots[at]) * sx
    const lower = knots[at + width] + (knots[at + width + 1] - knots[at + width]) * sx
    return upper + (lower - upper) * sy
  }
}

/** The thorax of one person: brightness without opacity, and how much lung lies behind each point. */
function drawThorax(random: Random): {
  brightness: Field
  lung: Field
  sides: { x: number; y: number; rx: number; ry: number }[]
} {
  const side = (sign: number) => ({
    x: sign * random.uniform(0.4, 0.46),
    y: random.uniform(-0.06, 0.04),
    rx: random.uniform(0.28, 0.34),
    ry: random.uniform(0.6, 0.7),
    diaphragm: random.uniform(0.42, 0.54),
  })
  const sides = [side(-1), side(1)]
  const heart = {
    x: random.uniform(0.08, 0.16),
    y: random.uniform(0.26, 0.36),
    rx: random.uniform(0.24, 0.32),
    ry: random.uniform(0.22, 0.28),
  }
  const ribs = {
    rate: random.uniform(3.6, 4.6),
    phase: random.uniform(),
    sag: random.uniform(0.25, 0.5),
    strength: random.uniform(0.05, 0.1),
  }
  const cardiac: Field = (x, y) => smooth((1 - ellipse(x, y, heart.x, heart.y, heart.rx, heart.ry)) / 0.25)
  const lung: Field = (x, y) => {
    const s = sides[x < 0 ? 0 : 1]
    const dome = s.diaphragm + 0.9 * (x - s.x) * (x - s.x)
    return smooth((1 - ellipse(x, y, s.x, s.y, s.rx, s.ry)) / 0.22) * smooth((dome - y) / 0.08) * (1 - cardiac(x, y))
  }
  const brightness: Field = (x, y) => {
    const trunk = smooth((1 - ellipse(x, y, 0, 0.5, 0.98, 1.42)) / 0.1)
    const neck = smooth((0.24 - Math.abs(x)) / 0.06) * smooth((-0.6 - y) / 0.1)
    const spine = smooth((0.13 - Math.abs(x)) / 0.08)
    const wave = (y + ribs.sag * (Math.abs(x) - 0.4) * (Math.abs(x) - 0.4) * 4) * ribs.rate + ribs.phase
    const rib = smooth((Math.abs((((wave % 1) + 1) % 1) * 2 - 1) - 0.45) / 0.4) * smooth((0.75 - Math.abs(x)) / 0.1)
    const collar = smooth(1 - Math.abs(y + 0.6 + 0.3 * (Math.abs(x) - 0.35)) / 0.05) * smooth((0.7 - Math.abs(x)) / 0.1)
    const tissue = 0.52 + 0.12 * spine + 0.14 * cardiac(x, y) + ribs.strength * rib + 0.08 * collar
    return Math.max(trunk, neck) * (tissue - 0.34 * lung(x, y))
  }
  return { brightness, lung, sides }
}

/** Two to four clouded patches inside the lungs, as brightness to add. */
function drawPatches(random: Random, sides: { x: number; y: number; rx: number; ry: number }[]): Field {
  const cloud = valueNoise(random, 18)
  const lean = random.integer(2)
  const patches = Array.from({ length: 2 + random.integer(3) }, (_, i) => {
    const s = sides[i === 0 || random.uniform() < 0.6 ? lean : 1 - lean]
    return {
      x: s.x + s.rx * random.uniform(-0.5, 0.5),
      y: s.y + s.ry * random.uniform(-0.6, 0.5),
      rx: random.uniform(0.14, 0.24),
      ry: random.uniform(0.14, 0.28),
      strength: random.uniform(0.32, 0.5),
    }
  })
  return (x, y) => {
    let sum = 0
    for (const p of patches) {
      const e = ellipse(x, y, p.x, p.y, p.rx, p.ry)
      if (e < 1) sum += p.strength * (1 - e * e) * (1 + 0.7 * cloud(x, y))
    }
    return Math.min(sum, 0.55)
  }
}

/** A gray picture [size, size] in bytes, as {@link drawSegmented} draws it. */
export function drawRadiograph(label: number, seed: number, size: number): Uint8Array {
  return drawSegmented(label, seed, size).gray
}

/**
 * A gray picture [size, size] in bytes, and where its lungs are: 1, or 0. Anatomy, opacity, position, tilt, scale,
 * exposure and noise all follow from `seed`; `label` (0 NORMAL, 1 PNEUMONIA) only decides how the opacity lies. Uses no
 * transcendental function: the bytes are the same in every engine.
 */
export function drawSegmented(
  label: number,
  seed: number,
  size: number,
): { gray: Uint8Array<ArrayBuffer>; lungs: Uint8Array<ArrayBuffer> } {
  const random = new Random(seed, 0x7a0)
  const { brightness, lung, sides } = drawThorax(random)
  const patches = drawPatches(random, sides)
  const drift = valueNoise(random, 3)
  const tilt = random.uniform(-0.09, 0.09)
  const zoom = random.uniform(0.88, 1.1) / Math.sqrt(1 + tilt * tilt)
  const shiftX = random.uniform(-0.09, 0.09),
    shiftY = random.uniform(-0.08, 0.08)
  const gain = random.uniform(0.8, 1.15),
    offset = random.uniform(0.02, 0.12),
    bend = random.uniform(-0.25, 0.25)
  const grain = random.uniform(0.012, 0.03)

  const pixels = size * size
  const base = new Float64Array(pixels),
    air = new Float64Array(pixels),
    opacity = new Float64Array(pixels)
  let airTotal = 0,
    opacityTotal = 0
  for (let i = 0; i < pixels; i++) {
    const px = (((i % size) + 0.5) / size) * 2 - 1,
      py = ((Math.floor(i / size) + 0.5) / size) * 2 - 1
    const x = (px - tilt * py) * zoom + shiftX,
      y = (py + tilt * px) * zoom + shiftY
    base[i] = brightness(x, y) + 0.03 * drift(x, y)
    air[i] = lung(x, y)
    opacity[i] = patches(x, y) * air[i]
    airTotal += air[i]
    opacityTotal += opacity[i]
  }
  const image = new Uint8Array(pixels)
  for (let i = 0; i < pixels; i++) {
    const added = label === 1 ? opacity[i] : (air[i] * opacityTotal) / airTotal
    const exposed = (base[i] + added) * gain + offset
    const value = exposed * (1 + bend * (1 - exposed)) + grain * random.bell()
    image[i] = Math.min(Math.max(Math.round(value * 255), 0), 255)
  }
  return { gray: image, lungs: Uint8Array.from(air, (depth) => (depth > 0.5 ? 1 : 0)) }
}

/** How many pictures are generated, and which. */
export interface SyntheticOptions {
  /** Pictures to train on. Default 480. */
  train?: number
  /** Pictures to test on. Default 120. */
  test?: number
  /** Width and height in pixels. Default 64. */
  size?: number
  /** Default 0. The same options always give the same pixels. */
  seed?: number
}

/** Share of the first class, NORMAL: unbalanced, so that class weights have something to do. */
const NORMAL_SHARE = 0.4

/**
 * One picture of the set: grey levels [size, size] and its path without ending, `{train,test}/{NORMAL,PNEUMONIA}/…`.
 */
export interface SyntheticPicture {
  path: string
  gray: Uint8Array
  size: number
}

/** The pictures of the generated data set, in ImageFolder's layout. */
export function* syntheticPictures(options: SyntheticOptions = {}): Generator<SyntheticPicture> {
  checkOptions('synthetic', options, ['train', 'test', 'size', 'seed'])
  const { train = 480, test = 120, size = 64, seed = 0 } = options
  check(size >= 16, `synthetic: size must be 16 or more, got ${size}`)
  let drawn = 0
  for (const [split, count] of Object.entries({ train, test })) {
    check(count >= 4, `synthetic: ${split} must be 4 or more, got ${count}`)
    const normal = Math.round(count * NORMAL_SHARE)
    for (const [label, name] of SYNTHETIC_CLASSES.entries()) {
      for (let i = 1; i <= (label === 0 ? normal : count - normal); i++, drawn++) {
        const gray = drawRadiograph(label, seed * 1_000_003 + drawn, size)
        yield { path: `${split}/${name}/synthetic-${split}-${String(i).padStart(4, '0')}`, gray, size }
      }
    }
  }
}

/**
 * The generated data set as PNG files, for a page: `{train,test}/{NORMAL,PNEUMONIA}/*.png`.
 * @throws for sizes below 16, and fewer than four pictures.
 */
export function* syntheticFiles(options: SyntheticOptions = {}): Generator<{ path: string; bytes: Uint8Array }> {
  for (const { path, gray, size } of syntheticPictures(options))
    yield { path: `${path}.png`, bytes: encodePng(gray, size, size) }
}
