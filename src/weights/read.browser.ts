// Reading files in a page, and handing one to the user.
import { check } from '../util/check.js'
import { type OpenBytes, blobSource } from './source.js'

/** What an address answers with; the browser keeps it, on the disk where it is large. */
export async function openBytes(name: string): Promise<OpenBytes> {
  const { fetchBytes } = await import('./remote.js')
  return { ...blobSource(await fetchBytes(name)), close: async () => {} }
}

/** A page has no files beside a file. */
export async function isThere(_path: string): Promise<boolean> {
  return false
}

/** A page has no files beside a file. */
export async function readIfThere(_path: string, _most?: number): Promise<Uint8Array | null> {
  return null
}

/**
 * Offers the bytes as a download of that name.
 * @throws RadiogradError in a Worker, which has no page to offer them on
 */
export async function writeBytes(name: string, bytes: Uint8Array): Promise<void> {
  check(
    typeof document !== 'undefined',
    () =>
      `${name}: must be saved from a page, got a Worker without a document; ` +
      'post safetensorsBytes(state) to the page and save it there',
  )
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]))
  link.download = name.split('/').pop()!
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
