// One site's part of a round of federated learning: weights in, weights and counts out.
import { checkDataset } from '../data/checkFiles.js'
import { DecodePool } from '../data/decodePool.js'
import { type Classifier, createModel, preprocessingOf } from '../models/registry.js'
import { BatchNorm2d } from '../nn/layers.js'
import type { StateDict } from '../nn/module.js'
import { Proximal } from '../optim/proximal.js'
import type { Tensor } from '../tensor/tensor.js'
import { Trainer } from '../train/loop.js'
import { type Metrics, type Outputs, computeMetrics, crossEntropy } from '../train/metrics.js'
import { SettingError, check } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import type { Checkpoint } from '../weights/load.js'
import { safetensorsBytes } from '../weights/safetensors.js'
import { type CheckpointSource, type ModelCard, modelCardOf, readCheckpoint, toMetadata } from './card.js'
import { outputsOf } from './evaluate.js'
import { type WeightsReport, loadInto } from './record.js'
import { LEARNING_SETTINGS, type RoundSettings } from './roundSettings.js'
import { type Listener, withEngine } from './session.js'
import { parseSettings } from './settings.js'
import { TRAIN_SETTINGS } from './settingTables.js'
import { type DataSource, openPart, partName, pipeline, sameClasses } from './splits.js'
import { chooseTrainable } from './trainable.js'
import { learningOptions } from './training.js'

/** What a round is given besides its settings. */
export interface RoundOptions {
  /** What all sites begin with. */
  weights: CheckpointSource
  /** The site's images: `train/`, and `test/` where the outcome is measured. */
  data: DataSource
  /**
   * BatchNorm's weights and statistics stay at this site (FedBN, Li et al. 2021): what `RoundOutcome.batchNorm` was the
   * last time, or null the first time, when those of `weights` are taken. Left out, they are as all other weights.
   */
  batchNorm?: CheckpointSource | null
  /** Ends the round after the current step. */
  signal?: AbortSignal
  /** Takes the events. */
  on?: Listener
}

const ROUND_OPTIONS: readonly (keyof RoundOptions)[] = ['weights', 'data', 'batchNorm', 'signal', 'on']

/** Plain data: all that leaves a site besides weights. */
export interface RoundResult {
  /** Images that were learnt from: what this site counts in an average. Where nothing was trained, those of test/. */
  numExamples: number
  /** Mean training loss of the last epoch, without the proximal term; where nothing was trained, the loss on test/. */
  loss: number
  /** Of the outcome on test/, and its loss there; null where they were not asked for. */
  metrics: (Metrics & { loss: number }) | null
  seconds: number
}

/** What comes of a round: what is told, what leaves the site, and what stays. */
export interface RoundOutcome {
  result: RoundResult
  /** A safetensors file with the names and shapes of PyTorch, and what the model is in its metadata. */
  weights: Uint8Array<ArrayBuffer>
  /** With `batchNorm`: what stays at the site until the next round, a safetensors file. */
  batchNorm: Uint8Array<ArrayBuffer> | null
}

/**
 * Trains weights on a site's images for some epochs and gives what came of them, or with `epochs` 0 only measures them:
 * the unit of federated learning, whatever carries the weights (FedAvg, McMahan et al. 2017). The optimizer begins
 * anew. The same settings, weights and images give the same bytes on the same adapter. Null when stopped by the signal.
 * An engine is opened for it and closed at the end. Events: `note`, `adapter`, `model`, `progress`, `epoch`.
 *
 * @throws RadiogradError where weights or images cannot be read, or do not fit each other.
 */
