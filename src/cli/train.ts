// radiograd train: fine-tunes a model on a folder of images, tests it, and leaves checkpoint, curves, metrics and
// settings behind.
import { join } from 'node:path'
import type { Command } from 'commander'
import { openFolder } from '#platform/store'
import type { RunEvent } from '../app/events.js'
import { TRAIN_SETTINGS, type TrainSettings } from '../app/settings.js'
import { trainRun } from '../app/train.js'
import { type OutputOptions, flagOf, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import {
  adapterText,
  dataText,
  epochText,
  memoryText,
  metricsText,
  millions,
  progressOf,
  weightsText,
} from './texts.js'
import { versions } from './versions.js'
import { resolveWeights } from './weights.js'

export function trainCommand(program: Command): void {
  const command = program.command('train').description('fine-tune a model on DIR/train and test it on DIR/test')
  withJson(withSettings(command, TRAIN_SETTINGS)).action(({ json, ...settings }: TrainSettings & OutputOptions) =>
    train(settings, new Report(json)),
  )
}

/** Runs the command; throws what goes wrong, and `Interrupted` after a Ctrl-C. */
export async function train(settings: TrainSettings, report: Report): Promise<void> {
  const store = openFolder(settings.out, `${flagOf('out')} ${settings.out}`)
  const weights = settings.weights === undefined ? undefined : resolveWeights(settings.weights)
  const on = (event: RunEvent) => show(event, settings, report)
  await withSignals(report, 'after this step', (signal) =>
    trainRun(settings, { store, weights, signal, on, versions: versions() }),
  )
}

/** An event as lines, as a moving bar, or as the result. */
function show(event: RunEvent, settings: TrainSettings, report: Report): void {
  const { epochs, out } = settings
  switch (event.kind) {
    case 'adapter':
      return report.say(`adapter   ${adapterText(event)}`)
    case 'data':
      return report.say(`data      ${dataText(event)}`)
    case 'note':
      return report.say(`note      ${event.text}`)
    case 'model': {
      const { weights, trained, parameters } = event
      const origin = weights ? `from ${weights.file}` : 'from random values'
      report.say(`model     ${event.model} at ${event.imageSize} px, ${origin}`)
      if (weights) report.say(`weights   ${weightsText(weights)}`)
      const where = settings.trainable?.join(', ') ?? 'all layers'
      return report.say(
        `training  ${millions(trained)} of ${millions(parameters)} parameters in ${where}, ` +
          `${settings.optimizer}, learning rate ${settings.lr}, batch ${settings.batchSize}, ${settings.precision}`,
      )
    }
    case 'memory':
      report.say(memoryText(event.memory))
      return report.result(event.memory)
    case 'progress':
      return report.progress(progressOf(event))
    case 'epoch':
      return report.say(epochText(event.row, epochs, event.best))
    case 'stopped': {
      if (event.why === 'early') {
        return report.say(`stopped   no lower validation loss for ${settings.patience} epochs`)
      }
      const kept = event.bestEpoch && `${join(out, 'best.safetensors')} is from epoch ${event.bestEpoch}`
      return report.say(`stopped   by a signal; ${kept ?? 'no epoch was finished, no checkpoint written'}`)
    }
    case 'metrics': {
      const { metrics, classes, bestEpoch } = event
      return report.say(
        `test      weights of epoch ${bestEpoch} on ${metrics.n} images\n${metricsText(metrics, classes)}`,
      )
    }
    case 'done': {
      report.say(`wrote     best.safetensors, history.csv, metrics.json, run.json in ${out}`)
      const { bestEpoch, stopped, seconds } = event.record
      return report.result({ ...event.metrics, bestEpoch, epochs: event.record.epochs, stopped, seconds, out })
    }
  }
}
