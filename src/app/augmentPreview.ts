// What augmentation makes of images, as one picture to look at before training: each image as it is, and its next
// variants beside it.
import type { SamplePicture } from '../audit/preview.js'
import type { Image } from '../data/image.js'
import { resizeBilinear } from '../data/resize.js'
import { pictureSheet } from '../data/sheet.js'
import { deviceOptions, vary } from '../data/transforms.js'
import type { Engine } from '../engine/index.js'
import { modelRow } from '../models/registry.js'
import { Uploader, networkInput } from '../train/batches.js'
import { Random } from '../util/random.js'
import { pipeline } from './splits.js'

/** Variants of each image. */
const VARIANTS = 6

/**
 * A sheet of the pictures, squeezed into squares as for training, and what the GPU makes of them in six epochs.
 * @param augment as in the settings of a training run.
 * @throws RadiogradError for another text.
 */
export async function augmentPreview(
  engine: Engine,
  pictures: readonly SamplePicture[],
  augment: string,
  { seed = 0, side = 176 }: { seed?: number; side?: number } = {},
): Promise<Image> {
  const { mean, std } = modelRow('resnet18')
  const transform = pipeline({ imageSize: side, mean, std }, { augment })
  const squares = pictures.map(({ image }) => resizeBilinear(image, side, side).data)
  const count = squares.length * VARIANTS
  const size = 3 * side * side
  const images = new Uint8Array(count * size)
  const indices = Int32Array.from({ length: count }, (_, i) => Math.floor(i / VARIANTS))
  indices.forEach((of, i) => images.set(squares[of], i * size))
  const shape = [count, side, side, 3] as const
  const varied = vary(transform, [count, side, side], (i) => new Random(seed, i % VARIANTS, 2, indices[i]))
  const uploader = new Uploader()
  try {
    const tensors = await uploader.fill({ images, shape, labels: new Int32Array(count), indices, ...varied })
    const colours = await (await engine.step(() => networkInput(tensors, deviceOptions(transform)))).data()
    const variant = (i: number): Image => {
      const floats = colours.subarray(i * size, (i + 1) * size)
      const data = Uint8ClampedArray.from(floats, (value, at) => 255 * (value * std[at % 3] + mean[at % 3]))
      return { height: side, width: side, data: new Uint8Array(data) }
    }
    const groups = pictures.map(({ class: name, path }, p) => ({
      title: `${name}  ${path.replace(/^.*\//, '')}`,
      cells: [
        { image: { height: side, width: side, data: squares[p] }, lines: [{ text: 'as it is' }] },
        ...Array.from({ length: VARIANTS }, (_, v) => ({
          image: variant(p * VARIANTS + v),
          lines: [{ text: `epoch ${v + 1}` }],
        })),
      ],
    }))
    return pictureSheet(groups, { columns: VARIANTS + 1 })
  } finally {
    uploader.dispose()
  }
}
