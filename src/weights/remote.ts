// What reading has in common in Node and in a page: arrays, Blobs and addresses.
import { RadiogradError } from '../util/check.js'

/** All bytes of a Blob (a dropped file) or an array. */
export async function bytesOf(source: Blob | Uint8Array): Promise<Uint8Array> {
  return source instanceof Uint8Array ? source : new Uint8Array(await source.arrayBuffer())
}

/** All bytes that an address answers with. */
export async function fetchBytes(source: string | URL): Promise<Uint8Array> {
  const response = await fetch(source).catch((error: Error) => {
    throw new RadiogradError(`${source}: cannot be fetched, ${error.message}`)
  })
  if (!response.ok) throw new RadiogradError(`${source}: cannot be fetched, the server answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}
