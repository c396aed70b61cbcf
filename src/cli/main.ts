#!/usr/bin/env node
// The program `radiograd`: one command a file, and one place where errors become a line and an exit code.
import { Command, CommanderError } from 'commander'
import { askWithin } from '../gpu/device.node.js'
import { RadiogradError, SettingError, printable } from '../util/check.js'
import { calibrateCommand } from './calibrate.js'
import { dataCommand } from './data.js'
import { demoCommand } from './demo.js'
import { downloadCommand } from './download.js'
import { withoutLimitWarnings } from './driverWarnings.js'
import { evalCommand } from './eval.js'
import { explainCommand } from './explain.js'
import { experimentCommand } from './experiment.js'
import { flowerAppCommand } from './flowerApp.js'
import { endGroup, processName, takeTurn } from './group.js'
import { infoCommand } from './info.js'
import { flagOf, withFlags } from './options.js'
import { endedUnread, guardOutput } from './output.js'
import { modelsCommand } from './models.js'
import { predictCommand } from './predict.js'
import { reportCommand } from './reportRuns.js'
import { roundCommand } from './round.js'
import { Interrupted } from './session.js'
import { setupCommand } from './setup.js'
import { trainCommand } from './train.js'
import { version } from './versions.js'

const program = new Command('radiograd')
  .description('fine-tune image classifiers on radiographs through hand-written WebGPU compute shaders')
  .version(version)
  .exitOverride()
  .showSuggestionAfterError(false)
  .configureOutput({ outputError: (text, write) => write(`radiograd: ${oneLine(text.replace(/^error: /, ''))}\n`) })
for (const add of [
  trainCommand,
  evalCommand,
  predictCommand,
  calibrateCommand,
  dataCommand,
  explainCommand,
  downloadCommand,
  roundCommand,
  flowerAppCommand,
  reportCommand,
  experimentCommand,
  modelsCommand,
  infoCommand,
  demoCommand,
  setupCommand,
])
  add(program)

function oneLine(text: string): string {
  return printable(text.trim().replace(/\s*\n\s*/g, ' '))
}

/** A setting is called by its flag. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return withFlags(error instanceof SettingError ? message.replace(error.setting, flagOf(error.setting)) : message)
}

/**
 * 2 for wrong usage, as is a setting that model, data or machine do not take; 130 after Ctrl-C, 1 for all else; the
 * message in one line, with the stack only where RADIOGRAD_DEBUG is set.
 */
function exitCodeOf(error: unknown): number {
  if (endedUnread()) return Number(process.exitCode ?? 0)
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // commander has said it already
  const message = messageOf(error)
  process.stderr.write(
    `radiograd: ${error instanceof RadiogradError ? '' : 'unexpected: '}${processName()}${oneLine(message)}\n`,
  )
  if (process.env.RADIOGRAD_DEBUG) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
  return error instanceof SettingError ? 2 : 1
}

process.on('uncaughtException', (error) => process.exit(exitCodeOf(error)))
guardOutput()
askWithin(withoutLimitWarnings)

try {
  await program.parseAsync()
} catch (error) {
  await takeTurn()
  process.exitCode = exitCodeOf(error)
  endGroup()
}
