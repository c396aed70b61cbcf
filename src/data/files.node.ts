// Files in Node: listing a folder, and reading bytes. Its twin is files.browser.ts.
import { isUtf8 } from 'node:buffer'
import { readdirSync, realpathSync, statSync, type Stats } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { RadiogradError } from '../util/check.js'
import { type FileEnds, isHidden, type LeftOut, type Listing, readBlobEnds } from './listing.js'

/**
 * All files and folders under `dir`, in no particular order. Hidden ones are left out, links followed, but not to where
 * they lead back to; what cannot be listed is told.
 */
export function listFolder(dir: string): Listing {
  const listing: Listing = { files: [], folders: [], leftOut: [] }
  const listed = new Set<string>()
  /** @param above the real paths of the folders that `relative` is in */
  const visit = (relative: string, real: string, above: readonly string[]): void => {
    for (const entry of readdirSync(join(dir, relative), { withFileTypes: true, encoding: 'buffer' })) {
      // The type says string, but of names given as bytes they are bytes.
      const bytes = entry.name as unknown as Buffer
      const name = bytes.toString()
      const path = relative === '' ? name : `${relative}/${name}`
      const leave = (why: LeftOut['why']): unknown => listing.leftOut.push({ path, why })
      if (isHidden(name)) {
        leave('hidden')
        continue
      }
      if (!isUtf8(bytes)) {
        leave('notUtf8')
        continue
      }
      const link = entry.isSymbolicLink()
      const kind = link ? followed(join(dir, path)) : entry
      if (!kind) leave('dangling')
      else if (kind.isDirectory()) {
        const target = link ? realpathSync.native(join(dir, path)) : join(real, name)
        const key = `${path.split('/', 1)[0]}:${target}`
        if (target === real || above.includes(target)) leave('loop')
        else if (listed.has(key)) leave('again')
        else {
          listed.add(key)
          listing.folders.push(path)
          visit(path, target, [...above, real])
        }
      } else if (kind.isFile()) listing.files.push({ path, file: join(dir, path) })
    }
  }
  try {
    visit('', realpathSync.native(dir), [])
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    throw new RadiogradError(`${path ?? dir}: must be a folder that can be read, got ${code}`)
  }
  return listing
}

/** What a link leads to; undefined for nothing. */
function followed(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

/** Whether there is a folder at `path`. */
export function isFolder(path: string): boolean {
  return followed(path)?.isDirectory() ?? false
}

/** Size, first and last bytes of a file, `most` of each; both all of it where it is smaller. */
export async function readEnds(file: string | Blob, most: number): Promise<FileEnds> {
  if (typeof file !== 'string') return readBlobEnds(file, most)
  const handle = await open(file).catch((error) => {
    throw new RadiogradError(`${file}: must be a file that can be read, got ${error.code}`)
  })
  try {
    const { size } = await handle.stat()
    const read = async (from: number): Promise<Uint8Array> => {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(Math.min(most, size)), { position: from })
      return buffer.subarray(0, bytesRead)
    }
    const head = await read(0)
    return { size, head, tail: size > most ? await read(size - most) : head }
  } finally {
    await handle.close()
  }
}

/** The bytes of a file given by its path or as a Blob. */
export async function readBytes(file: string | Blob): Promise<Uint8Array> {
  if (typeof file !== 'string') return new Uint8Array(await file.arrayBuffer())
  try {
    return await readFile(file)
  } catch (error) {
    throw new RadiogradError(`${file}: must be a file that can be read, got ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** Milliseconds that a pattern may take for all texts. */
const MATCH_LIMIT = 3000

/**
 * For each text the first group of a regular expression that matched, or the whole match; null where it does not match.
 * Undefined where that takes too long: a pattern of a few characters can take for ever.
 */
export function matchAll(pattern: string, texts: readonly string[]): (string | null)[] | undefined {
  const script = `texts.map((text) => {
    const match = pattern.exec(text)
    return match && (match.slice(1).find((group) => group !== undefined) ?? match[0])
  })`
  try {
    return [...runInContext(script, createContext({ texts, pattern: new RegExp(pattern) }), { timeout: MATCH_LIMIT })]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined
    throw error
  }
}
