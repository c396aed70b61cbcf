// Files that somebody drops or picks: folders, zips, single images.
import { UnzipInflate, Unzip } from 'fflate'

export interface Picked {
  path: string
  blob: Blob
}

/** Of an `<input type="file">`, a folder's or not. */
export const fromInput = (files: Iterable<File>): Picked[] =>
  [...files].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }))

/** Everything below a folder that the browser's own dialog gave. */
export async function fromFolder(handle: FileSystemDirectoryHandle, base = handle.name): Promise<Picked[]> {
  const found: Picked[] = []
  const entries = handle as unknown as { values(): AsyncIterable<FileSystemFileHandle | FileSystemDirectoryHandle> }
  for await (const entry of entries.values()) {
    const path = `${base}/${entry.name}`
    if (entry.kind === 'directory') found.push(...(await fromFolder(entry, path)))
    else found.push({ path, blob: await entry.getFile() })
  }
  return found
}

/** What was dropped, folders with all that is in them. Must be called before the event is over. */
export async function fromDrop({ items }: DataTransfer): Promise<Picked[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const below = async (entry: FileSystemEntry): Promise<Picked[]> => {
    if (entry.isFile) {
      const blob = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed))
      return [{ path: entry.fullPath.slice(1), blob }]
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    const found: Picked[] = []
    // A reader gives a hundred at a time, and none at the end.
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed))
      if (!some.length) return found
      for (const each of some) found.push(...(await below(each)))
    }
  }
  return (await Promise.all(entries.map(below))).flat()
}

const isZip = ({ path }: Picked): boolean => /\.zip$/i.test(path)

/** A lone zip as what is in it; all else as it is. */
export async function opened(picked: Picked[]): Promise<Picked[]> {
  return picked.length === 1 && isZip(picked[0]) ? unzip(picked[0].blob) : picked
}

/** Reads a zip as a stream: only what it holds is in memory, never the whole archive beside it. */
async function unzip(zip: Blob): Promise<Picked[]> {
  const files: Promise<Picked>[] = []
  const unzipper = new Unzip((entry) => {
    if (entry.name.endsWith('/')) return
    files.push(
      new Promise((done, failed) => {
        const parts: Uint8Array<ArrayBuffer>[] = []
        entry.ondata = (error, part, final) => {
          if (error) return failed(new Error(`${entry.name}: must be a whole file of the zip, got ${error.message}`))
          parts.push(part as Uint8Array<ArrayBuffer>)
          if (final) done({ path: entry.name, blob: new Blob(parts) })
        }
        entry.start()
      }),
    )
  })
  unzipper.register(UnzipInflate)
  const reader = zip.stream().getReader()
  for (;;) {
    const { done, value } = await reader.read()
    unzipper.push(value ?? new Uint8Array(), done)
    if (done) return Promise.all(files)
  }
}
