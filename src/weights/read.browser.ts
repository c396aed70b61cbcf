// Reading files in a page, and handing one to the user.
import { bytesOf, fetchBytes } from './remote.js'

/** All bytes of a URL, a Blob (a dropped file) or an array. */
export async function readBytes(source: string | URL | Blob | Uint8Array): Promise<Uint8Array> {
  return source instanceof Uint8Array || source instanceof Blob ? bytesOf(source) : fetchBytes(source)
}

/** A page has no files beside a file. */
export async function readIfThere(_path: string): Promise<Uint8Array | null> {
  return null
}

/** Offers the bytes as a download of that name. */
export async function writeBytes(name: string, bytes: Uint8Array): Promise<void> {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]))
  link.download = name.split('/').pop()!
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
