// Files that somebody dropped or picked, as a data set: outer folders taken away, the parts called as this program
// calls them, and, where there are no parts, a test part made by patient.
import { readTree } from '../audit/tree.js'
import type { PickedFile } from '../data/imageFolder.js'
import { findPatients } from '../data/patients.js'
import { splitByPatient } from '../data/split.js'

/** Picked files under paths of a data set. */
export interface Arranged {
  /** With paths as `train/NORMAL/a.png`. */
  files: { path: string; blob: Blob }[]
  /** Whether the test part was made here. */
  madeTest: boolean
}

/** Share of the images that a test part that is made here gets. */
export const TEST_SHARE = 0.2

const PARTS: Readonly<Record<string, string>> = { training: 'train', testing: 'test', validation: 'val', valid: 'val' }
const partOf = (name: string): string => PARTS[name.toLowerCase()] ?? name.toLowerCase()

/**
 * Arranges picked files as `train/`, `test/` and perhaps `val/`. Folders of classes alone are split by patient, a fifth
 * for the test, and so is a train part without a test part; the same files are always split the same way.
 *
 * @throws RadiogradError where there is nothing to split, such as a single patient.
 */
export function arrange(picked: Iterable<PickedFile>): Arranged {
  const { entries } = readTree(picked)
  const files = entries.map(({ path, file, split, class: name }) => {
    const inClass = path.slice(split ? split.length + 1 : 0)
    return { part: split ? partOf(split) : 'train', path: inClass, blob: file as Blob, class: name }
  })
  const madeTest = files.length > 0 && !files.some(({ part }) => part === 'test')
  if (madeTest) {
    const names = [...new Set(files.map((file) => file.class))].sort()
    const own = files.filter(({ part }) => part === 'train')
    const samples = own.map(({ path, class: name }) => ({ path, label: names.indexOf(name) }))
    const { validation } = splitByPatient(samples, TEST_SHARE, 0, findPatients(samples))
    for (const i of validation) own[i].part = 'test'
  }
  return { files: files.map(({ part, path, blob }) => ({ path: `${part}/${path}`, blob })), madeTest }
}
