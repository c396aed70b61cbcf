// radiograd models: what can be trained by name, and what it takes.
import type { Command } from 'commander'
import { MODELS_SETTINGS, type ModelFacts, type ModelsSettings, modelFacts } from '../app/modelTable.js'
import { MODEL_NAMES, modelRow } from '../models/registry.js'
import { SizeError } from '../util/check.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'

export function modelsCommand(program: Command): void {
  const command = program
    .command('models')
    .description('list the models with parameters, multiply-adds, and the memory that a training step is planned with')
  withJson(withSettings(command, MODELS_SETTINGS)).action((options: ModelsSettings & OutputOptions) => list(options))
}

async function list({ json, model: names = MODEL_NAMES, ...settings }: ModelsSettings & OutputOptions): Promise<void> {
  const report = new Report(json)
  names.forEach(modelRow)
  const rows: (ModelFacts | { name: string; refused: string })[] = []
  const wide = Math.max(...names.map((name) => name.length))
  report.say(`${'model'.padEnd(wide)}  pixels  parameters  multiply-adds  training step, batch ${settings.batchSize}`)
  for (const name of names) {
    try {
      const facts = await modelFacts(name, settings)
      rows.push(facts)
      report.say(`${name.padEnd(wide)}  ${factsText(facts)}`)
    } catch (error) {
      if (!(error instanceof SizeError)) throw error
      rows.push({ name, refused: error.message })
      report.say(`${name.padEnd(wide)}  no room: ${error.message}`)
    }
  }
  report.result(rows)
}

function factsText({ imageSize, parameters, multiplyAdds, trainingBytes, activationBytes }: ModelFacts): string {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  return (
    `${String(imageSize).padStart(6)}  ${`${(parameters / 1e6).toFixed(1)} M`.padStart(10)}  ` +
    `${`${(multiplyAdds / 1e9).toFixed(2)} G`.padStart(13)}  ` +
    `${mib(trainingBytes)}, of it ${mib(activationBytes)} of activations and workspace`
  )
}
