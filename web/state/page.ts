// What the whole page knows, as signals: which screen is shown, what went wrong, what somebody waits for.
import { batch, signal } from '@preact/signals'
import { inWords } from '../words.js'

export const SCREENS = ['images', 'model', 'training', 'result', 'use'] as const
export type Screen = (typeof SCREENS)[number]
const fromAddress = () => SCREENS.find((name) => name === location.hash.slice(1)) ?? 'images'
export const screen = signal<Screen>(fromAddress())
addEventListener('hashchange', () => (screen.value = fromAddress()))
export const show = (name: Screen): void => void (location.hash = name)

/** What went wrong last, in words; null when nothing did. */
export const problem = signal<string | null>(null)
/** Said to screen readers, and shown small. */
export const news = signal('')
/** Work that somebody waits for. */
export const busy = signal<{ what: string; done?: number; total?: number } | null>(null)

/** Does something that may fail, and says so. */
export async function attempt(what: string, work: () => Promise<void>): Promise<void> {
  batch(() => {
    problem.value = null
    busy.value = { what }
    news.value = what
  })
  try {
    await work()
  } catch (error) {
    problem.value = inWords(error)
  } finally {
    busy.value = null
  }
}
