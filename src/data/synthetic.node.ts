// Writes the generated data set to disk in ImageFolder's layout, as JPEG like the radiographs it imitates. What it
// holds is in synthetic.ts.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encode } from 'jpeg-js'
import { syntheticPictures, type SyntheticOptions } from './synthetic.js'

const QUALITY = 95

/** Writes `dir/{train,test}/{NORMAL,PNEUMONIA}/*.jpeg`; files of the same names are overwritten. */
export async function writeSyntheticDataset(dir: string, options: SyntheticOptions = {}): Promise<void> {
  for (const { path, gray, size } of syntheticPictures(options)) {
    const rgba = Buffer.alloc(4 * size * size, 255)
    gray.forEach((value, i) => rgba.fill(value, 4 * i, 4 * i + 3))
    const file = join(dir, `${path}.jpeg`)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, encode({ data: rgba, width: size, height: size }, QUALITY).data)
  }
}
