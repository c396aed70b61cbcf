// Where measurements are kept in a browser: a file in the origin-private file system.
const NAME = 'radiograd-choices.json'

/** What the file is called in messages. */
export const location = (): string => `${NAME} of this origin`

/** What else the speed of a kernel depends on: the browser's version. */
export const runtimeVersion = (): string => navigator.userAgent

/** The file's text, or null when there is none, or no such file system (Deno). */
export async function readText(): Promise<string | null> {
  if (!navigator.storage) return null
  const folder = await navigator.storage.getDirectory()
  const handle = await folder.getFileHandle(NAME).catch((error: DOMException) => {
    if (error.name === 'NotFoundError') return null
    throw error
  })
  return handle && (await handle.getFile()).text()
}

/** The old text stays until all of the new one is there. */
export async function writeText(text: string): Promise<void> {
  const folder = await navigator.storage.getDirectory()
  const file = await (await folder.getFileHandle(NAME, { create: true })).createWritable()
  await file.write(text)
  await file.close()
}
