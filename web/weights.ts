// Files of weights that this browser keeps, in a folder of the origin's private file system.

const FOLDER = 'weights'
const ENDINGS = /\.(safetensors|pth|pt|bin)$/i

const folder = async () => (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true })

/** Names, sorted. */
export async function keptWeights(): Promise<string[]> {
  const names: string[] = []
  const handle = (await folder()) as unknown as { keys(): AsyncIterable<string> }
  for await (const name of handle.keys()) if (ENDINGS.test(name)) names.push(name)
  return names.sort()
}

/** Keeps a file: all of it, or nothing and an error. */
export async function keepWeights(name: string, bytes: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const handle = await (await folder()).getFileHandle(name, { create: true })
  try {
    await bytes.pipeTo(await handle.createWritable())
  } catch (error) {
    await dropWeights(name)
    throw error
  }
}

export const openWeights = async (name: string): Promise<File> => (await (await folder()).getFileHandle(name)).getFile()

export const dropWeights = async (name: string): Promise<void> => (await folder()).removeEntry(name)

/** What a fetched file is called. */
export function nameOfAddress({ pathname }: URL): string {
  const last = decodeURIComponent(pathname.split('/').pop()!).replace(/[^\w.-]/g, '_')
  return ENDINGS.test(last) ? last : `${last || 'weights'}.safetensors`
}
