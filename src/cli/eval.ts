// radiograd eval: the metrics of a checkpoint on a data set's test folder.
import type { Command } from 'commander'
import { evaluateRun } from '../app/evaluate.js'
import type { RunEvent } from '../app/events.js'
import { EVALUATE_SETTINGS, type EvaluateSettings } from '../app/settingTables.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import { adapterText, countsText, evaluationText, progressOf } from './texts.js'

export function evalCommand(program: Command): void {
  const command = program.command('eval').description('measure a checkpoint on DIR/test')
  withJson(withSettings(command, EVALUATE_SETTINGS)).action((options: EvaluateSettings & OutputOptions) =>
    evaluate(options),
  )
}

async function evaluate({ data, checkpoint, json, ...settings }: EvaluateSettings & OutputOptions): Promise<void> {
  const report = new Report(json)
  let classes: readonly string[] = []
  const on = (event: RunEvent) => {
    if (event.kind === 'note') report.say(`note      ${event.text}`)
    if (event.kind === 'adapter') report.say(`adapter   ${adapterText(event)}`)
    if (event.kind === 'progress') report.progress(progressOf(event))
    if (event.kind !== 'test') return
    const { card, images } = event
    classes = card.classes
    const views = { none: '', flip: ', two views of each', 'five-crop': ', five views of each' }[settings.tta]
    report.say(
      `test      ${countsText(images, classes)} at ${card.imageSize} px${views}, ${card.model} of ${checkpoint}`,
    )
  }
  await withSignals(report, 'after this step', async (signal) => {
    const metrics = await evaluateRun(settings, { checkpoint, data, signal, on })
    if (!metrics) return
    report.say(evaluationText(metrics, classes))
    report.result(metrics)
  })
}
