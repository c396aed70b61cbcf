// Reading test/fixtures/data: files, and the pixels Pillow makes of them. Not a test.
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Image } from '../../src/data/image.js'

const folder = fileURLToPath(new URL('../../../test/fixtures/data/', import.meta.url))

export const repository = fileURLToPath(new URL('../../../', import.meta.url))
export const fixturePath = (file: string): string => join(folder, file)
export const fixture = (file: string): Uint8Array => readFileSync(fixturePath(file))
export const expected = JSON.parse(readFileSync(fixturePath('expected.json'), 'utf8'))

/** The picture Pillow or torchvision made. */
export function expectedImage(name: string): Image {
  const { height, width, rgb } = expected[name]
  return { height, width, data: new Uint8Array(Buffer.from(rgb, 'base64')) }
}

/** The largest difference of two pictures in gray levels; infinite when their sizes differ. */
export function difference(a: Image, b: Image): number {
  if (a.height !== b.height || a.width !== b.width || a.data.length !== b.data.length) return Infinity
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0)
}

const made: string[] = []
process.on('exit', () => made.forEach((dir) => rmSync(dir, { recursive: true, force: true })))

/** A new folder with these files, removed when the process ends. */
export function folderOf(files: Record<string, Uint8Array | string>): string {
  const dir = mkdtempSync(join(tmpdir(), 'radiograd-data-'))
  made.push(dir)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(dir, path), content)
  }
  return dir
}
