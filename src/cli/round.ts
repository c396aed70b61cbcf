// radiograd round: a site's part of one round of federated learning.
import { basename, dirname } from 'node:path'
import type { Command } from 'commander'
import { openFolder } from '#platform/store'
import type { RunEvent } from '../app/events.js'
import { roundRun } from '../app/round.js'
import { ROUND_SETTINGS, type RoundSettings } from '../app/roundSettings.js'
import { SettingError } from '../util/check.js'
import { refuseGroup } from './group.js'
import { type OutputOptions, flagOf, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import { adapterText, epochText, modelText, progressOf, roundText } from './texts.js'
import { resolveWeights } from './weights.js'

export function roundCommand(program: Command): void {
  const command = program
    .command('round')
    .description("train weights on a site's images for one round of federated learning")
  withJson(withSettings(command, ROUND_SETTINGS)).action((options: RoundSettings & OutputOptions) => round(options))
}

async function round(options: RoundSettings & OutputOptions): Promise<void> {
  const { data, weights, out, keepBatchNormLocal, json, ...settings } = options
  refuseGroup('round')
  if (out === undefined && !settings.evaluate)
    throw new SettingError('out', 'must be given where nothing is evaluated, got nothing')
  const report = new Report(json)
  const target = out === undefined ? null : fileOf(out, 'out')
  const norms = keepBatchNormLocal === undefined ? null : fileOf(keepBatchNormLocal, 'keepBatchNormLocal')
  const on = (event: RunEvent) => {
    if (event.kind === 'note') report.say(`note      ${event.text}`)
    if (event.kind === 'adapter') report.say(`adapter   ${adapterText(event)}`)
    if (event.kind === 'model') report.say(modelText(event, settings))
    if (event.kind === 'progress') report.progress(progressOf(event))
    if (event.kind === 'epoch') report.say(epochText(event.row, event.epochs, false))
  }
  await withSignals(report, 'after this step', async (signal) => {
    const source = resolveWeights(weights)
    const outcome = await roundRun(settings, {
      ...{ weights: source, data, signal, on },
      batchNorm: norms ? await norms.read() : undefined,
    })
    if (!outcome) return
    await target?.write(outcome.weights)
    // Last: killed before it, the site does the round again from the same files.
    if (norms && target) await norms.write(outcome.batchNorm!)
    report.say(roundText(outcome.result))
    if (target) report.say(`wrote     ${out}`)
    report.result(outcome.result)
  })
}

/** A file that is read, and written whole or not at all. */
function fileOf(path: string, setting: string) {
  const store = openFolder(dirname(path), `${flagOf(setting)} ${path}`)
  return {
    read: () => store.read(basename(path)),
    write: (bytes: Uint8Array) => store.write(basename(path), bytes),
  }
}
