// Settings as flags: parsed and range-checked where commander reads them, so that a wrong one is a usage error naming
// its flag.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { MODELS_SETTINGS } from '../app/modelTable.js'
import { EXPERIMENT_SETTINGS, REPORT_SETTINGS } from '../app/reportSettings.js'
import { ROUND_SETTINGS } from '../app/roundSettings.js'
import { type Setting, type SettingTable, fromText, ruleOf, withNames } from '../app/settings.js'
import {
  AUDIT_SETTINGS,
  CALIBRATE_SETTINGS,
  EVALUATE_SETTINGS,
  EXPLAIN_SETTINGS,
  PREDICT_SETTINGS,
  TRAIN_SETTINGS,
} from '../app/settingTables.js'

/** `batchSize` → `--batch-size`. */
export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`

/** One setting as commander's option; a switch that is on by default becomes `--no-…`. */
export function optionOf(name: string, setting: Setting): Option {
  const flag = flagOf(name)
  if (setting.kind === 'switch') {
    const option = new Option(setting.default ? flag.replace('--', '--no-') : flag, setting.help)
    return setting.default ? option : option.default(false)
  }
  const option = new Option(`${flag} <${setting.value}>`, setting.help)
  if ('default' in setting) option.default(setting.default)
  if (setting.required) option.makeOptionMandatory()
  if (setting.kind === 'choice') return option.choices(setting.choices)
  return option.argParser((text) => {
    const value = fromText(setting, text)
    if (value === undefined) throw new InvalidArgumentError(`It must be ${ruleOf(setting)}.`)
    return value
  })
}

/** What each command takes. */
export const TABLES: Readonly<Record<string, SettingTable>> = {
  ...{ train: TRAIN_SETTINGS, eval: EVALUATE_SETTINGS, predict: PREDICT_SETTINGS, calibrate: CALIBRATE_SETTINGS },
  ...{ explain: EXPLAIN_SETTINGS, data: AUDIT_SETTINGS, models: MODELS_SETTINGS, round: ROUND_SETTINGS },
  ...{ report: REPORT_SETTINGS, experiment: EXPERIMENT_SETTINGS },
}

/** All that any command takes. */
export const SETTINGS: SettingTable = Object.assign({}, ...Object.values(TABLES))

/** A text of the library with the flags of the settings that it names: `maxPixels` becomes `--max-pixels`. */
export const withFlags = (text: string): string =>
  withNames(text, (name) => (Object.hasOwn(SETTINGS, name) ? optionOf(name, SETTINGS[name]).long! : undefined))

/** Adds a flag for each setting of a table, in its order. */
export function withSettings(command: Command, table: SettingTable): Command {
  for (const [name, setting] of Object.entries(table)) command.addOption(optionOf(name, setting))
  return command
}

/** What every command that gives a result understands. */
export interface OutputOptions {
  json: boolean
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', 'one JSON document on stdout; everything else goes to stderr', false)
}
