// Test-time augmentation: the views of an image whose logits are averaged.
import type { RandomTransform } from '../data/augment.js'
import { randomHorizontalFlip } from '../data/augmentGeometry.js'
import type { Pipeline } from '../data/transforms.js'
import type { ModelCard } from './card.js'
import type { EvaluateSettings } from './settingTables.js'
import { pipeline } from './splits.js'

/** How much larger than its crops an image is, as 256 pixels are for crops of 224. */
const LARGER = 8 / 7

/** Part of an image, from these pixels on. */
const cropAt = (size: number, top: number, left: number): RandomTransform => ({
  kind: 'Crop',
  changes: 'geometry',
  size: [size, size],
  draw: (view) => ({ ...view, height: size, width: size, map: [1, 0, left, 0, 1, top, 0, 0, 1] }),
})

/**
 * What every image goes through, once for each view: as it is; and mirrored; or (torchvision's `FiveCrop`) corners and
 * middle of a larger one.
 */
export function viewsOf(card: ModelCard, tta: Exclude<EvaluateSettings['tta'], 'none'>): Pipeline[] {
  const still = pipeline(card)
  const seenBy = (own: Pipeline, transform: RandomTransform): Pipeline => ({
    ...own,
    device: { ...own.device, random: [transform] },
  })
  if (tta === 'flip') return [still, seenBy(still, randomHorizontalFlip(1))]
  const { imageSize, resizeSize } = card
  const side = Math.round(imageSize * LARGER)
  const sizes = { imageSize: side, resizeSize: resizeSize && Math.max(side, Math.round(resizeSize * LARGER)) }
  const larger = pipeline({ ...card, ...sizes })
  const [end, middle] = [side - imageSize, Math.round((side - imageSize) / 2)]
  const corners = [
    [0, 0],
    [0, end],
    [end, 0],
    [end, end],
    [middle, middle],
  ]
  return corners.map(([top, left]) => seenBy(larger, cropAt(imageSize, top, left)))
}
