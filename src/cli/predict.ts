// radiograd predict: the class of single images, with its probability.
import type { Command } from 'commander'
import { DataLoader } from '../data/dataLoader.js'
import { Evaluator } from '../train/evaluator.js'
import { argmax, probabilities } from '../train/metrics.js'
import { openCheckpoint } from './checkpoint.js'
import { pipeline } from './dataset.js'
import { type DecodingOptions, withDecoding } from './options.js'
import { Report } from './report.js'
import { withEngine } from './session.js'
import { EVALUATION_BATCH } from './train.js'

interface PredictOptions extends DecodingOptions {
  checkpoint: string
}

export function predictCommand(program: Command): void {
  const command = program
    .command('predict')
    .description('say what a checkpoint sees in images')
    .argument('<file...>', 'JPEG or PNG images')
    .requiredOption('--checkpoint <file>', "best.safetensors of 'train'")
  withDecoding(command).action((files: string[], options: PredictOptions) => predict(files, options))
}

async function predict(files: string[], options: PredictOptions): Promise<void> {
  const report = new Report(options.json)
  const { card, build } = await openCheckpoint(options.checkpoint)
  const { classes } = card
  // The label is unknown; 0 stands for it and is not looked at.
  const images = { samples: files.map((file) => ({ path: file, file, label: 0 })), classes, transform: pipeline(card) }
  await withEngine({ ...options, report }, async (engine, signal) => {
    const loader = new DataLoader(images, { batchSize: EVALUATION_BATCH, workers: options.workers })
    try {
      const outputs = await new Evaluator(engine, build()).run(loader, { signal })
      if (!outputs) return
      const rows = probabilities(outputs.logits, classes.length)
      const best = argmax(rows, classes.length)
      const results = files.map((file, i) => {
        const each = Object.fromEntries(classes.map((name, c) => [name, rows[i * classes.length + c]]))
        return { file, class: classes[best[i]], probability: each[classes[best[i]]], probabilities: each }
      })
      for (const r of results) report.say(`${r.file}  ${r.class}  ${r.probability.toFixed(4)}`)
      report.result(results)
    } finally {
      await loader.close()
    }
  })
}
