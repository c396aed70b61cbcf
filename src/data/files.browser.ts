// Files in a page: what the visitor picked, read without leaving the machine. Its twin is files.node.ts.
import { PNG } from 'pngjs/browser'
import { RadiogradError } from '../util/check.js'
import type { Listing } from './imageFolder.js'

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

// pngjs's build for browsers carries its own Buffer and does not export it; its synchronous writer wants one.
const PngBuffer = new PNG({ width: 1, height: 1 }).data.constructor as unknown as { from(bytes: ArrayBuffer): Buffer }

export { inflateStart as inflate } from './inflate.js'

/** A gray PNG file of [height, width] bytes. */
export function writePng(gray: Uint8Array, height: number, width: number): Uint8Array {
  const png = Object.assign(new PNG(), { width, height, data: PngBuffer.from(gray.slice().buffer as ArrayBuffer) })
  return PNG.sync.write(png, { colorType: 0, inputColorType: 0 })
}
