// JPEG by the package sharp (libvips and libjpeg-turbo), where it is installed and asked for: some times as fast as our
// own decoder, gray within one level of it. Its twin is sharp.browser.ts.
import { SettingError, check } from '../util/check.js'
import { decodeImage, type DecodeOptions } from './decode.js'
import { type Image, MAX_PIXELS, checkPixels, unpack } from './image.js'
import { isJpeg } from './signatures.js'

/** What is called of sharp's interface. */
interface Sharp {
  (bytes: Uint8Array, options: object): Pipeline
  concurrency(threads: number): number
  versions: { sharp: string; vips: string }
}

interface Pipeline {
  metadata(): Promise<{ width: number; height: number; channels: number; bitsPerSample?: number }>
  rotate(): Pipeline
  toColourspace(space: string): Pipeline
  raw(): Pipeline
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array
    info: { width: number; height: number; channels: number }
  }>
}

let loaded: Promise<Sharp> | undefined

/** @throws SettingError where sharp is not installed. */
async function load(): Promise<Sharp> {
  loaded ??= import('sharp' as string).then(
    ({ default: sharp }: { default: Sharp }) => {
      sharp.concurrency(1) // the pool's workers share the cores
      return sharp
    },
    () => {
      throw new SettingError('decoder', "needs the package sharp ('npm install sharp'), got none")
    },
  )
  return loaded
}

/** Of sharp and libvips, as text. */
export async function sharpVersion(): Promise<string> {
  const { sharp, vips } = (await load()).versions
  return `${sharp} (libvips ${vips})`
}

/** As {@link decodeImage}, JPEG by sharp; a file that is damaged or cut is refused. */
export async function decodeBySharp(
  bytes: Uint8Array,
  name: string,
  options: DecodeOptions = {},
): Promise<Image & { warning?: string }> {
  if (!isJpeg(bytes)) return decodeImage(bytes, name, options)
  const { maxPixels = MAX_PIXELS } = options
  const sharp = await load()
  const open = () => sharp(bytes, { limitInputPixels: false, failOn: 'warning', ignoreIcc: true })
  const { width, height, channels } = await open().metadata()
  checkPixels(name, width, height, maxPixels)
  check(channels === 1 || channels === 3, `${name}: must be gray or have three components, got ${channels}`)
  const { data, info } = await open().rotate().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  const rgb = new Uint8Array(3 * info.width * info.height)
  unpack(data, rgb)
  return { width: info.width, height: info.height, data: rgb }
}
