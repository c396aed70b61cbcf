// Where a checkpoint's bytes come from: ranges of a file, of a Blob or of memory, so that no reader needs all of it at
// once.

/** Bytes that can be read in pieces. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number
  /**
   * The bytes from `from` up to `to`, which lie inside; they must not be written to.
   * @throws when the file has changed or cannot be read
   */
  read(from: number, to: number): Promise<Uint8Array>
}

/** A source that holds a file open. */
export interface OpenBytes extends ByteSource {
  close(): Promise<void>
}

/** A source over memory, whose ranges are views of it. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (from, to) => bytes.subarray(from, to) }
}

/** A source over a Blob, such as a dropped file; it is read piece by piece. */
export function blobSource(blob: Blob): ByteSource {
  return {
    size: blob.size,
    read: async (from, to) => new Uint8Array(await blob.slice(from, to).arrayBuffer()),
  }
}
