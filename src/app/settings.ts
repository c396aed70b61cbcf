// What a setting is, and how a value is checked: the flags of the command line, the fields of a form, the type of a
// settings object and its check all follow from a table's rows. The tables are in settingTables.ts.
import { augmentRule, isAugment } from '../data/augmentText.js'
import { SettingError, check, printable } from '../util/check.js'

interface Common {
  readonly help: string
  /** What stands for the value in a usage text: `dir` for `--data <dir>`. */
  readonly value?: string
  /** Must be given: there is no default. */
  readonly required?: boolean
  /** Does not decide about the results: a run that goes on after a stop may have another value. */
  readonly free?: boolean
}

/** A whole number from `least` to `most`; `most` is 2³¹ − 1 when left out. */
interface Whole extends Common {
  readonly kind: 'whole'
  readonly least: number
  readonly most?: number
  readonly default?: number
}

interface Real extends Common {
  readonly kind: 'number'
  readonly least?: number
  readonly above?: number
  readonly below?: number
  readonly most?: number
  readonly default?: number
}

interface Choice extends Common {
  readonly kind: 'choice'
  readonly choices: readonly string[]
  readonly default: string
}

interface Names extends Common {
  readonly kind: 'names'
}

/** Whole numbers from `least` on. */
interface Wholes extends Common {
  readonly kind: 'wholes'
  readonly least: number
  readonly default?: readonly number[]
}

interface Text extends Common {
  readonly kind: 'text'
  /** How it must end, in whatever case: `.png`. */
  readonly ending?: string
  readonly default?: string
}

/** How training images vary, as `parseAugment` takes it. */
interface Augment extends Common {
  readonly kind: 'augment'
  readonly default: string
}

/** True or false. `help` says what changing it from its default does. */
interface Switch extends Common {
  readonly kind: 'switch'
  readonly default: boolean
}

/** One row. */
export type Setting = Whole | Real | Choice | Names | Wholes | Text | Augment | Switch
/** Settings by name. */
export type SettingTable = Readonly<Record<string, Setting>>

type ValueOf<S> = S extends { kind: 'whole' | 'number' }
  ? number
  : S extends { kind: 'choice'; choices: readonly (infer C)[] }
    ? C
    : S extends { kind: 'names' }
      ? readonly string[]
      : S extends { kind: 'wholes' }
        ? readonly number[]
        : S extends { kind: 'switch' }
          ? boolean
          : string
type Given<T> = {
  [K in keyof T as T[K] extends { default: unknown } | { required: true } ? K : never]: ValueOf<T[K]>
}
type Optional<T> = {
  [K in keyof T as T[K] extends { default: unknown } | { required: true } ? never : K]?: ValueOf<T[K]>
}
type Flat<T> = { [K in keyof T]: T[K] }

/** The settings object of a table: what has a default or is required is there, all else may be. */
export type SettingsOf<T extends SettingTable> = Flat<Given<T> & Optional<T>>

const LARGEST = 2 ** 31 - 1

/** What a value must be, in words: `a whole number from 1 to 4096`. */
export function ruleOf(setting: Setting): string {
  switch (setting.kind) {
    case 'whole':
      return `a whole number from ${setting.least} to ${setting.most ?? LARGEST}`
    case 'number': {
      const { least, above, below, most } = setting
      const bounds = [
        ...(least === undefined ? [] : [`of ${least} or more`]),
        ...(above === undefined ? [] : [`above ${above}`]),
        ...(below === undefined ? [] : [`below ${below}`]),
        ...(most === undefined ? [] : [`at most ${most}`]),
      ]
      return `a number ${bounds.join(' and ')}`
    }
    case 'choice':
      return `one of ${setting.choices.join(', ')}`
    case 'names':
      return 'names with commas between them'
    case 'wholes':
      return `whole numbers from ${setting.least} on with commas between them`
    case 'text':
      return setting.ending ? `a ${setting.ending} file` : 'a text'
    case 'augment':
      return augmentRule()
    case 'switch':
      return 'true or false'
  }
}

