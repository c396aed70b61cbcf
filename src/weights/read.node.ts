// Reading files by ranges and writing whole ones in Node. A file is written beside its place and renamed: it is whole
// or not there.
import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { type Parts, partsOf } from '../util/bytes.js'
import { RadiogradError, fileError } from '../util/check.js'
import { fetchBytes } from './remote.js'
import { type OpenBytes, blobSource } from './source.js'

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

/** The most bytes that one call of the system reads. */
const MOST_AT_ONCE = 1 << 30

/**
 * A file, or what an http(s) address answers with, to be read by ranges.
 * @throws RadiogradError when it cannot be read or is no regular file
 */
export async function openBytes(name: string): Promise<OpenBytes> {
  if (/^https?:/i.test(name)) return { ...blobSource(await fetchBytes(name)), close: async () => {} }
  const explained = <T>(work: () => Promise<T>) =>
    work().catch((error: unknown) => {
      throw error instanceof RadiogradError ? error : fileError(name, `cannot be read, ${explain(error)}`)
    })
  // Asked first, as opening a pipe would wait for its other end.
  const { size } = await explained(async () => {
    const found = await stat(name)
    if (found.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
    if (!found.isFile()) throw fileError(name, 'cannot be read, it is no regular file')
    return found
  })
  const file = await explained(() => open(name))
  return {
    size,
    read: (from, to) =>
      explained(async () => {
        const bytes = new Uint8Array(to - from)
        for (let have = 0; have < bytes.length;) {
          const most = Math.min(MOST_AT_ONCE, bytes.length - have)
          const { bytesRead } = await file.read(bytes, have, most, from + have)
          if (!bytesRead) throw fileError(name, 'cannot be read, it became shorter meanwhile')
          have += bytesRead
        }
        return bytes
      }),
    close: () => file.close(),
  }
}

/** Whether there is a regular file. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isFile(),
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT' && code !== 'ENOTDIR',
  )
}

/** All bytes of a file of at most `most`; null when there is no such file. */
export async function readIfThere(path: string, most = 2 ** 31): Promise<Uint8Array | null> {
  if (!(await isThere(path))) return null
  const file = await openBytes(path)
  try {
    if (file.size > most) throw fileError(path, `must have at most ${most} bytes, got ${file.size}`)
    return await file.read(0, file.size)
  } finally {
    await file.close()
  }
}

/**
 * Writes a file, given whole or in parts; on any failure nothing is left behind and an earlier file stays as it was. An
 * error of whoever makes the parts passes through.
 */
export async function writeBytes(path: string, bytes: Uint8Array | Parts): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx')
    try {
      for await (const part of partsOf(bytes)) await file.writeFile(part)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    if (error instanceof RadiogradError) throw error
    throw fileError(path, `cannot be written, ${explain(error)}`)
  }
}
