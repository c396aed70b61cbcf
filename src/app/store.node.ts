// A folder on disk as a store. Every file in it is whole: written beside its place and renamed.
import { accessSync, constants, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { readIfThere, writeBytes } from '#platform/read'
import { RadiogradError } from '../util/check.js'
import type { Store } from './store.js'

/**
 * The store of a folder, which is made when the first file is written.
 *
 * @param name what messages call it; the path when left out.
 * @throws RadiogradError where files could not be written.
 */
export function openFolder(dir: string, name = dir): Store {
  const refused = (error: unknown, where = '') =>
    new RadiogradError(
      `${name}: must be a folder that can be written, got ${(error as NodeJS.ErrnoException).code}${where}`,
    )
  let existing = resolve(dir)
  try {
    while (!statSync(existing, { throwIfNoEntry: false })) existing = dirname(existing)
    if (!statSync(existing).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
    accessSync(existing, constants.W_OK)
  } catch (error) {
    throw refused(error, ` at ${existing}`)
  }
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw refused(error)
    }
  }
  return {
    name,
    read: (file) => readIfThere(join(dir, file)),
    async write(file, bytes) {
      attempt(() => mkdirSync(dir, { recursive: true }))
      await writeBytes(join(dir, file), bytes)
    },
    async list() {
      if (!statSync(dir, { throwIfNoEntry: false })) return []
      const entries = attempt(() => readdirSync(dir, { withFileTypes: true }))
      return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort()
    },
    async remove(file) {
      attempt(() => rmSync(join(dir, file), { force: true }))
    },
  }
}
