// Versions of this program and of what it runs on.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const ownPackage = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')

/** This package's own version. */
export const version = (JSON.parse(ownPackage) as { version: string }).version

export function versions(): Record<string, string> {
  const platform = `${process.platform}-${process.arch}`
  return { radiograd: version, node: process.versions.node, webgpu: dependencyVersion('webgpu'), platform }
}

function dependencyVersion(name: string): string {
  try {
    return (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version
  } catch {
    return 'unknown'
  }
}
