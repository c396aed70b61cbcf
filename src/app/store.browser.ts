// A folder of the browser's own file system (OPFS) as a store: private to the page's origin, seen by no other.
import { partsOf } from '../util/bytes.js'
import { RadiogradError } from '../util/check.js'
import { IN_USE, type Store } from './store.js'

/** Bytes that are written at once. */
const PIECE = 1 << 20

/**
 * The store of a folder at the top of the origin's private file system, which is made when the first file is written.
 *
 * @param name what messages call it; `dir` when left out.
 */
export function openFolder(dir: string, name = dir): Store {
  const folder = async (create: boolean) =>
    missing(async () => (await navigator.storage.getDirectory()).getDirectoryHandle(dir, { create }))
  return {
    name,
    async read(file) {
      const handle = await missing(async () => (await folder(false))?.getFileHandle(file))
      return handle ? new Uint8Array(await (await handle.getFile()).arrayBuffer()) : null
    },
    // What a writable has been given takes the file's place when it is closed, and not before.
    async write(file, bytes) {
      try {
        const handle = await (await folder(true))!.getFileHandle(file, { create: true })
        const writable = await handle.createWritable()
        // The browser keeps what it is given until its own collector comes: so it is always given the same array.
        const piece = new Uint8Array(PIECE)
        try {
          for await (const part of partsOf(bytes)) {
            for (let at = 0; at < part.length; at += PIECE) {
              const some = part.subarray(at, at + PIECE)
              piece.set(some)
              await writable.write(piece.subarray(0, some.length))
            }
          }
        } catch (error) {
          await writable.abort().catch(() => {})
          throw error
        }
        await writable.close()
      } catch (error) {
        if (error instanceof RadiogradError) throw error // of whoever makes the parts
        throw new RadiogradError(`${name}/${file}: cannot be written, ${(error as Error).message}`)
      }
    },
    async list() {
      const handle = (await folder(false)) as unknown as { keys(): AsyncIterable<string> } | undefined
      const names: string[] = []
      if (handle) for await (const file of handle.keys()) names.push(file)
      return names.sort()
    },
    async remove(file) {
      await missing(async () => (await folder(false))?.removeEntry(file))
    },
    lock: () =>
      new Promise((locked, refused) => {
        const held = navigator.locks.request(`radiograd ${dir}`, { ifAvailable: true }, (lock) => {
          if (!lock) return void refused(new RadiogradError(`${name}: ${IN_USE}`))
          return new Promise<void>((release) =>
            locked(async () => {
              release()
              await held
            }),
          )
        })
      }),
  }
}

/** The result, or undefined where the file or folder is not there. */
async function missing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if ((error as DOMException).name === 'NotFoundError') return undefined
    throw error
  }
}
