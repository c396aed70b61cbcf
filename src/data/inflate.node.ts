// zlib in Node. Its twin is inflate.browser.ts.
import { constants, inflateSync } from 'node:zlib'
import { inflateStart } from './inflate.js'

/**
 * The first `size` bytes of a zlib stream, fewer where it ends before; what follows the stream is not looked at.
 * @throws Error where the data are damaged, zlib's checksum included.
 */
export function inflate(data: Uint8Array, size: number): Uint8Array {
  try {
    const finishFlush = constants.Z_SYNC_FLUSH // a stream cut short gives what it has
    return inflateSync(data, { maxOutputLength: size, chunkSize: Math.max(size + 1, 64), finishFlush })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error
    return inflateStart(data, size)
  }
}
