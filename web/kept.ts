// What a closed tab needs to go on: the images and the choices, in the browser's own database.
import { del, get, set } from 'idb-keyval'
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

/** False where the browser has no space for them. */
export const keep = (kept: Kept): Promise<boolean> =>
  set(KEY, kept).then(
    () => true,
    () => false,
  )
export const kept = (): Promise<Kept | undefined> => get<Kept>(KEY).catch(() => undefined)
export const forget = (): Promise<void> => del(KEY)

export const markRunning = (): Promise<void> => set(RUNNING, true).catch(() => {}) // no space: nothing is said then
export const markEnded = (): Promise<void> => del(RUNNING).catch(() => {})
export const wasKilled = (): Promise<boolean> => get<true>(RUNNING).then(Boolean, () => false)
