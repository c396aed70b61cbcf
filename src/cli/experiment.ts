// radiograd experiment chest-xray: trains both of the notebook's models, tests them, and writes one report over both.
import { join } from 'node:path'
import { Argument, type Command } from 'commander'
import { openFolder } from '#platform/store'
import { experimentRun } from '../app/experiment.js'
import { EXPERIMENT_SETTINGS, type ExperimentSettings } from '../app/reportSettings.js'
import { type OutputOptions, flagOf, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import { RunLines } from './train.js'
import { versions } from './versions.js'
import { resolveWeights } from './weights.js'

export function experimentCommand(program: Command): void {
  const command = program
    .command('experiment')
    .description(
      "repeat a notebook's experiment, ResNet18 beside a Vision Transformer on chest radiographs, and report on it; " +
        'stopped or killed, the same command goes on',
    )
    .addArgument(new Argument('<name>', 'which one').choices(['chest-xray']))
  withJson(withSettings(command, EXPERIMENT_SETTINGS)).action(
    (_name: string, { json, ...settings }: ExperimentSettings & OutputOptions) =>
      experiment(settings, new Report(json)),
  )
}

async function experiment(settings: ExperimentSettings, report: Report): Promise<void> {
  const { out, dryRun } = settings
  const open = (folder: string) => openFolder(join(out, folder), `${flagOf('out')} ${join(out, folder)}`)
  const lines = new Map<string, RunLines>()
  await withSignals(report, 'after this step', async (signal) => {
    const results = await experimentRun(settings, {
      open,
      weights: resolveWeights,
      signal,
      versions: versions(),
      on: (event, run) => {
        if (!lines.has(run)) {
          lines.set(run, new RunLines(report, join(out, run)))
          report.say(`\n${run || 'report'}`)
        }
        if (event.kind !== 'done' && (event.kind !== 'memory' || dryRun)) lines.get(run)!.show(event)
      },
    })
    if (!results) return
    report.say(`wrote     report.html, results.json and figures in ${out}`)
    report.result(results)
  })
}
