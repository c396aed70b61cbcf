// Two images of a batch become one, and their labels a mixture: MixUp (Zhang et al. 2018) and CutMix (Yun et al. 2019),
// by torchvision's names and arithmetic. Numbers are drawn here, the GPU mixes (shaders/augment_effects.wgsl). Loaded
// where a pipeline mixes.
import type { Random } from '../util/random.js'
import type { Mixing } from './transforms.js'

/** What becomes of one image: `share` of itself outside of a box (pixels), in which its partner is seen. */
export interface Mixed {
  readonly share: number
  /** Its place in the batch. */
  readonly partner: number
  readonly box: readonly [top: number, left: number, bottom: number, right: number]
  /** What the label counts; the partner's counts the rest. */
  readonly labelShare: number
}

/** How a batch is mixed: each image with the one before it, as torchvision rolls them; one share for all. */
export function drawMix(
  { mixup, cutmix }: Mixing,
  [count, height, width]: readonly [count: number, height: number, width: number],
  random: Random,
): Mixed[] {
  const cut = cutmix > 0 && (mixup === 0 || random.uniform() < 0.5)
  const share = beta(cut ? cutmix : mixup, random)
  const box = cut ? boxOf(share, height, width, random) : ([0, 0, 0, 0] as const)
  const area = (box[2] - box[0]) * (box[3] - box[1])
  const labelShare = cut ? 1 - area / (height * width) : share
  return Array.from({ length: count }, (_, i) => ({
    share: cut ? 1 : share,
    partner: (i + count - 1) % count,
    box,
    labelShare,
  }))
}

/** A box of 1 − share of the area about a random pixel, as far as it lies inside. */
function boxOf(share: number, height: number, width: number, random: Random): Mixed['box'] {
  const [x, y] = [random.integer(width), random.integer(height)]
  const half = 0.5 * Math.sqrt(1 - share)
  const [w, h] = [Math.floor(half * width), Math.floor(half * height)]
  return [Math.max(y - h, 0), Math.max(x - w, 0), Math.min(y + h, height), Math.min(x + w, width)]
}

/**
 * From the Beta distribution of two equal parameters: a share of the sum of two Gamma variates, by their logarithms.
 */
export function beta(alpha: number, random: Random): number {
  const difference = logGamma(alpha, random) - logGamma(alpha, random)
  return 1 / (1 + Math.exp(-difference))
}

/** The logarithm of a Gamma variate (Marsaglia & Tsang 2000), which below 1 may be too small for a number. */
function logGamma(alpha: number, random: Random): number {
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(positive(random)) / alpha
  const d = alpha - 1 / 3
  for (;;) {
    const x = Math.sqrt(-2 * Math.log(positive(random))) * Math.cos(2 * Math.PI * random.uniform())
    const v = (1 + x / Math.sqrt(9 * d)) ** 3
    if (v > 0 && Math.log(positive(random)) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v)
  }
}

const positive = (random: Random): number => 1 - random.uniform()

/** Writes how a batch is mixed into `effects` [B, 16], and gives the mixtures of its labels, [B, numClasses]. */
export function mixBatch(
  mixed: readonly Mixed[],
  labels: ArrayLike<number>,
  numClasses: number,
  effects: Float32Array,
): Float32Array {
  const targets = new Float32Array(mixed.length * numClasses)
  mixed.forEach(({ share, partner, box, labelShare }, image) => {
    effects.set([share, partner], 16 * image)
    effects.set(box, 16 * image + 4)
    targets[image * numClasses + labels[image]] += labelShare
    targets[image * numClasses + labels[partner]] += 1 - labelShare
  })
  return targets
}
