// radiograd train: fine-tunes a model on a folder of images, tests it, and leaves checkpoint, curves, metrics and
// settings behind.
import { type Command, Option } from 'commander'
import { DataLoader } from '../data/dataLoader.js'
import { DecodePool } from '../data/decodePool.js'
import { computeClassWeight } from '../data/split.js'
import * as optim from '../optim/index.js'
import type { Engine } from '../engine/index.js'
import type { Tensor } from '../tensor/tensor.js'
import { Evaluator } from '../train/evaluator.js'
import { type HistoryRow, historyCsv } from '../train/history.js'
import { computeMetrics } from '../train/metrics.js'
import { type Progress, type TrainResult, Trainer } from '../train/trainer.js'
import { check } from '../util/check.js'
import { loadCheckpoint, saveSafetensors } from '../weights/load.js'
import { type ModelCard, toMetadata } from './checkpoint.js'
import { type Splits, classCounts, countsText, openSplits } from './dataset.js'
import {
  MODEL_NAMES,
  type WeightsReport,
  checkpointActivations,
  chooseTrainable,
  createModel,
  loadInto,
  preprocessingOf,
  weightsText,
} from './model.js'
import { type DecodingOptions, names, real, whole, withDecoding } from './options.js'
import { OutputFolder } from './output.js'
import { Report, memoryText, metricsText } from './report.js'
import { withEngine } from './session.js'
import { resolveWeights } from './weights.js'
import { versions } from './versions.js'

export interface TrainOptions extends DecodingOptions {
  data: string
  model: string
  weights?: string
  trainable?: string[]
  epochs: number
  batchSize: number
  lr: number
  schedule: 'constant' | 'cosine'
  precision: 'f32' | 'f16'
  optimizer: 'adam' | 'adamw' | 'sgd'
  weightDecay?: number
  imageSize?: number
  seed: number
  valSplit: number
  limit?: number
  patience: number
  classWeights: boolean
  augment: boolean
  freezeBatchNorm: boolean
  gradAccumulation: number
  checkpointActivations: boolean
  dryRun: boolean
  out: string
}

/** Images per batch wherever nothing is learned; the same everywhere, so that the same images give the same bits. */
export const EVALUATION_BATCH = 32

export function trainCommand(program: Command): void {
  const optimizer = new Option('--optimizer <name>', 'update rule; sgd has momentum 0.9')
  const precision = new Option(
    '--precision <type>',
    'of activations while training: f16 takes half the memory, where the adapter has shader-f16',
  )
  const schedule = new Option('--schedule <name>', 'course of the learning rate; cosine lets it fall to 0')
  const notNegative = real('of 0 or more', (v) => v >= 0)
  const share = real('of 0 or more and below 1', (v) => v >= 0 && v < 1)
  const command = program
    .command('train')
    .description('fine-tune a model on DIR/train and test it on DIR/test')
    .requiredOption('--data <dir>', 'folder with train/, test/ and optionally val/, each with a folder per class')
    .addOption(new Option('--model <name>', 'architecture').choices(MODEL_NAMES).default('resnet18'))
    .option(
      '--weights <file>',
      "start from a .safetensors, .pth, .pt or .bin file, a folder of Hugging Face's, or what 'download' fetched, by its name",
    )
    .option('--trainable <names>', 'train only these layers, such as layer4,fc (default: all)', names)
    .option('--epochs <n>', 'passes over the training images', whole(1), 20)
    .option('--batch-size <n>', 'images per step', whole(1, 4096), 16)
    .option(
      '--lr <x>',
      'learning rate',
      real('above 0', (v) => v > 0),
      1e-5,
    )
    .addOption(schedule.choices(['constant', 'cosine']).default('constant'))
    .addOption(optimizer.choices(['adam', 'adamw', 'sgd']).default('adam'))
    .addOption(precision.choices(['f32', 'f16']).default('f32'))
    .option('--weight-decay <x>', 'pull of the weights towards 0 (default: 0, with adamw 0.01)', notNegative)
    .option(
      '--image-size <n>',
      "width and height the images are resized to (default: the weights', mostly 224)",
      whole(32, 1024),
    )
    .option('--seed <n>', 'of everything random: the same command gives the same bytes', whole(0), 0)
    .option('--val-split <x>', 'share of train kept for validation, by patient; 0 takes DIR/val', share, 0.1)
    .option('--limit <n>', 'use only so many training images, drawn with the shares of the classes', whole(2))
    .option('--patience <n>', 'stop after so many epochs without a lower validation loss, 0 for never', whole(0), 10)
    .option('--no-class-weights', 'let every image count the same, however rare its class')
    .option('--no-augment', 'do not mirror training images at random')
    .option('--freeze-batch-norm', 'frozen BatchNorm layers keep their running statistics', false)
    .option(
      '--grad-accumulation <n>',
      'compute each batch in so many parts: the same gradients for less memory',
      whole(1, 4096),
      1,
    )
    .option(
      '--checkpoint-activations',
      "compute a Vision Transformer's blocks again in the backward pass, for less memory",
      false,
    )
    .option('--dry-run', 'print the memory that training would take, and train nothing', false)
    .option('--out <dir>', 'folder for best.safetensors, history.csv, metrics.json and run.json', 'runs/train')
  withDecoding(command).action((options: TrainOptions) => train(options))
}

