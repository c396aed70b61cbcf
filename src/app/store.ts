// Where a run keeps its files: a folder on disk, the browser's own folder, or memory. Names are plain, without folders;
// a file is written whole or not at all.
import { type Parts, joined, partsOf } from '../util/bytes.js'
import { RadiogradError } from '../util/check.js'

/** Where the files of a run are: a folder, or what a page keeps. */
export interface Store {
  /** What messages call it. */
  readonly name: string
  /** The bytes of a file, or null where there is none. */
  read(name: string): Promise<Uint8Array | null>
  /**
   * Writes or replaces a file, given whole or in parts: all of it, or nothing and an error. An error of whoever makes
   * the parts passes through.
   */
  write(name: string, bytes: Uint8Array | Parts): Promise<void>
  /** Names of all files, sorted. */
  list(): Promise<string[]>
  /** Removes a file; nothing happens where there is none. */
  remove(name: string): Promise<void>
  /**
   * Keeps the store for one run until the returned function is called or the process or page is gone, however it ends.
   * A store that nobody else can reach needs none.
   *
   * @throws RadiogradError where another run has it.
   */
  lock?(): Promise<() => Promise<void>>
}

/** Runs `work` while no other run may use the store. */
export async function alone<T>(store: Store, work: () => Promise<T>): Promise<T> {
  const release = await store.lock?.()
  try {
    return await work()
  } finally {
    await release?.()
  }
}

/** Said of a store that another run has. */
export const IN_USE = 'must be used by one run at a time, got another that is still running'

/** A store in memory, for tests and for results that nobody keeps. */
export class MemoryStore implements Store {
  private readonly files = new Map<string, Uint8Array>()

  constructor(readonly name = 'memory') {}

  async read(name: string): Promise<Uint8Array | null> {
    return this.files.get(name) ?? null
  }

  async write(name: string, bytes: Uint8Array | Parts): Promise<void> {
    const parts: Uint8Array[] = []
    for await (const part of partsOf(bytes)) parts.push(part.slice())
    this.files.set(name, joined(parts))
  }

  async list(): Promise<string[]> {
    return [...this.files.keys()].sort()
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name)
  }
}

/** `value` as an indented JSON file. */
export function writeJson(store: Pick<Store, 'write'>, name: string, value: unknown): Promise<void> {
  return writeText(store, name, `${JSON.stringify(value, null, 2)}\n`)
}

/**
 * A file as JSON, or null where there is none.
 *
 * @throws RadiogradError where it is not JSON.
 */
export async function readJson<T>(store: Pick<Store, 'name' | 'read'>, name: string): Promise<T | null> {
  const bytes = await store.read(name)
  try {
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as T)
  } catch {
    throw new RadiogradError(`${store.name}: ${name} must be JSON, got something else`)
  }
}

export function writeText(store: Pick<Store, 'write'>, name: string, text: string): Promise<void> {
  return store.write(name, new TextEncoder().encode(text))
}
