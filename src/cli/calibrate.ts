// radiograd calibrate: threshold and temperature of a finished checkpoint, fitted anew and stored in it.
import { basename, dirname } from 'node:path'
import type { Command } from 'commander'
import { openFolder } from '#platform/store'
import { calibrateRun } from '../app/evaluate.js'
import type { RunEvent } from '../app/events.js'
import { CALIBRATE_SETTINGS, type CalibrateSettings } from '../app/settingTables.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import { adapterText, countsText, operatingPointText, progressOf } from './texts.js'

export function calibrateCommand(program: Command): void {
  const command = program
    .command('calibrate')
    .description('choose the threshold and temperature of a checkpoint on validation images, and store them in it')
  withJson(withSettings(command, CALIBRATE_SETTINGS)).action((options: CalibrateSettings & OutputOptions) =>
    calibrate(options),
  )
}

async function calibrate({ data, checkpoint, json, ...settings }: CalibrateSettings & OutputOptions): Promise<void> {
  const report = new Report(json)
  const store = openFolder(dirname(checkpoint), checkpoint)
  const on = (event: RunEvent) => {
    if (event.kind === 'note') report.say(`note      ${event.text}`)
    if (event.kind === 'adapter') report.say(`adapter   ${adapterText(event)}`)
    if (event.kind === 'progress') report.progress({ ...progressOf(event), label: 'validation' })
    if (event.kind !== 'calibrate') return
    report.say(`on        ${countsText(event.images, event.card.classes)} (${event.from})`)
  }
  await withSignals(report, 'after this step', async (signal) => {
    const calibrated = await calibrateRun(settings, { checkpoint, data, signal, on })
    if (!calibrated) return
    const { card, bytes } = calibrated
    await store.write(basename(checkpoint), bytes)
    report.say(operatingPointText(card.operatingPoint!, card.classes))
    report.say(`wrote     ${checkpoint}`)
    report.result(card.operatingPoint)
  })
}