/** Whether a value of unknown origin is one of this setting. */
export function fits(setting: Setting, value: unknown): boolean {
  switch (setting.kind) {
    case 'whole':
      return isNumber(value) && Number.isInteger(value) && value >= setting.least && value <= (setting.most ?? LARGEST)
    case 'number': {
      const { least = -Infinity, above = -Infinity, below = Infinity, most = Infinity } = setting
      return isNumber(value) && value >= least && value > above && value < below && value <= most
    }
    case 'choice':
      return setting.choices.includes(value as string)
    case 'names':
      return Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '')
    case 'wholes': {
      const whole: Whole = { kind: 'whole', least: setting.least, help: '' }
      return Array.isArray(value) && value.length > 0 && value.every((each) => fits(whole, each))
    }
    case 'text':
      return typeof value === 'string' && value !== '' && value.toLowerCase().endsWith(setting.ending ?? '')
    case 'augment':
      return typeof value === 'string' && isAugment(value)
    case 'switch':
      return typeof value === 'boolean'
  }
}

const isNumber = (value: unknown): value is number => Number.isFinite(value)

/** A value as it is typed, in a command line or a form; undefined when the text is none. */
export function fromText(setting: Setting, text: string): unknown {
  const value = {
    whole: () => (/^\d+$/.test(text) ? Number(text) : undefined),
    number: () => (text.trim() === '' ? undefined : Number(text)),
    choice: () => text,
    names: () => text.split(',').map((name) => name.trim()),
    wholes: () => text.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : undefined)),
    text: () => text,
    augment: () => text,
    switch: () => ({ true: true, false: false })[text],
  }[setting.kind]()
  return fits(setting, value) ? value : undefined
}

/**
 * A text with the settings that it names, such as `maxPixels`, called as whoever shows it calls them. Names of one word
 * stay, as they are words too; so does what is part of a path or of code.
 * @param nameOf what a setting is called; undefined for what is none.
 */
export const withNames = (text: string, nameOf: (setting: string) => string | undefined): string =>
  text.replace(/(?<![\w.$/\\-])[a-z]+(?:[A-Z][a-z\d]*)+(?![\w$/\\-]|\.\w)/g, (name) => nameOf(name) ?? name)

/** The settings that have a default, with it. */
export function defaultsOf<T extends SettingTable>(table: T): Partial<SettingsOf<T>> {
  const rows = Object.entries(table).flatMap(([name, setting]) =>
    'default' in setting && setting.default !== undefined ? [[name, setting.default]] : [],
  )
  return Object.fromEntries(rows) as Partial<SettingsOf<T>>
}

/**
 * Refuses changes of what must stay, as it decides about results. A setting that came later had its default.
 *
 * @param begun what was begun with the settings that were saved, for the message
 * @throws SettingError naming the first setting that must stay.
 */
export function refuseChanges(table: SettingTable, saved: object, changes: object, begun: string): void {
  const before: Readonly<Record<string, unknown>> = { ...defaultsOf(table), ...saved }
  for (const [name, value] of Object.entries(changes)) {
    const [was, is] = [before[name], value].map((v) => JSON.stringify(v) ?? 'not given')
    if (was !== is && !table[name]?.free) throw new SettingError(name, `must stay as ${begun} began, ${was}, got ${is}`)
  }
}

/**
 * A settings object from JSON or another unknown origin: every value checked, defaults filled in.
 *
 * @throws SettingError in one line naming the setting, its rule and what was given.
 */
export function parseSettings<T extends SettingTable>(table: T, given: unknown): SettingsOf<T> {
  check(
    typeof given === 'object' && given !== null && !Array.isArray(given),
    () => `settings: must be an object, got ${shown(given)}`,
  )
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, name)) {
      throw new SettingError('settings', `must be ${Object.keys(table).join(', ')}, got ${shown(name)}`)
    }
    if (value === undefined) continue
    if (!fits(table[name], value)) throw new SettingError(name, `must be ${ruleOf(table[name])}, got ${shown(value)}`)
  }
  const settings = { ...defaultsOf(table), ...given } as Record<string, unknown>
  for (const [name, { required }] of Object.entries(table))
    if (required && settings[name] === undefined) throw new SettingError(name, 'must be given, got nothing')
  return settings as SettingsOf<T>
}

const shown = (value: unknown): string => printable(JSON.stringify(value) ?? String(value), 60)
