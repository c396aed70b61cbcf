// Small pictures for a report, as JPEG files, by the browser.
import type { Image } from '../data/image.js'

/** A JPEG file of a picture; `quality` from 1 to 100. */
export async function encodeJpeg({ width, height, data }: Image, quality = 72): Promise<Uint8Array> {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255)
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i)
  const canvas = new OffscreenCanvas(width, height)
  canvas.getContext('2d')!.putImageData(new ImageData(rgba, width, height), 0, 0)
  const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: quality / 100 })
  return new Uint8Array(await blob.arrayBuffer())
}
