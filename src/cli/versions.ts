// Versions of this program and of what it runs on.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** This package's own version. */
export const version = (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version

export function versions(): Record<string, string> {
  return { radiograd: version, node: process.versions.node, webgpu: dependencyVersion('webgpu'), platform: `${process.platform}-${process.arch}` }
}

function dependencyVersion(name: string): string {
  try {
    return (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version
  } catch {
    return 'unknown'
  }
}