export async function roundRun(
  settings: Omit<RoundSettings, 'data' | 'weights' | 'out' | 'keepBatchNormLocal'>,
  options: RoundOptions,
): Promise<RoundOutcome | null> {
  checkOptions('roundRun', options, ROUND_OPTIONS)
  const { data, signal, on } = options
  const { epochs, evaluate, skipUnreadable, maxPixels, workers } = settings
  const start = performance.now()
  const note = (text: string) => on?.({ kind: 'note', text })
  const checkpoint = await readCheckpoint(options.weights)
  const local = options.batchNorm ? await readCheckpoint(options.batchNorm, 'batchNorm') : null
  const known = cardOf(checkpoint, settings)
  const open = async (part: 'train' | 'test') => {
    const variation = part === 'train' ? settings : {}
    const { augment, mixup, cutmix } = variation as Partial<typeof settings>
    const folder = openPart(data, part, pipeline(known, { augment, mixup, cutmix }))
    if (known.classes) sameClasses(folder, partName(data, part), known.classes, checkpoint.source)
    folder.notes.forEach(note)
    return checkDataset(folder, { workers, maxPixels, skipUnreadable, onWarning: note })
  }
  const train = epochs > 0 || !evaluate ? await open('train') : null
  const test = evaluate ? await open('test') : null
  const { classes } = (train ?? test)!
  if (train && test) sameClasses(test, partName(data, 'test'), classes, partName(data, 'train'))
  const card: ModelCard = { ...known, classes }
  return withEngine(settings, on, async (engine) => {
    const { imageSize } = card
    const { checkpointActivations } = settings
    const model = createModel(card.model, { numClasses: classes.length, imageSize, checkpointActivations })
    const weights = load(model, checkpoint, local, known.classes !== null)
    const { trained, total } = chooseTrainable(model, card.model, settings.trainable)
    on?.({ kind: 'model', model: card.model, imageSize, weights, trained, parameters: total })
    const pool = new DecodePool(workers, { maxPixels, onWarning: note })
    try {
      let loss = NaN
      if (train && epochs > 0) {
        const common = Object.keys(LEARNING_SETTINGS).map((name) => [name, settings[name as keyof typeof settings]])
        const all = { ...Object.fromEntries(common), data: '.', model: card.model, epochs }
        const learning = learningOptions(
          { engine, settings: parseSettings(TRAIN_SETTINGS, all), splits: { train } },
          model,
          pool,
        )
        const parameters = model.parameters().filter((p) => p.requiresGrad)
        const proximal = settings.prox > 0 ? new Proximal(parameters, settings.prox) : null
        const pulled = (all: readonly Tensor[]) => {
          proximal?.addGradient()
          learning.beforeUpdate?.(all)
        }
        const { history, stopped } = await new Trainer({
          ...learning,
          beforeUpdate: proximal ? pulled : learning.beforeUpdate,
          signal,
          onProgress: (progress) => on?.({ kind: 'progress', ...progress }),
          onEpoch: (row, best) => on?.({ kind: 'epoch', row, epochs, best }),
        }).fit()
        if (stopped === 'aborted') return null
        loss = history.at(-1)!.trainLoss
      }
      const outputs = test && (await outputsOf(engine, model, test, { workers: pool, signal, on }))
      if (signal?.aborted) return null
      const metrics = outputs && measured(outputs)
      const result: RoundResult = {
        numExamples: epochs > 0 ? train!.samples.length : (metrics?.n ?? train!.samples.length),
        loss: epochs > 0 ? loss : (metrics?.loss ?? NaN),
        metrics,
        seconds: (performance.now() - start) / 1000,
      }
      return { result, ...filesOf(model, await model.stateDict(), card, options.batchNorm !== undefined) }
    } finally {
      await pool.close()
    }
  })
}

const measured = (outputs: Outputs) => ({ ...computeMetrics(outputs), loss: crossEntropy(outputs) })

/** What the weights say that they are of, else what the settings say; classes are then those of the folders. */
function cardOf(
  checkpoint: Checkpoint,
  { model, imageSize, resizeSize }: Pick<RoundSettings, 'model' | 'imageSize' | 'resizeSize'>,
): Omit<ModelCard, 'classes'> & { classes: ModelCard['classes'] | null } {
  const { source, metadata } = checkpoint
  const says = metadata.model !== undefined
  if (!says && model === 'auto')
    throw new SettingError('model', `must be given for ${source}, which does not say what it is of, got auto`)
  const own = says ? modelCardOf(checkpoint) : null
  if (own && model !== 'auto' && model !== own.model)
    throw new SettingError('model', `must be that of ${source}, ${own.model}, got ${model}`)
  const name = own?.model ?? model
  const usual = own ?? preprocessingOf(name, checkpoint)
  const card = {
    model: name,
    classes: own?.classes ?? null,
    imageSize: imageSize ?? usual.imageSize,
    mean: usual.mean,
    std: usual.std,
    resizeSize: resizeSize ?? own?.resizeSize,
  }
  if (card.resizeSize !== undefined && card.resizeSize < card.imageSize) {
    const rule = `must be ${card.imageSize} or more, as the images' size, got ${card.resizeSize}`
    throw new SettingError('resizeSize', rule)
  }
  return card
}

/** Puts the weights into the model: all of it where they say what they are of, else what fits. */
function load(model: Classifier, checkpoint: Checkpoint, local: Checkpoint | null, strict: boolean): WeightsReport {
  const whole = { ...checkpoint, tensors: new Map([...checkpoint.tensors, ...(local?.tensors ?? [])]) }
  const report = loadInto(model, whole)
  const absent = report.missing[0] ?? report.reinitialised[0]
  check(
    !strict || absent === undefined,
    () => `${checkpoint.source}: must have all weights of the model, got no ${absent} that fits`,
  )
  return report
}

/** The weights that leave and, where BatchNorm stays, those that do not. */
function filesOf(model: Classifier, state: StateDict, card: ModelCard, apart: boolean) {
  const norms = [...model.namedModules()].flatMap(([name, module]) =>
    module instanceof BatchNorm2d ? [...module.state(`${name}.`)] : [],
  )
  const stays = new Set(apart ? norms.map(({ name }) => name) : [])
  const part = (local: boolean): StateDict => new Map([...state].filter(([name]) => stays.has(name) === local))
  return {
    weights: safetensorsBytes(part(false), { metadata: toMetadata(card, {}) }),
    batchNorm: apart ? safetensorsBytes(part(true)) : null,
  }
}
