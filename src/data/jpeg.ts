// JPEG bytes to RGB, through jpeg-js. The header is looked at first, because jpeg-js converts what PIL would read
// otherwise (CMYK, Adobe RGB) or fails in its own words. Not a decoder: no entropy coding here.
import * as jpeg from 'jpeg-js'
import { check, RadiogradError } from '../util/check.js'
import type { Image } from './image.js'

interface Header {
  precision: number
  width: number
  height: number
  components: number
  /** Three components that are red, green and blue rather than luma and chroma. */
  rgb: boolean
}

const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

/** Walks the segments up to the frame header; undefined where the file ends or is malformed before it. */
function readHeader(bytes: Uint8Array): Header | undefined {
  const word = (at: number): number => (bytes[at] << 8) | bytes[at + 1]
  let adobeTransform: number | undefined
  let jfif = false
  for (let at = 2; at + 9 < bytes.length;) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1]
    if (marker === 0xff) {
      at++
      continue
    }
    const ascii = String.fromCharCode(...bytes.subarray(at + 4, at + 9))
    if (marker === 0xe0 && ascii.startsWith('JFIF')) jfif = true
    if (marker === 0xee && ascii === 'Adobe') adobeTransform = bytes[at + 15]
    if (isFrame(marker)) {
      const components = bytes[at + 9]
      const ids = String.fromCharCode(bytes[at + 10], bytes[at + 13], bytes[at + 16])
      const rgb = components === 3 && !jfif && (adobeTransform === undefined ? ids === 'RGB' : adobeTransform === 0)
      return { precision: bytes[at + 4], height: word(at + 5), width: word(at + 7), components, rgb }
    }
    at += 2 + word(at + 2)
  }
  return undefined
}

/** Whether the bytes begin like a JPEG file. */
export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff

/**
 * RGB pixels of a baseline or progressive JPEG with one or three components; gray is replicated. Against libjpeg (PIL):
 * gray and 4:4:4 pictures within 1 and 3 levels (another inverse DCT), subsampled colour further off at the edges of
 * colours (chroma is repeated here, interpolated there); radiographs stored as colour have none, and stay within 1.
 */
export function decodeJpeg(bytes: Uint8Array, name: string): Image {
  const header = readHeader(bytes)
  check(header, `${name}: must be a complete JPEG file, got ${bytes.length} bytes without a frame header`)
  check(header.components !== 4, `${name}: must be a gray or RGB JPEG, got 4 components (CMYK); convert it to RGB`)
  check(
    header.components === 1 || header.components === 3,
    `${name}: must be a gray or RGB JPEG, got ${header.components} components`,
  )
  check(header.precision === 8, `${name}: must be a JPEG of 8 bits per channel, got ${header.precision}`)
  check(
    header.width > 0 && header.height > 0,
    `${name}: must not be empty, got ${header.width} × ${header.height} pixels`,
  )
  try {
    // `tolerantDecoding` only skips blocks past the frame's end, which restart intervals in gray files produce;
    // without it those valid files fail, and with it truncated ones still do.
    const { width, height, data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: true,
      maxResolutionInMP: 100,
      maxMemoryUsageInMB: 2048,
      ...(header.rgb ? { colorTransform: false } : {}),
    })
    return { width, height, data }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new RadiogradError(`${name}: must be a complete, undamaged JPEG file, got '${reason}' from the decoder`)
  }
}
