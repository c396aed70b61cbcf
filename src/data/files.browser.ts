// Files in a page: what the visitor picked, read without leaving the machine. Its twin is files.node.ts.
import { RadiogradError } from '../util/check.js'
import { type FileEnds, type Listing, readBlobEnds } from './listing.js'

/** A page cannot list a folder by its path. */
export function listFolder(dir: string): Listing {
  throw new RadiogradError(`ImageFolder: must be given the picked files in a page, got the path '${dir}'`)
}

/** A page sees no folders by their path. */
export function isFolder(_path: string): boolean {
  return false
}

/** The bytes of a picked file. */
export async function readBytes(file: string | Blob): Promise<Uint8Array> {
  if (typeof file === 'string') throw new RadiogradError(`${file}: must be a picked file in a page, got a path`)
  return new Uint8Array(await file.arrayBuffer())
}

/** Size, first and last bytes of a picked file, `most` of each; both all of it where it is smaller. */
export async function readEnds(file: string | Blob, most: number): Promise<FileEnds> {
  if (typeof file === 'string') throw new RadiogradError(`${file}: must be a picked file in a page, got a path`)
  return readBlobEnds(file, most)
}

/**
 * For each text the first group of a regular expression that matched, or the whole match; null where it does not match.
 * A page cannot stop one that takes too long; the visitor who gave it can close the page.
 */
export function matchAll(pattern: string, texts: readonly string[]): (string | null)[] | undefined {
  const expression = new RegExp(pattern)
  return texts.map((text) => {
    const match = expression.exec(text)
    return match && (match.slice(1).find((group) => group !== undefined) ?? match[0])
  })
}
