// Where measurements are kept in Node: a file in the user's cache folder, or the one that RADIOGRAD_CHOICES names.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../util/cache.node.js'

/** What the file is called in messages. */
export const location = (): string => process.env.RADIOGRAD_CHOICES || join(cacheFolder(), 'choices.json')

/** What else the speed of a kernel depends on: the version of Dawn. */
export const runtimeVersion = (): string =>
  `webgpu ${(createRequire(import.meta.url)('webgpu/package.json') as { version: string }).version}`

/** The file's text, or null when there is none. */
export function readText(): Promise<string | null> {
  return readFile(location(), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}

/** Writes beside its place and renames: another process reads the old file or the new one. */
export async function writeText(text: string): Promise<void> {
  const path = location()
  const beside = `${path}.${randomBytes(4).toString('hex')}`
  await mkdir(dirname(path), { recursive: true })
  try {
    await writeFile(beside, text)
    await rename(beside, path)
  } finally {
    await rm(beside, { force: true })
  }
}
