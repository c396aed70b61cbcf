// A file's bytes to an upright RGB picture. Chooses the decoder by content, not by the file's name, and loads it then.
import { RadiogradError, check } from '../util/check.js'
import { applyOrientation, type Image, MAX_PIXELS } from './image.js'
import { isJpeg, isPng } from './signatures.js'
import { checkOptions } from '../util/options.js'

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /** The most pixels a picture may have. Default 25 million. Memory for decoding grows to about 14 bytes for each. */
  maxPixels?: number
  /** A JPEG may come at a half, a quarter or an eighth, which is faster, as long as no side is shorter than this. */
  leastSide?: number
}

/**
 * Decodes a JPEG or PNG file to RGB bytes [height, width, 3], turned upright by its EXIF orientation.
 * @param name the file's name, with which every error begins.
 * @throws {RadiogradError} where the file is no such picture, damaged, cut, or over the limit.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: DecodeOptions = {},
): Promise<Image & { warning?: string }> {
  checkOptions('decodeImage', options, ['maxPixels', 'leastSide'])
  const { maxPixels = MAX_PIXELS, leastSide } = options
  check(maxPixels > 0, `maxPixels: must be above 0, got ${maxPixels}`)
  check(bytes.length > 0, `${name}: must be a JPEG or PNG image, got an empty file`)
  const decode = isJpeg(bytes)
    ? (await import('./jpeg.js')).decodeJpeg
    : isPng(bytes)
      ? (await import('./png.js')).decodePng
      : undefined
  if (!decode) {
    const { otherFile } = await import('./otherFiles.js')
    throw new RadiogradError(`${name}: must be a JPEG or PNG image, got ${otherFile(bytes)}`)
  }
  const { orientation, warning, ...image } = decode(bytes, name, maxPixels, leastSide)
  const upright = applyOrientation(image, orientation)
  return warning === undefined ? upright : { ...upright, warning }
}
