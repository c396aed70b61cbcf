// What files are that are taken for pictures. Loaded where a file is none.

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
