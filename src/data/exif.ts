// The orientation in an EXIF block, and nothing else of it: one look through the first directory, which cannot loop.

const ORIENTATION = 0x0112
const SHORT = 3
const LONG = 4

/**
 * EXIF tag 0x0112 of a TIFF block (what follows `Exif\0\0` in a JPEG, a PNG's eXIf chunk). Undefined where the block
 * has none or is damaged: as in Pillow, that is no reason to refuse a picture.
 */
export function readOrientation(tiff: Uint8Array): number | undefined {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength)
  if (tiff.length < 8) return undefined
  const little = view.getUint16(0) === 0x4949
  if ((!little && view.getUint16(0) !== 0x4d4d) || view.getUint16(2, little) !== 42) return undefined
  const directory = view.getUint32(4, little)
  if (directory + 2 > tiff.length) return undefined
  const entries = view.getUint16(directory, little)
  for (let i = 0, at = directory + 2; i < entries && at + 12 <= tiff.length; i++, at += 12) {
    if (view.getUint16(at, little) !== ORIENTATION || view.getUint32(at + 4, little) !== 1) continue
    const type = view.getUint16(at + 2, little)
    if (type === SHORT) return view.getUint16(at + 8, little)
    if (type === LONG) return view.getUint32(at + 8, little)
  }
  return undefined
}