/** Runs the command; throws what goes wrong, and `Interrupted` after a Ctrl-C. */
export async function train(options: TrainOptions): Promise<void> {
  const start = performance.now()
  const report = new Report(options.json)
  const output = new OutputFolder(options.out)
  const checkpoint = options.weights === undefined ? null : await loadCheckpoint(resolveWeights(options.weights))
  const { mean, std, imageSize: usual } = preprocessingOf(options.model, checkpoint)
  const { imageSize = usual } = options
  const splits = openSplits(options.data, { ...options, imageSize, mean, std })
  const { classes } = splits
  const card: ModelCard = { model: options.model, classes, imageSize, mean, std }
  await withEngine({ ...options, report }, async (engine, signal) => {
    check(
      options.precision === 'f32' || engine.features.has('shader-f16'),
      () => `--precision: f16 needs an adapter with the feature shader-f16, got ${engine.adapterName}`,
    )
    const model = createModel(options.model, { numClasses: classes.length, imageSize: card.imageSize })
    const weights = checkpoint && loadInto(model, checkpoint)
    if (options.checkpointActivations) checkpointActivations(model, options.model)
    const parameters = chooseTrainable(model, options.trainable)
    describe(report, splits, options, card, weights, parameters)

    const pool = new DecodePool(options.workers)
    const load = (dataset: Splits['train']) => new DataLoader(dataset, { batchSize: EVALUATION_BATCH, workers: pool })
    // A last batch of one image has no batch statistics worth the name; PyTorch refuses it.
    const dropLast = options.batchSize > 1 && splits.train.samples.length % options.batchSize === 1
    const trainLoader = new DataLoader(splits.train, {
      batchSize: options.batchSize,
      shuffle: true,
      seed: options.seed,
      workers: pool,
      dropLast,
    })
    const steps = options.epochs * trainLoader.length
    const run = new RunFile(output, options, engine, splits, card, weights, start)
    try {
      const trainer = new Trainer({
        engine,
        model,
        optimizer: createOptimizer(
          model.parameters().filter((p) => p.requiresGrad),
          options,
        ),
        train: trainLoader,
        validation: splits.validation ? load(splits.validation) : undefined,
        epochs: options.epochs,
        schedule: options.schedule === 'cosine' ? optim.cosine(options.lr, steps) : undefined,
        patience: options.patience || Infinity,
        classWeight: options.classWeights
          ? computeClassWeight(
              'balanced',
              splits.train.samples.map((s) => s.label),
              classes.length,
            )
          : undefined,
        freezeBatchNorm: options.freezeBatchNorm,
        gradAccumulation: options.gradAccumulation,
        precision: options.precision,
        signal,
        onProgress: (progress) => report.progress(progressOf(progress)),
        onBest: (state, row) => {
          output.prepare()
          const metadata = toMetadata(card, { seed: options.seed, epoch: row.epoch })
          return saveSafetensors(output.path('best.safetensors'), state, { metadata })
        },
        onEpoch: async (row, best) => {
          report.say(epochText(row, options.epochs, best))
          await output.writeText('history.csv', historyCsv(trainer.history))
        },
      })
      if (options.dryRun) {
        await trainer.prepare()
        report.say(memoryText(engine.memory()))
        report.result(engine.memory())
        return
      }
      const result = await trainer.fit()
      if (result.history.length) await run.write(result) // before that, an earlier run's files stay as they are
      if (result.stopped === 'aborted') {
        const kept = result.best && `${output.path('best.safetensors')} is from epoch ${result.best.epoch}`
        report.say(`stopped   by a signal; ${kept ?? 'no epoch was finished, no checkpoint written'}`)
        return
      }
      if (result.stopped === 'early') report.say(`stopped   no lower validation loss for ${options.patience} epochs`)

      const onStep = report.counter('test', splits.test.samples.length)
      const outputs = await new Evaluator(engine, model).run(load(splits.test), { signal, onStep })
      if (!outputs) return
      const metrics = computeMetrics(outputs)
      await output.writeJson('metrics.json', metrics)
      await run.write(result)
      const bestEpoch = result.best!.epoch
      report.say(`test      weights of epoch ${bestEpoch} on ${metrics.n} images\n${metricsText(metrics, classes)}`)
      report.say(`wrote     best.safetensors, history.csv, metrics.json, run.json in ${options.out}`)
      const {
        history: { length: epochs },
        stopped,
      } = result
      report.result({ ...metrics, bestEpoch, epochs, stopped, seconds: run.seconds(), out: options.out })
    } finally {
      await pool.close()
    }
  })
}

