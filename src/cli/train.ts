// radiograd train: fine-tunes a model on a folder of images, tests it, and leaves checkpoint, curves, metrics and
// settings behind.
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { openFolder } from '#platform/store'
import type { RunEvent } from '../app/events.js'
import { TRAIN_SETTINGS, type TrainSettings } from '../app/settingTables.js'
import { type TrainOutcome, type TrainRunOptions, resumeRun, trainRun } from '../app/train.js'
import { type OutputOptions, flagOf, withJson, withSettings } from './options.js'
import { withGroup } from './group.js'
import { goOnUnread } from './output.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import {
  adapterText,
  dataText,
  epochText,
  evaluationText,
  exchangeText,
  memoryText,
  modelText,
  progressOf,
  resumedText,
} from './texts.js'
import { versions } from './versions.js'
import { resolveWeights } from './weights.js'

export function trainCommand(program: Command): void {
  const command = program.command('train').description('fine-tune a model on DIR/train and test it on DIR/test')
  withJson(withSettings(command, TRAIN_SETTINGS))
    .addOption(
      new Option('--resume <dir>', 'go on with the run that was stopped or killed in this folder')
        .conflicts('out')
        .implies({ data: null }),
    )
    .action(({ json, resume, ...settings }: TrainSettings & OutputOptions & { resume?: string }) => {
      const report = new Report(json)
      if (resume === undefined) return train(settings, report)
      const given = Object.entries(settings).filter(([name]) => command.getOptionValueSource(name) === 'cli')
      return goOn(resume, Object.fromEntries(given), report)
    })
}

/** Runs the command; throws what goes wrong, and `Interrupted` after a Ctrl-C. */
export async function train(settings: TrainSettings, report: Report): Promise<void> {
  const store = openFolder(settings.out, `${flagOf('out')} ${settings.out}`)
  await work(report, settings.out, (options) => trainRun(settings, { store, ...options }))
}

async function goOn(dir: string, changes: Partial<TrainSettings>, report: Report): Promise<void> {
  const store = openFolder(dir, `--resume ${dir}`)
  await work(report, dir, (options) => resumeRun({ ...changes, out: dir }, { store, ...options }))
}

function work(
  report: Report,
  dir: string,
  start: (options: Omit<TrainRunOptions, 'store'>) => Promise<TrainOutcome>,
): Promise<TrainOutcome> {
  goOnUnread()
  const lines = new RunLines(report, dir)
  const on = (event: RunEvent) => lines.show(event)
  return withSignals(report, 'after this step', (signal) =>
    withGroup((group, library) =>
      start({ weights: resolveWeights, signal, on, group, versions: { ...versions(), ...library } }),
    ),
  )
}

/** A run's events as lines, as a moving bar, or as the result. */
export class RunLines {
  private settings!: TrainSettings

  constructor(
    private readonly report: Report,
    private readonly dir: string,
  ) {}

  show(event: RunEvent): void {
    const { report, dir, settings } = this
    switch (event.kind) {
      case 'settings':
        this.settings = event.settings
        return
      case 'adapter':
        return report.say(`adapter   ${adapterText(event)}`)
      case 'replaced':
        return report.say(`replaces  an unfinished run in ${dir}; --resume would have gone on with it`)
      case 'resumed':
        return report.say(`resumed   ${resumedText(event)}`)
      case 'data':
        return report.say(`data      ${dataText(event)}`)
      case 'note':
        return report.say(`note      ${event.text}`)
      case 'model':
        report.say(modelText(event, settings))
        return report.waiting('training  compiling the shaders of the first step')
      case 'memory':
        report.say(memoryText(event.memory))
        return report.result(event.memory)
      case 'progress':
        return report.progress(progressOf(event))
      case 'epoch':
        return report.say(epochText(event.row, event.epochs, event.best))
      case 'stopped': {
        if (event.why === 'early') {
          return report.say(`stopped   no lower validation loss for ${settings.patience} epochs`)
        }
        const kept = event.bestEpoch && `${join(dir, 'best.safetensors')} is from epoch ${event.bestEpoch}`
        report.say(`stopped   by a signal; ${kept ?? 'no epoch was finished, no checkpoint written'}`)
        return report.say(`go on     radiograd train --resume ${dir}`)
      }
      case 'metrics': {
        const { metrics, classes, bestEpoch } = event
        const images = `weights of epoch ${bestEpoch} on ${metrics.n} images`
        return report.say(`test      ${images}\n${evaluationText(metrics, classes)}`)
      }
      case 'done': {
        const { exchange } = event.record
        if (exchange) report.say(`exchange  ${exchangeText(exchange)}`)
        report.say(
          `wrote     best.safetensors, history.csv, predictions.csv, metrics.json, run.json, MODEL_CARD.md in ${dir}`,
        )
        const { bestEpoch, epochs, stopped, seconds } = event.record
        return report.result({ ...event.metrics, bestEpoch, epochs, stopped, seconds, out: dir })
      }
    }
  }
}
