// radiograd eval: the metrics of a checkpoint on a data set's test folder.
import { join } from 'node:path'
import type { Command } from 'commander'
import { DataLoader } from '../data/dataLoader.js'
import { ImageFolder } from '../data/imageFolder.js'
import { Evaluator } from '../train/evaluator.js'
import { computeMetrics } from '../train/metrics.js'
import { openCheckpoint } from './checkpoint.js'
import { countsText, pipeline, sameClasses } from './dataset.js'
import { type DecodingOptions, withDecoding } from './options.js'
import { Report, metricsText } from './report.js'
import { withEngine } from './session.js'
import { EVALUATION_BATCH } from './train.js'

interface EvalOptions extends DecodingOptions {
  data: string
  checkpoint: string
}

export function evalCommand(program: Command): void {
  const command = program
    .command('eval')
    .description('measure a checkpoint on DIR/test')
    .requiredOption('--data <dir>', 'folder with test/, which has one folder of images per class')
    .requiredOption('--checkpoint <file>', "best.safetensors of 'train'")
  withDecoding(command).action((options: EvalOptions) => evaluate(options))
}

async function evaluate(options: EvalOptions): Promise<void> {
  const report = new Report(options.json)
  const folder = join(options.data, 'test')
  const { card, build } = await openCheckpoint(options.checkpoint)
  const test = new ImageFolder(folder, { transform: pipeline(card) })
  sameClasses(test, folder, card.classes, options.checkpoint)
  await withEngine({ ...options, report }, async (engine, signal) => {
    report.say(`test      ${countsText(test)} at ${card.imageSize} px, ${card.model} of ${options.checkpoint}`)
    const loader = new DataLoader(test, { batchSize: EVALUATION_BATCH, workers: options.workers })
    try {
      const onStep = report.counter('test', test.samples.length)
      const outputs = await new Evaluator(engine, build()).run(loader, { signal, onStep })
      if (!outputs) return
      const metrics = computeMetrics(outputs)
      report.say(metricsText(metrics, card.classes))
      report.result(metrics)
    } finally {
      await loader.close()
    }
  })
}
