// The book of choices: what was measured on this machine, by adapter. It lasts: once chosen, a choice stays until it is
// asked for anew, so that the same seed gives the same bits tomorrow.
import { place, readText, surroundings, writeText } from '#platform/choices'
import type { Choice } from '../gpu/choices.js'
import { fingerprint } from '../shaders.lib.gen.js'

interface Book {
  format: 1
  adapters: Record<string, Record<string, Choice>>
}

/** What choices hold for: the adapter and its driver, what lies between it and us, and the kernels themselves. */
export function chapterOf({ vendor, architecture, device, description }: GPUAdapterInfo, subgroupSize: number): string {
  return [
    vendor,
    architecture,
    device,
    description,
    subgroupSize && `subgroups of ${subgroupSize}`,
    surroundings(),
    `kernels ${fingerprint}`,
  ]
    .filter(Boolean)
    .join('; ')
}

/** What was measured for a chapter. A book that cannot be read counts as empty, and a line says so. */
export async function readChapter(chapter: string): Promise<Map<string, Choice>> {
  return new Map(Object.entries((await readBook()).adapters[chapter] ?? {}))
}

/**
 * Adds choices to a chapter and gives back what holds now: with `replace` the new ones, else what another process wrote
 * in the meantime goes first. Where nothing can be written the choices last as long as this process, and a line says
 * so.
 */
export async function writeChapter(
  chapter: string,
  choices: ReadonlyMap<string, Choice>,
  replace: boolean,
): Promise<Map<string, Choice>> {
  const book = await readBook()
  const there = book.adapters[chapter] ?? {}
  const fresh = Object.fromEntries(choices)
  const all = replace ? { ...there, ...fresh } : { ...fresh, ...there }
  book.adapters[chapter] = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
  try {
    await writeText(`${JSON.stringify(book, null, 1)}\n`)
  } catch (error) {
    remark(`cannot be written, so the choices of this run are not kept: ${(error as Error).message}`)
  }
  return new Map(Object.entries(all))
}

async function readBook(): Promise<Book> {
  const empty: Book = { format: 1, adapters: {} }
  try {
    const text = await readText()
    if (text === null) return empty
    const book: unknown = JSON.parse(text)
    if (isBook(book)) return book
    remark('is no book of kernel choices, it is ignored')
  } catch (error) {
    remark(`cannot be read, it is ignored: ${(error as Error).message}`)
  }
  return empty
}

function isBook(value: unknown): value is Book {
  const isRecord = (v: unknown): v is Record<string, unknown> =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
  if (!isRecord(value) || value.format !== 1 || !isRecord(value.adapters)) return false
  const isMs = (v: unknown) => v === undefined || typeof v === 'number'
  return Object.values(value.adapters).every(
    (chapter) =>
      isRecord(chapter) &&
      Object.values(chapter).every((c) => isRecord(c) && typeof c.name === 'string' && isMs(c.ms) && isMs(c.usualMs)),
  )
}

const remark = (what: string) => console.warn(`radiograd: ${place()} ${what.replace(/\s*\n\s*/g, ' ')}`)
