// Samples of a data set as one picture: some of each class of its first split, under their names. For a look before
// training.
import { DecodePool } from '../data/decodePool.js'
import type { Image } from '../data/image.js'
import type { DataSource } from '../data/imageFolder.js'
import { fitSquare } from '../data/resize.js'
import { pictureSheet } from '../data/sheet.js'
import { RadiogradError } from '../util/check.js'
import { Random } from '../util/random.js'
import { readTree } from './tree.js'
import { checkOptions } from '../util/options.js'

/** A picture of a class. */
export interface SamplePicture {
  class: string
  split: string
  /** Below the data set's folder. */
  path: string
  /** No side is longer than was asked for. */
  image: Image
}

/**
 * Some pictures of each class, drawn at random from the first split (train before all others). What cannot be read is
 * passed over.
 * @param options.each of a class; 6. @param options.side the longer side in pixels; 192. @param options.seed 0.
 */
export async function samplePictures(
  source: DataSource,
  options: { each?: number; side?: number; seed?: number; workers?: number; maxPixels?: number } = {},
): Promise<SamplePicture[]> {
  checkOptions('samplePictures', options, ['each', 'side', 'seed', 'workers', 'maxPixels'])
  const { each = 6, side = 192, seed = 0, workers, maxPixels } = options
  const { entries } = readTree(source)
  const splits = [...new Set(entries.map(({ split }) => split))]
  const split = splits.find((name) => /^train/i.test(name)) ?? splits[0]
  const here = entries.filter((entry) => entry.split === split)
  const pool = new DecodePool(workers, { maxPixels })
  const found: SamplePicture[] = []
  try {
    for (const name of [...new Set(here.map((entry) => entry.class))].sort()) {
      const own = new Random(seed, 0x5a3d).shuffle(here.filter((entry) => entry.class === name))
      let left = each
      for (const { path, file } of own) {
        if (left === 0) break
        const image = await pool.decode({ path, file, steps: [], leastSide: side }).catch((error: Error) => {
          if (!(error instanceof RadiogradError)) throw error
          return null
        })
        if (!image) continue
        found.push({ class: name, split, path, image: fitSquare(image, side) })
        left--
      }
    }
  } finally {
    await pool.close()
  }
  return found
}

/** The pictures on one sheet, a row (or more) for each class, each over its file's name. */
export function contactSheet(pictures: readonly SamplePicture[], options: { columns?: number } = {}): Image {
  checkOptions('contactSheet', options, ['columns'])
  const groups = [...new Set(pictures.map((picture) => picture.class))].map((title) => ({
    title,
    cells: pictures
      .filter((picture) => picture.class === title)
      .map(({ path, image }) => ({ image, lines: [{ text: path.replace(/^.*\//, '') }] })),
  }))
  return pictureSheet(groups, options)
}
