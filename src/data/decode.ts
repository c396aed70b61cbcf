// A file's bytes to an upright RGB picture. Chooses the decoder by content, not by the file's name.
import exifr from 'exifr'
import { check } from '../util/check.js'
import { applyOrientation, type Image } from './image.js'
import { decodeJpeg, isJpeg } from './jpeg.js'
import { decodePng, isPng } from './png.js'

/** EXIF orientation of a JPEG or PNG file; an unreadable EXIF block counts as none, as in PIL. */
async function readOrientation(bytes: Uint8Array): Promise<number | undefined> {
  try {
    return await exifr.orientation(bytes)
  } catch {
    return undefined
  }
}

/**
 * Decodes a JPEG or PNG file to RGB bytes [height, width, 3], turned upright by its EXIF orientation.
 * @param name the file's name, with which every error begins.
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<Image> {
  check(bytes.length > 0, `${name}: must be a JPEG or PNG image, got an empty file`)
  const image = isJpeg(bytes) ? decodeJpeg(bytes, name) : isPng(bytes) ? decodePng(bytes, name) : undefined
  check(image, () => {
    const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    return `${name}: must be a JPEG or PNG image, got a file that begins with ${start}`
  })
  return applyOrientation(image, await readOrientation(bytes))
}
