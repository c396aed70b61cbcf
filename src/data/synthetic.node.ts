// Writes the generated data set to disk in ImageFolder's layout. What it holds is in synthetic.ts.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syntheticFiles, type SyntheticOptions } from './synthetic.js'

/**
 * Writes `dir/{train,test}/{NORMAL,PNEUMONIA}/*.png`; files of the same names are overwritten. `onPicture` gets the
 * number of pictures written so far.
 */
export async function writeSyntheticDataset(
  dir: string,
  options: SyntheticOptions = {},
  onPicture?: (written: number) => void,
): Promise<void> {
  let written = 0
  for (const { path, bytes } of syntheticFiles(options)) {
    const file = join(dir, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes)
    onPicture?.(++written)
  }
}
