// Reading files in a page, and handing one to the user.
import { RadiogradError } from '../util/check.js'

/** All bytes of a URL, a Blob (a dropped file) or an array. */
export async function readBytes(source: string | URL | Blob | Uint8Array): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer())
  const response = await fetch(source).catch((error: Error) => { throw new RadiogradError(`${source}: cannot be fetched, ${error.message}`) })
  if (!response.ok) throw new RadiogradError(`${source}: cannot be fetched, the server answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

/** Offers the bytes as a download of that name. */
export async function writeBytes(name: string, bytes: Uint8Array): Promise<void> {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]))
  link.download = name.split('/').pop()!
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