function createOptimizer(parameters: Tensor[], { optimizer, lr, weightDecay }: TrainOptions) {
  const settings = { lr, ...(weightDecay === undefined ? {} : { weightDecay }) }
  switch (optimizer) {
    case 'adam':
      return new optim.Adam(parameters, settings)
    case 'adamw':
      return new optim.AdamW(parameters, settings)
    case 'sgd':
      return new optim.SGD(parameters, { ...settings, momentum: 0.9 })
  }
}

const millions = (n: number): string => `${(n / 1e6).toFixed(2)} M`

function describe(
  report: Report,
  { train, validation, test, validationFrom }: Splits,
  options: TrainOptions,
  { imageSize }: ModelCard,
  weights: WeightsReport | null,
  { trained, total }: { trained: number; total: number },
): void {
  const steering = validation ? `${countsText(validation)} (${validationFrom})` : 'none'
  report.say(`data      train ${countsText(train)} · validation ${steering} · test ${countsText(test)}`)
  const origin = weights ? `from ${weights.file}` : 'from random values'
  report.say(`model     ${options.model} at ${imageSize} px, ${origin}`)
  if (weights) report.say(`weights   ${weightsText(weights)}`)
  const where = options.trainable?.join(', ') ?? 'all layers'
  report.say(
    `training  ${millions(trained)} of ${millions(total)} parameters in ${where}, ` +
      `${options.optimizer}, learning rate ${options.lr}, batch ${options.batchSize}, ${options.precision}`,
  )
}

const progressOf = ({ phase, epoch, epochs, images, total, imagesPerSecond, loss }: Progress) => ({
  label: `epoch ${epoch}/${epochs}${phase === 'validate' ? ' validation' : ''}`,
  images,
  total,
  imagesPerSecond,
  note: phase === 'train' ? `loss ${loss.toFixed(4)}` : undefined,
})

function epochText(row: HistoryRow, epochs: number, best: boolean): string {
  const validation = Number.isNaN(row.valLoss)
    ? []
    : [`val loss ${row.valLoss.toFixed(4)} accuracy ${row.valAccuracy.toFixed(3)} auc ${row.valAuc.toFixed(3)}`]
  const training = `loss ${row.trainLoss.toFixed(4)} accuracy ${row.trainAccuracy.toFixed(3)}`
  return [
    `epoch ${row.epoch}/${epochs}`,
    training,
    ...validation,
    `${row.seconds.toFixed(1)} s  ${row.imagesPerSecond.toFixed(1)} images/s`,
    ...(best ? ['best'] : []),
  ].join('  ')
}

/** `run.json`: every setting, and where and how long it ran. */
class RunFile {
  constructor(
    private readonly output: OutputFolder,
    private readonly options: TrainOptions,
    private readonly engine: Engine,
    private readonly splits: Splits,
    private readonly card: ModelCard,
    private readonly weights: WeightsReport | null,
    private readonly start: number,
  ) {}

  seconds(): number {
    return Math.round(performance.now() - this.start) / 1000
  }

  async write({ history, best, stopped, lossScaling }: TrainResult): Promise<void> {
    const { engine, splits, card } = this
    const { adapterName: name, adapterKind: kind, isSoftware } = engine
    const counts = (set: Splits['validation']) =>
      set && Object.fromEntries(classCounts(set).map((n, c) => [set.classes[c], n]))
    await this.output.writeText('history.csv', historyCsv(history))
    await this.output.writeJson('run.json', {
      command: 'train',
      settings: { ...this.options, imageSize: card.imageSize, mean: card.mean, std: card.std },
      classes: splits.classes,
      images: { train: counts(splits.train), validation: counts(splits.validation), test: counts(splits.test) },
      validationFrom: splits.validationFrom,
      weights: this.weights,
      bestEpoch: best?.epoch ?? null,
      epochs: history.length,
      stopped,
      lossScaling,
      seconds: this.seconds(),
      secondsPerEpoch: history.length ? history.reduce((sum, row) => sum + row.seconds, 0) / history.length : null,
      adapter: { name, kind, isSoftware, features: [...engine.features].sort() },
      gpuMemory: engine.memory(),
      versions: versions(),
    })
  }
}
