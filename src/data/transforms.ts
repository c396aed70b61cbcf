// The transforms of torchvision by name, as plain descriptions. A pipeline is split in two: what is the same every
// epoch (Resize, CenterCrop) runs on bytes in the decoding workers and is cached; what is random or makes floats
// (RandomHorizontalFlip, ToTensor, Normalize) is left to the GPU, which gets its parameters as a DeviceStep.
import { check } from '../util/check.js'
import { centerCrop, type Image } from './image.js'
import { resizeBilinear, shorterSideTo } from './resize.js'

type Rgb = readonly [number, number, number]

export type HostStep =
  | { readonly kind: 'Resize'; readonly size: number | readonly [height: number, width: number] }
  | { readonly kind: 'CenterCrop'; readonly size: readonly [height: number, width: number] }

export type Transform =
  | HostStep
  | { readonly kind: 'RandomHorizontalFlip'; readonly p: number }
  | { readonly kind: 'ToTensor' }
  | { readonly kind: 'Normalize'; readonly mean: Rgb; readonly std: Rgb }

/** What the GPU does with a batch of bytes: mirror where the batch's `flips` say so, then (byte / 255 − mean) / std. */
export interface DeviceStep {
  readonly flipProbability: number
  readonly mean: Rgb
  readonly std: Rgb
}

/** A composed pipeline: `host` in order on each picture, `device` on the batch. */
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
 */
export const Resize = factory((size: number | readonly [number, number]): HostStep => {
  const [height, width] = pair('Resize', size)
  return { kind: 'Resize', size: typeof size === 'number' ? size : [height, width] }
})

/** The middle of the picture, padded with black where it is smaller. */
export const CenterCrop = factory((size: number | readonly [number, number]): HostStep => ({
  kind: 'CenterCrop',
  size: pair('CenterCrop', size),
}))

/** Mirrors left and right with probability `p`, drawn anew for each image and epoch. */
export const RandomHorizontalFlip = factory((p: number = 0.5): Transform => {
  check(p >= 0 && p <= 1, `RandomHorizontalFlip: p must be in 0..1, got ${p}`)
  return { kind: 'RandomHorizontalFlip', p }
})

/** Bytes 0..255 to floats 0..1. */
export const ToTensor = factory((): Transform => ({ kind: 'ToTensor' }))

/** (x − mean) / std per channel; one number serves all three. */
export const Normalize = factory((mean: readonly number[] | number, std: readonly number[] | number): Transform => {
  const divisor = rgb('std', std)
  check(
    divisor.every((s) => s > 0),
    `Normalize: std must be above 0, got ${JSON.stringify(std)}`,
  )
  return { kind: 'Normalize', mean: rgb('mean', mean), std: divisor }
})

/**
 * Splits a list of transforms into its host and device parts. Resize and CenterCrop come first, in any order;
 * then at most one RandomHorizontalFlip, one ToTensor and, after it, at most one Normalize.
 */
export const Compose = factory((steps: readonly Transform[]): Pipeline => {
  const host: HostStep[] = []
  const device: { flipProbability: number; mean: Rgb; std: Rgb } = {
    flipProbability: 0,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  }
  const seen = new Set<string>()
  for (const step of steps) {
    if (step.kind === 'Resize' || step.kind === 'CenterCrop') {
      check(
        seen.size === 0,
        () => `Compose: ${step.kind} must come before what runs on the GPU, got it after ${[...seen].pop()}`,
      )
      host.push(step)
      continue
    }
    check(!seen.has(step.kind), `Compose: ${step.kind} must appear at most once, got it twice`)
    seen.add(step.kind)
    if (step.kind === 'RandomHorizontalFlip') device.flipProbability = step.p
    if (step.kind === 'Normalize') {
      check(seen.has('ToTensor'), 'Compose: Normalize must come after ToTensor, got it before')
      device.mean = step.mean
      device.std = step.std
    }
  }
  check(seen.has('ToTensor'), `Compose: must contain ToTensor, got [${steps.map((s) => s.kind).join(', ')}]`)
  return { host, device }
})

/** {@link Compose} as a plain function. */
export const compose = (steps: readonly Transform[]): Pipeline => Compose(steps)

/** Runs the host part of a pipeline on one picture. */
export function applyHost(image: Image, steps: readonly HostStep[]): Image {
  for (const step of steps) {
    if (step.kind === 'CenterCrop') image = centerCrop(image, ...step.size)
    else if (typeof step.size === 'number') image = shorterSideTo(image, step.size)
    else image = resizeBilinear(image, ...step.size)
  }
  return image
}

/** [height, width] of every picture a pipeline yields, or null where that depends on the picture. */
export function outputSize({ host }: Pipeline): readonly [height: number, width: number] | null {
  const size = host.at(-1)?.size
  return size === undefined || typeof size === 'number' ? null : size
}
