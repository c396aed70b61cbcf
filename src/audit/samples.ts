// Some pictures of each class of a data set's first split. For a look before training.
import { DecodePool } from '../data/decodePool.js'
import type { DataSource } from '../data/imageFolder.js'
import { fitSquare } from '../data/resize.js'
import { RadiogradError } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { Random } from '../util/random.js'
import type { SamplePicture } from './preview.js'
import { readTree } from './tree.js'

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
