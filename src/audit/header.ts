// What an image file says of itself in its first bytes: format, size, channels. Reads headers, decodes nothing.

export interface ImageHeader {
  format: 'jpeg' | 'png'
  /** In pixels, as stored: before EXIF turns the picture. */
  width: number
  height: number
  /** 1 gray, 2 gray and alpha, 3 colour or palette, 4 colour and alpha or CMYK. */
  channels: number
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
/** By PNG's colour type: gray, –, RGB, palette, gray and alpha, –, RGB and alpha. */
const PNG_CHANNELS = [1, 0, 3, 3, 2, 0, 4]

/** The header of a JPEG or PNG file; null where there is none. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length >= 26 && PNG.every((byte, i) => bytes[i] === byte))
    return {
      format: 'png',
      width: view.getUint32(16),
      height: view.getUint32(20),
      channels: PNG_CHANNELS[bytes[25]] ?? 0,
    }
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1]
    if (marker === 0xff) at++
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { format: 'jpeg', height: view.getUint16(at + 5), width: view.getUint16(at + 7), channels: bytes[at + 9] }
    else at += 2 + view.getUint16(at + 2)
  }
  return null
}

const OTHER_FORMATS: Record<string, string> = {
  bmp: 'BMP',
  dcm: 'DICOM',
  dicom: 'DICOM',
  gif: 'GIF',
  heic: 'HEIC',
  jp2: 'JPEG 2000',
  nii: 'NIfTI',
  tif: 'TIFF',
  tiff: 'TIFF',
  webp: 'WebP',
}

/** The image format that a file's name promises, where it is one that is not read here. */
export function otherFormat(path: string): string | undefined {
  return OTHER_FORMATS[/\.(\w+?)(?:\.gz)?$/.exec(path)?.[1].toLowerCase() ?? '']
}

/** Whether the bytes are a DICOM file, whatever its name. */
export const isDicom = (bytes: Uint8Array): boolean => String.fromCharCode(...bytes.subarray(128, 132)) === 'DICM'
