// What a closed tab needs to go on: the images and the choices, in the browser's own database.
import { del, delMany, get, getMany, keys, set } from 'idb-keyval'
import type { TrainSettings } from '../src/app/settingTables.js'
import type { Picked } from './files.js'

export interface Kept {
  name: string
  files: Picked[]
  madeTest: boolean
  settings: TrainSettings
}

const KEY = 'session'
/** There while a training runs: one that was killed leaves it. */
const RUNNING = 'running'

/** Files that are written at once: thousands would block the page for as long as somebody notices. */
const PIECE = 200
const pieceKey = (i: number) => `${KEY}-files-${i}`

/** False where the browser has no space for them. */
export async function keep({ files, ...rest }: Kept): Promise<boolean> {
  try {
    await forget()
    const pieces = Math.ceil(files.length / PIECE)
    for (let i = 0; i < pieces; i++) await set(pieceKey(i), files.slice(i * PIECE, (i + 1) * PIECE))
    await set(KEY, { ...rest, pieces })
    return true
  } catch {
    return false
  }
}

export async function kept(): Promise<Kept | undefined> {
  try {
    const found = await get<Omit<Kept, 'files'> & { pieces: number }>(KEY)
    if (!found) return undefined
    const { pieces, ...rest } = found
    const files: Picked[] = []
    for (const piece of await getMany<Picked[] | undefined>(Array.from({ length: pieces }, (_, i) => pieceKey(i)))) {
      if (!piece) return undefined
      files.push(...piece)
    }
    return { ...rest, files }
  } catch {
    return undefined
  }
}

export async function forget(): Promise<void> {
  const all = await keys<string>()
  await delMany(all.filter((key) => key === KEY || key.startsWith(`${KEY}-`)))
}

export const markRunning = (): Promise<void> => set(RUNNING, true).catch(() => {}) // no space: nothing is said then
export const markEnded = (): Promise<void> => del(RUNNING).catch(() => {})
export const wasKilled = (): Promise<boolean> => get<true>(RUNNING).then(Boolean, () => false)
