// The generated data set as JPEG files, as radiographs come. What it holds is in src/data/synthetic.ts.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { encode } from 'jpeg-js'
import { type SyntheticOptions, syntheticPictures } from '../../src/data/synthetic.js'

const QUALITY = 95

/** Writes `dir/{train,test}/{NORMAL,PNEUMONIA}/*.jpeg`; files of the same names are overwritten. */
export function writeRadiographs(dir: string, options: SyntheticOptions = {}): void {
  for (const { path, gray, size } of syntheticPictures(options)) {
    const rgba = Buffer.alloc(4 * size * size, 255)
    gray.forEach((value, i) => rgba.fill(value, 4 * i, 4 * i + 3))
    const file = join(dir, `${path}.jpeg`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, encode({ data: rgba, width: size, height: size }, QUALITY).data)
  }
}
