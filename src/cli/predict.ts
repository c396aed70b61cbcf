// radiograd predict: the class of single images, with its probability.
import type { Command } from 'commander'
import { predictRun } from '../app/evaluate.js'
import type { RunEvent } from '../app/events.js'
import { UNFITTED } from '../train/operatingPoint.js'
import { PREDICT_SETTINGS, type PredictSettings } from '../app/settingTables.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import { adapterText, operatingPointText } from './texts.js'

export function predictCommand(program: Command): void {
  const command = program
    .command('predict')
    .description('say what a checkpoint sees in images')
    .argument('<file...>', 'JPEG or PNG images')
  withJson(withSettings(command, PREDICT_SETTINGS)).action(
    (files: string[], options: PredictSettings & OutputOptions) => predict(files, options),
  )
}

async function predict(
  images: string[],
  { checkpoint, json, ...settings }: PredictSettings & OutputOptions,
): Promise<void> {
  const report = new Report(json)
  const on = (event: RunEvent) => {
    if (event.kind === 'note') report.say(`note      ${event.text}`)
    if (event.kind === 'adapter') report.say(`adapter   ${adapterText(event)}`)
    if (event.kind === 'predict')
      report.say(operatingPointText(event.card.operatingPoint ?? UNFITTED, event.card.classes))
  }
  await withSignals(report, 'after this step', async (signal) => {
    const predictions = await predictRun(settings, { checkpoint, images, signal, on })
    if (!predictions) return
    for (const p of predictions) report.say(`${p.file}  ${p.class}  ${p.probability.toFixed(4)}`)
    report.result(predictions)
  })
}
