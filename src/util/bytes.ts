// Runs of bytes.

/** A file's bytes, one part after another: a part may be made when it is taken, and be gone with the next. */
export type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** All parts, one after another, in one array of their own. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** A file given whole or in parts, in parts. */
export const partsOf = (bytes: Uint8Array | Parts): Parts => (bytes instanceof Uint8Array ? [bytes] : bytes)
