// What is below a folder of images: files, folders, and what was left out and why, which the user is told.

/** A file by its path relative to the folder (with '/') and where its bytes are: a path on disk or a Blob. */
export interface FileEntry {
  path: string
  file: string | Blob
}

/** Something that was not listed. */
export interface LeftOut {
  readonly path: string
  readonly why: 'hidden' | 'notUtf8' | 'dangling' | 'loop' | 'again'
}

/** Everything below a folder. */
export interface Listing {
  files: FileEntry[]
  folders: string[]
  leftOut: LeftOut[]
}

/** The ends of a file. */
export interface FileEnds {
  size: number
  head: Uint8Array
  tail: Uint8Array
}

/** Whether a file or folder of this name is not for people: `.x`, and what macOS puts into archives. */
export const isHidden = (name: string): boolean => name.startsWith('.') || name === '__MACOSX'

/** {@link FileEnds} of a Blob. */
export async function readBlobEnds(blob: Blob, most: number): Promise<FileEnds> {
  const read = async (from: number, to: number): Promise<Uint8Array> =>
    new Uint8Array(await blob.slice(from, to).arrayBuffer())
  const head = await read(0, most)
  return { size: blob.size, head, tail: blob.size > most ? await read(blob.size - most, blob.size) : head }
}

/** Whether a file's name is that of an image which is read. */
export const isImage = (path: string): boolean => /\.(jpe?g|png)$/i.test(path)
const OTHER_IMAGES = /\.(bmp|dib|tiff?|webp|gif|dcm|dicom|jp2|j2k|jfif|heic|avif|ppm|pgm|nii|nrrd|mha|npy|svg)$/i

/** Pictures among the files of a listing. */
export const imagesOf = ({ files }: Listing): FileEntry[] => files.filter(({ path }) => isImage(path))

/** `12 .dcm and 3 .bmp`; undefined where there are none of a kind that is not read. */
export function otherImages({ files }: Listing): string | undefined {
  const counts = new Map<string, number>()
  for (const { path } of files) {
    const ending = OTHER_IMAGES.exec(path)?.[0].toLowerCase()
    if (ending) counts.set(ending, (counts.get(ending) ?? 0) + 1)
  }
  const parts = [...counts].sort(([, a], [, b]) => b - a).map(([ending, n]) => `${n} ${ending}`)
  if (parts.length < 2) return parts[0]
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

/** Why something was not listed, in words. */
export const REASONS: Record<LeftOut['why'], string> = {
  hidden: 'hidden images (names that begin with a dot, __MACOSX)',
  notUtf8: 'names that are not UTF-8',
  dangling: 'links that lead nowhere',
  loop: 'links that lead back to a folder they are in',
  again: 'links to folders listed already',
}

/** What was left out of a listing, a line for each reason. */
export function describeLeftOut(listing: Listing, name: string): string[] {
  const notes: string[] = []
  const others = otherImages(listing)
  if (others) notes.push(`${name}: left out ${others} files; only .jpeg, .jpg and .png are read`)
  for (const [why, reason] of Object.entries(REASONS)) {
    const paths = listing.leftOut.filter((l) => l.why === why).map((l) => l.path)
    // Of what is hidden only pictures would be missed.
    const missed = why === 'hidden' ? paths.filter((path) => isImage(path) || /__MACOSX$/.test(path)) : paths
    if (missed.length === 0) continue
    const some = missed.slice(0, 3).join(', ') + (missed.length > 3 ? ', …' : '')
    notes.push(`${name}: left out ${missed.length} ${reason}: ${some}`)
  }
  return notes
}
