// Random transforms that move pixels: each composes a map of the plane onto the view.
import { check } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import {
  type Box,
  type PlaneMap,
  type RandomTransform,
  type View,
  checkBox,
  checkProbability,
  isRange,
  mapped,
  randomBox,
  symmetric,
} from './augment.js'

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
