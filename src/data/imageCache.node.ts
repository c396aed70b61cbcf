// Decoded and resized pictures, kept in a folder from one run to the next. Its twin is imageCache.browser.ts.
//
// A picture's file is named by the SHA-256 of the picture's bytes and of what is done to them. It is written under
// another name and then renamed, and checked when it is read: several runs may share a folder, and what is damaged is
// made anew.
import { createHash, randomUUID } from 'node:crypto'
import { accessSync, constants, mkdirSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SettingError } from '../util/check.js'
import { crc32 } from '../util/crc32.js'
import type { ImageCache } from './decodeTask.js'
import { type Image, packed, unpack } from './image.js'

/** Changes with what decoding or resizing gives. */
const VERSION = 1
/** Name of the file, 32 bytes; height and width; then the pixels, and a checksum of all that at the end. */
const [HEADER, SUM] = [40, 4]
/** What this thread writes between two looks at the folder's size. */
const LOOK_EVERY = 64 * 2 ** 20
/** A picture's path in the folder, and while it is written. The folder may hold a person's own files, too. */
const OURS = /^[\da-f]{2}[\\/][\da-f]{62}(\.[\da-f-]{36})?$/
/** Pictures used since then are not removed to make room. */
const START = Date.now()

/** Bytes in each folder, as far as this thread knows, and what it has had to write since it looked. */
const folders = new Map<string, { total: number; written: number; full: boolean }>()

/**
 * Makes the folder.
 * @throws SettingError where that cannot be, or it cannot be written.
 */
export function openImageCache({ dir }: ImageCache): void {
  try {
    mkdirSync(dir, { recursive: true })
    accessSync(dir, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new SettingError('imageCache', `must be a folder that can be written, got ${code} for ${dir}`)
  }
}

/** What `make` gives for a file's bytes, from the cache where it is there. `how` says what is done to them. */
export async function remembered<T extends Image & { warning?: string }>(
  cache: ImageCache,
  bytes: Uint8Array,
  how: string,
  make: () => Promise<T>,
): Promise<T | Image> {
  const key = createHash('sha256').update(`${VERSION} ${how}\n`).update(bytes).digest()
  const name = key.toString('hex')
  const path = join(cache.dir, name.slice(0, 2), name.slice(2))
  const there = await read(path, key).catch(() => null)
  if (there) return there
  const image = await make()
  // One with a warning is decoded again, and warned of again.
  if (image.warning === undefined) await write(cache, path, fileOf(key, image)).catch(() => {})
  return image
}

function fileOf(key: Uint8Array, { height, width, data }: Image): Uint8Array {
  const pixels = packed(data)
  const bytes = new Uint8Array(HEADER + pixels.length + SUM)
  const view = new DataView(bytes.buffer)
  bytes.set(key)
  view.setUint32(32, height, true)
  view.setUint32(36, width, true)
  bytes.set(pixels, HEADER)
  view.setUint32(bytes.length - SUM, crc32(bytes.subarray(0, -SUM)), true)
  return bytes
}

async function read(path: string, key: Uint8Array): Promise<Image | null> {
  const file = await open(path)
  try {
    const bytes = await file.readFile()
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const whole =
      bytes.length > HEADER + SUM && crc32(bytes.subarray(0, -SUM)) === view.getUint32(bytes.length - SUM, true)
    if (!whole || !bytes.subarray(0, key.length).equals(key)) return null
    const { mtimeMs } = await file.stat()
    if (mtimeMs < START) await file.utimes(new Date(), new Date()).catch(() => {}) // used: not to be removed now
    const [height, width] = [view.getUint32(32, true), view.getUint32(36, true)]
    const data = new Uint8Array(3 * height * width)
    unpack(bytes.subarray(HEADER, -SUM), data)
    return { height, width, data }
  } finally {
    await file.close()
  }
}

/** Where there is no room the picture is decoded again the next time. */
async function write({ dir, bytes: most }: ImageCache, path: string, bytes: Uint8Array): Promise<void> {
  let folder = folders.get(dir)
  if (!folder || folder.written > LOOK_EVERY || (!folder.full && folder.total + bytes.length > most)) {
    const total = await look(dir, most - bytes.length)
    folders.set(dir, (folder = { total, written: 0, full: total + bytes.length > most }))
  }
  folder.written += bytes.length
  if (folder.full) return // until the next look: others may have made room
  const own = `${path}.${randomUUID()}`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(own, bytes)
    await rename(own, path)
    folder.total += bytes.length
  } catch {
    await rm(own, { force: true })
  }
}

/**
 * The size of the pictures in a folder, after those that were not used for longest are removed where it holds more than
 * `most`: down to nine tenths of it. Those that this run has used stay.
 */
async function look(dir: string, most: number): Promise<number> {
  const names = (await readdir(dir, { recursive: true })).filter((name) => OURS.test(name))
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(dir, name)
      const found = await stat(path).catch(() => null)
      return found?.isFile() ? [{ path, bytes: found.size, used: found.mtimeMs }] : []
    }),
  )
  const all = files.flat().sort((a, b) => a.used - b.used)
  let total = all.reduce((sum, { bytes }) => sum + bytes, 0)
  if (total <= most) return total
  for (const { path, bytes, used } of all) {
    if (total <= 0.9 * most || used >= START) break
    await rm(path, { force: true })
    total -= bytes
  }
  return total
}
