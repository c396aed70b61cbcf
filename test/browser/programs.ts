// Programs outside of this package that tests run where they are found.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The path that an environment variable gives, or of the first of these names on PATH. */
export function findProgram(variable: string, names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)))
  return process.env[variable] || paths.find((path) => existsSync(path))
}

/** The description of a Vulkan driver by its file's name, where Vulkan's loader would find it. */
export const findDriver = (file: string): string | undefined =>
  ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d']
    .map((place) => join(place, file))
    .find((path) => existsSync(path))
