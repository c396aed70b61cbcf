// What picture files begin with.

export const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** Other files that are taken for pictures. */
const OTHERS: readonly [start: RegExp, what: string][] = [
  [/^BM/, 'a BMP image'],
  [/^GIF8/, 'a GIF image'],
  [/^(?:II[*+]\0|MM\0[*+])/, 'a TIFF image'],
  [/^RIFF[^]{4}WEBP/, 'a WebP image'],
  [/^(?:\0\0\0\fjP|\xff\x4f\xff\x51)/, 'a JPEG 2000 image'],
  [/^[^]{4}ftyp(?:hei|mif|avi)/, 'a HEIC or AVIF image'],
  [/^[^]{128}DICM/, 'a DICOM file'],
  [/^%PDF/, 'a PDF file'],
  [/^\s*</, 'a page of HTML or XML'],
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer'],
]

/** What a file is that is neither JPEG nor PNG, by its first bytes. */
export function otherFile(bytes: Uint8Array): string {
  const start = String.fromCharCode(...bytes.subarray(0, 132))
  const known = OTHERS.find(([pattern]) => pattern.test(start))?.[1]
  const digits = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0'))
  return known ?? `a file that begins with ${digits.join(' ')}`
}

/** Whether the bytes begin like a JPEG file. */
export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff

/** Whether the bytes begin like a PNG file. */
export const isPng = (bytes: Uint8Array): boolean => PNG_SIGNATURE.every((byte, i) => bytes[i] === byte)
