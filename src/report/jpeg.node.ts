// Small pictures for a report, as JPEG files.
import { encode } from 'jpeg-js'
import type { Image } from '../data/image.js'

/** A JPEG file of a picture; `quality` from 1 to 100. */
export async function encodeJpeg({ width, height, data }: Image, quality = 72): Promise<Uint8Array> {
  const rgba = new Uint8Array(width * height * 4).fill(255)
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i)
  return new Uint8Array(encode({ width, height, data: rgba }, quality).data)
}
