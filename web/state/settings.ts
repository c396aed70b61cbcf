// What is to be trained and how: the choices of the second screen.
import { signal } from '@preact/signals'
import type { TrainSettings } from '../../src/app/settingTables.js'
import { type SettingTable, type SettingsOf, fromText, parseSettings } from '../../src/app/settings.js'
import { help } from '../runs.js'
import { keptWeights } from '../weights.js'

/** The table of what can be set; null until it is known. */
export const table = signal<SettingTable | null>(null)
/** What differs from the table's defaults; numbers as they were typed. */
export const choices = signal<Readonly<Record<string, unknown>>>({ lr: 1e-4, epochs: 5, trainable: ['all'] })
export const weights = signal<string | null>(null)
export const kinds = signal<readonly string[]>([])

export const setting = (name: string, value: unknown): void => {
  choices.value = { ...choices.value, [name]: value }
}
/** A choice, or its default; a typed text that is none stays a text, which no check lets through. */
export const valueOf = (name: string): unknown => {
  const row = table.value?.[name]
  const chosen = choices.value[name]
  if (chosen === undefined) return row && 'default' in row ? row.default : undefined
  return typeof chosen === 'string' && row ? (fromText(row, chosen) ?? chosen) : chosen
}

export async function loadTable(): Promise<void> {
  if (!table.value) table.value = (await help((runs) => runs.tables())).train
  kinds.value = await keptWeights().catch(() => [])
}

/**
 * All settings of a run.
 * @param data what the images are called.
 * @throws SettingError for one that is not possible.
 */
export function settingsNow(data: string): TrainSettings {
  const own = { data, skipUnreadable: true, saveEvery: 1 }
  const file = weights.value ? { weights: weights.value } : {}
  const chosen = Object.fromEntries(Object.keys(choices.value).map((name) => [name, valueOf(name)]))
  return parseSettings(table.value!, { ...own, ...chosen, ...file }) as SettingsOf<SettingTable> & TrainSettings
}
