// Reading and writing whole files in Node. A file is written beside its place and renamed: it is whole or not there.
import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { RadiogradError } from '../util/check.js'
import { bytesOf, fetchBytes } from './remote.js'

const reasons: Record<string, string> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOSPC: 'no space left on the disk',
  EFBIG: 'it would grow over the allowed file size',
  EROFS: 'the disk is read-only',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'its folder is a file',
}

const explain = (error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException
  return (code && reasons[code]) || code || message
}

/** All bytes of a file path, an http(s) or file URL, or a Blob. */
export async function readBytes(source: string | URL | Blob | Uint8Array): Promise<Uint8Array> {
  if (source instanceof Uint8Array || source instanceof Blob) return bytesOf(source)
  if (/^https?:/.test(String(source))) return fetchBytes(source)
  try {
    const bytes = await readFile(source)
    // A buffer of its own: pooled ones lie at odd addresses, which typed arrays refuse.
    return bytes.byteOffset % 8 ? new Uint8Array(bytes) : bytes
  } catch (error) {
    throw new RadiogradError(`${source}: cannot be read, ${explain(error)}`)
  }
}

/** As {@link readBytes} for a path; null when there is no such file. */
export async function readIfThere(path: string): Promise<Uint8Array | null> {
  const there = await stat(path).then(
    (s) => s.isFile(),
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT' && code !== 'ENOTDIR',
  )
  return there ? readBytes(path) : null
}

/** Writes a file; on any failure nothing is left behind and an earlier file stays as it was. */
export async function writeBytes(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw new RadiogradError(`${path}: cannot be written, ${explain(error)}`)
  }
}
