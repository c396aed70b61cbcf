// One training run on an open engine: training, its files, its test. What it trains on is found by run.ts.
import { DataLoader } from '../data/dataLoader.js'
import { DecodePool } from '../data/decodePool.js'
import type { Dataset } from '../data/imageFolder.js'
import { computeClassWeight, oversample } from '../data/split.js'
import type { Engine } from '../engine/index.js'
import { type Classifier, createModel } from '../models/registry.js'
import { BatchNorm2d } from '../nn/layers.js'
import type { StateDict } from '../nn/module.js'
import * as optim from '../optim/index.js'
import { type Evaluation, evaluateOutputs } from '../train/evaluation.js'
import { Evaluator } from '../train/evaluator.js'
import { type HistoryRow, historyCsv } from '../train/history.js'
import { epochEvents } from '../train/tensorboard.js'
import { type CachedTrunk, cacheTrunk } from '../train/cacheTrunk.js'
import { type TrainResult, Trainer, type TrainerOptions } from '../train/loop.js'
import type { Team } from '../train/group.js'
import type { Outputs } from '../train/metrics.js'
import { type OperatingPoint, UNFITTED, fitOperatingPoint } from '../train/operatingPoint.js'
import type { TrainerState } from '../train/state.js'
import type { Checkpoint } from '../weights/load.js'
import { safetensorsParts } from '../weights/safetensors.js'
import { SettingError } from '../util/check.js'
import type { Late } from '../util/late.js'
import { type ModelCard, modelCardOf, toMetadata } from './card.js'
import { evaluationBatch, outputsOf } from './evaluate.js'
import { modelCardText } from './modelCard.js'
import { predictionsCsv } from './predictions.js'
import { createOptimizer } from './optimizers.js'
import { digest } from './pack.js'
import { type RunRecord, type WeightsReport, loadInto, recordOf } from './record.js'
import type { ResumedAt, Saved, Saves, Surroundings } from './resume.js'
import type { Listener } from './session.js'
import type { TrainSettings } from './settingTables.js'
import { type DataSource, type Splits, classCounts, patientsOf, within } from './splits.js'
import { type Store, writeJson, writeText } from './store.js'
import type { TrainOutcome, TrainRunOptions } from './train.js'
import { chooseTrainable } from './trainable.js'

export interface RunParts {
  engine: Engine
  settings: TrainSettings
  card: ModelCard
  splits: Splits
  /** Of the splits, see imageList. */
  images: Uint8Array
  /** Weights to start from; they are forgotten once the model has them. */
  checkpoint: Checkpoint | null
  /** The run to go on with. */
  saved: Saved | null
  saves: Saves
  store: Store
  options: Pick<TrainRunOptions, 'signal' | 'finish' | 'on' | 'versions'> & { group?: Team }
  /** Where the images come from. */
  data: DataSource
}

/** Trains, tests, and writes what there is to write. */
export async function run(parts: RunParts): Promise<TrainOutcome> {
  const { engine, settings, card, splits, checkpoint, saved, options } = parts
  const { signal, finish, on, group } = options
  const model = createModel(settings.model, {
    numClasses: card.classes.length,
    imageSize: card.imageSize,
    checkpointActivations: settings.checkpointActivations,
  })
  const weights = saved?.run.training ? saved.run.weights : checkpoint && loadInto(model, checkpoint)
  checkpoint?.tensors.clear() // as large as the model
  if (group) engine.seed = settings.seed + 7919 * group.rank // dropout draws for each process anew
  if (settings.syncBatchNorm) await synchronise(model, settings, group, on)
  const { trained, total } = chooseTrainable(model, settings.model, settings.trainable)
  const files = new RunFiles(parts, weights)
  const onWarning = (text: string) => on?.({ kind: 'note', text })
  const { imageCache: dir, imageCacheLimit, maxPixels, decoder } = settings
  const imageCache = dir === undefined ? undefined : { dir, bytes: imageCacheLimit * 2 ** 30 }
  const pool = new DecodePool(settings.workers, { maxPixels, imageCache, decoder, onWarning })
  let trunk: CachedTrunk | undefined
  try {
    const evaluationSize = await plannedEvaluation(parts, model)
    let how = trainerOptions(parts, model, pool, files, evaluationSize)
    if (settings.cacheTrunk !== undefined && !settings.dryRun) {
      trunk = await cacheTrunk(how, { bytes: settings.cacheTrunk * 2 ** 30 })
      how = trunk.options
    }
    const trainer = new Trainer(how)
    tellBeginning(parts, { weights, trained, parameters: total })
    if (settings.dryRun) {
      await trainer.prepare()
      on?.({ kind: 'memory', memory: engine.memory() })
      return { record: null, metrics: null }
    }
    await files.restoreBest()
    const result = await trainer.fit(...takeState(saved))
    if (trunk) {
      const { rows, bytes, onDisk } = trunk.kept
      const mebibytes = Math.ceil(bytes / 2 ** 20)
      onWarning(
        `the frozen layers were computed once for ${rows} views of images, ${onDisk} of them kept on the disk: ` +
          `${mebibytes} MiB`,
      )
      await trunk.close()
      trunk = undefined
    }
    const record = result.history.length ? await files.finishTraining(result) : null
    const stopped = (why: 'early' | 'aborted') => on?.({ kind: 'stopped', why, bestEpoch: result.best?.epoch ?? null })
    if (result.stopped !== 'completed') stopped(result.stopped)
    const enough = finish?.aborted && !signal?.aborted && result.best
    if (result.stopped === 'aborted' && !enough) return { record, metrics: null }

    const own = await outputsOf(engine, model, group?.partOf(splits.test) ?? splits.test, { workers: pool, signal, on })
    const outputs = group ? await group.outputs(own) : own
    if (!outputs) {
      stopped('aborted')
      return { record, metrics: null }
    }
    const patients = patientsOf(splits.test, settings)
    const metrics = evaluateOutputs(outputs, patients, files.operatingPoint)
    const last = await files.finish(result, metrics, predictionsOf(parts, outputs, patients, files.operatingPoint))
    on?.({ kind: 'metrics', metrics, classes: card.classes, bestEpoch: last.bestEpoch! })
    on?.({ kind: 'done', record: last, metrics })
    return { record: last, metrics }
  } finally {
    await trunk?.close()
    await pool.close()
  }
}

/** What to go on from, if anything; nobody else holds its arrays then, which are as large as a model or three. */
function takeState(saved: Saved | null): Parameters<Trainer['fit']> {
  if (!saved?.run.training) return []
  const { training } = saved.run
  saved.run.training = null
  return [training, saved.best?.state]
}

/** Has BatchNorm see the batches of all processes; says so where there are no others. */
async function synchronise(
  model: Classifier,
  { model: name, gradAccumulation }: TrainSettings,
  group: Team | undefined,
  on: Listener | undefined,
): Promise<void> {
  const refused = (rule: string, got: unknown) => new SettingError('syncBatchNorm', `${rule}, got ${got}`)
  if (gradAccumulation > 1) throw refused('takes batches that are computed in one part', gradAccumulation)
  if (![...model.modules()].some((module) => module instanceof BatchNorm2d))
    throw refused('takes a model with BatchNorm', name)
  if (group) {
    // Late, as a page never has a group.
    const { convertSyncBatchNorm } = await import('../nn/syncBatchNorm.js')
    convertSyncBatchNorm(model, group.reduce)
  } else on?.({ kind: 'note', text: 'syncBatchNorm changes nothing: one process trains alone, and sees whole batches' })
}

function predictionsOf(
  { splits: { test }, data }: RunParts,
  outputs: Outputs,
  patients: readonly string[],
  point: OperatingPoint,
): string {
  const names = test.samples.map(({ path }) => within(path, data))
  return predictionsCsv(test, names, patients, outputs, point)
}

/** Images per batch for all evaluations of the run. What cannot be evaluated is refused before it is trained. */
async function plannedEvaluation(
  { engine, splits: { validation, test } }: RunParts,
  model: Classifier,
): Promise<number> {
  const evaluator = new Evaluator(engine, model)
  const most = validation && validation.samples.length > test.samples.length ? validation : test
  try {
    return await evaluationBatch(evaluator, most)
  } finally {
    evaluator.dispose()
  }
}

/** What is known before the first step. */
function tellBeginning(
  { engine, settings, card, splits, saved, options: { on, versions } }: RunParts,
  model: { weights: WeightsReport | null; trained: number; parameters: number },
): void {
  if (saved?.run.training) {
    const { epoch, batches } = saved.run.training.position
    const [was, is] = [saved.run.surroundings, surroundingsOf(engine, versions)]
    const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => was[name] !== is[name])
    const changed = names.map((name) => ({ name, was: was[name] ?? 'none', is: is[name] ?? 'none' }))
    on?.({ kind: 'resumed', epoch, epochs: settings.epochs, batches, changed, broken: saved.broken })
  }
  const [train, test] = [classCounts(splits.train), classCounts(splits.test)]
  const validation = splits.validation && classCounts(splits.validation)
  on?.({ kind: 'data', classes: card.classes, train, validation, validationFrom: splits.validationFrom, test })
  on?.({ kind: 'model', model: settings.model, imageSize: card.imageSize, ...model })
}

/** The settings as the training loop takes them, but for files and what steers. */
export function learningOptions(
  {
    engine,
    settings,
    splits,
    group,
  }: Pick<RunParts, 'engine' | 'settings'> & { splits: Pick<Splits, 'train'>; group?: Team },
  model: Classifier,
  workers: DecodePool,
): TrainerOptions {
  const { batchSize, seed, epochs, clipGrad } = settings
  const learnt = settings.balance === 'oversample' ? oversample(splits.train, seed) : splits.train
  const count = learnt.samples.length
  const processes = group?.size ?? 1
  // A last batch of one image (for each process) has no batch statistics worth the name; PyTorch refuses it.
  const left = count % batchSize
  const dropLast = settings.dropLast || (batchSize > processes && left > 0 && left < 2 * processes)
  if (count < batchSize && dropLast)
    throw new SettingError('batchSize', `must be at most the ${count} training images with dropLast, got ${batchSize}`)
  const train = new DataLoader(learnt, { batchSize, shuffle: true, seed, workers, dropLast, group })
  return {
    engine,
    model,
    optimizer: createOptimizer(model, settings),
    train,
    group,
    epochs,
    schedule: scheduleOf(settings, train.length),
    beforeUpdate: clipGrad === undefined ? undefined : (parameters) => optim.clipGradNorm(parameters, clipGrad),
    ema: settings.ema === undefined ? undefined : new optim.ModelEma(model, settings.ema),
    patience: settings.patience || Infinity,
    classWeight: settings.balance === 'weights' ? classWeightOf(splits.train) : undefined,
    labelSmoothing: settings.labelSmoothing,
    freezeBatchNorm: settings.freezeBatchNorm,
    gradAccumulation: settings.gradAccumulation,
    precision: settings.precision,
  }
}

/** All that the training loop takes. */
function trainerOptions(
  parts: RunParts,
  model: Classifier,
  workers: DecodePool,
  files: RunFiles,
  evaluationSize: number,
): TrainerOptions {
  const { settings, splits, options } = parts
  const { signal, finish, on, group } = options
  const { epochs } = settings
  const partOf = (set: Dataset) => group?.partOf(set) ?? set
  return {
    ...learningOptions({ ...parts, group }, model, workers),
    validation: splits.validation
      ? new DataLoader(partOf(steering(splits.validation, settings)), { batchSize: evaluationSize, workers })
      : undefined,
    saveEvery: 60_000 * settings.saveEvery,
    signal: eitherOf(signal, finish),
    onProgress: (progress) => on?.({ kind: 'progress', ...progress }),
    onBest: (state, row, validation) => files.writeBest(state, row, validation),
    onEpoch: async (row, best) => {
      await files.writeHistory(row)
      on?.({ kind: 'epoch', row, epochs, best })
    },
    onSave: (state) => files.save(state),
  }
}

/** A signal that follows both. */
function eitherOf(a?: AbortSignal, b?: AbortSignal): AbortSignal | undefined {
  return a && b ? AbortSignal.any([a, b]) : (a ?? b)
}

function classWeightOf({ samples, classes }: Dataset): Float32Array {
  return computeClassWeight(
    'balanced',
    samples.map((s) => s.label),
    classes.length,
  )
}

/** What is validated on: with `dropLast` as many images as fill batches, if one is full. */
function steering(validation: Dataset, { dropLast, batchSize }: TrainSettings): Dataset {
  const full = validation.samples.length - (validation.samples.length % batchSize)
  return dropLast && full > 0 ? { ...validation, samples: validation.samples.slice(0, full) } : validation
}

/** The learning rate by the step; undefined where it stays. */
function scheduleOf({ schedule, lr, epochs, warmup, plateauPatience: patience }: TrainSettings, steps: number) {
  const [all, warm] = [epochs * steps, Math.round(warmup * steps)]
  switch (schedule) {
    case 'constant':
      return warm ? optim.warmUp(lr, warm) : undefined
    case 'cosine':
      return optim.cosine(lr, all, { warmup: warm })
    case 'one-cycle':
      return optim.oneCycle(lr, all, warm ? { pctStart: Math.min(1, warm / all) } : {})
    case 'plateau':
      return optim.warmUp(lr, warm, optim.reduceOnPlateau(lr, { patience }))
  }
}

function surroundingsOf({ adapterName, adapterKind }: Engine, versions: Surroundings = {}): Surroundings {
  return { adapter: `${adapterName} (${adapterKind})`, ...versions }
}

/** Files for TensorBoard; it takes any whose name holds `tfevents`, in the order of their names. */
const EVENTS = 'events.out.tfevents'

/** What an earlier run in the same store has said of its own results. */
const TABLES = ['history.csv', 'metrics.json', 'predictions.csv', 'run.json', 'MODEL_CARD.md']

/** The files of a run: its results, and what it takes to go on with it. */
class RunFiles {
  private readonly start = performance.now()
  private readonly history: HistoryRow[]
  private readonly resumed: readonly ResumedAt[]
  private best: { state: StateDict; epoch: number; operatingPoint?: OperatingPoint } | null = null
  /** Whether the tables in the store are this run's. */
  private ownTables: boolean

  constructor(
    private readonly parts: RunParts,
    private readonly weights: WeightsReport | null,
  ) {
    const { saved, engine, options } = parts
    const position = saved?.run.training?.position
    const surroundings = surroundingsOf(engine, options.versions)
    this.history = [...(position?.history ?? [])]
    this.ownTables = this.history.length > 0
    if (saved?.best) {
      const { state, metadata } = saved.best
      const { operatingPoint } = modelCardOf({ metadata, source: parts.store.name })
      this.best = { state, epoch: position!.bestEpoch!, operatingPoint }
    }
    const here = position ? [{ epoch: position.epoch, batches: position.batches, surroundings }] : []
    this.resumed = [...(saved?.run.resumed ?? []), ...here]
  }

  /** Of the best epoch. */
  get operatingPoint(): OperatingPoint {
    return this.best?.operatingPoint ?? UNFITTED
  }

  /** Killed between two writes, a run may have left a best that is newer than its state. */
  async restoreBest(): Promise<void> {
    if (!this.best) return
    const there = await this.parts.store.read('best.safetensors')
    const parts = this.bestFile()
    if (!there || (await digest([there])) !== (await digest(parts))) await this.writeBestFile(parts)
  }

  writeBest(state: StateDict, { epoch }: HistoryRow, validation: Outputs | null): Promise<void> {
    const { sensitivity } = this.parts.settings
    this.best = { state, epoch, operatingPoint: validation ? fitOperatingPoint(validation, sensitivity) : undefined }
    return this.writeBestFile(this.bestFile())
  }

  async writeHistory(row: HistoryRow): Promise<void> {
    this.history.push(row)
    await this.clear()
    const { store, settings } = this.parts
    await writeText(store, 'history.csv', historyCsv(this.history))
    // A file an epoch: one that is written again after a kill has the same name, and TensorBoard sees new files alone.
    if (settings.tensorboard) await store.write(`${EVENTS}.${String(row.epoch).padStart(5, '0')}`, epochEvents(row))
  }

  /** Saves what it takes to go on with the run. */
  async save(training: Late<TrainerState>): Promise<void> {
    const { settings, card, images, engine, options } = this.parts
    const surroundings = surroundingsOf(engine, options.versions)
    const { weights, resumed } = this
    const seconds = this.seconds()
    const saved = { settings, card, images, weights, surroundings, seconds, resumed, training }
    await this.parts.saves.save(saved, () => this.bestFile())
  }

  /** The record of a run that is trained, or that is stopped. */
  async finishTraining(result: TrainResult): Promise<RunRecord> {
    const { store, engine, settings, card, splits, options } = this.parts
    const { weights, resumed } = this
    // Somebody may have deleted the folder meanwhile.
    if (!(await store.list()).includes('best.safetensors')) await this.writeBestFile(this.bestFile())
    await this.clear()
    await writeText(store, 'history.csv', historyCsv(result.history))
    const facts = { settings, card, splits, weights, resumed, versions: options.versions ?? {} }
    const record = recordOf(facts, engine, result, this.seconds())
    await writeJson(store, 'run.json', record)
    return record
  }

  /** Nothing is left to do. */
  async finish(result: TrainResult, metrics: Evaluation, predictions: string): Promise<RunRecord> {
    await writeText(this.parts.store, 'predictions.csv', predictions)
    await writeJson(this.parts.store, 'metrics.json', metrics)
    const record = await this.finishTraining(result)
    await writeText(this.parts.store, 'MODEL_CARD.md', modelCardText(record, metrics))
    await this.parts.saves.remove()
    return record
  }

  /** In parts. */
  private bestFile(): Uint8Array[] {
    const { state, epoch, operatingPoint } = this.best!
    const { card, settings } = this.parts
    const { seed, valSplit, patientPattern, limit } = settings
    const how = { seed, epoch, valSplit, patientPattern, limit }
    return safetensorsParts(state, { metadata: toMetadata({ ...card, operatingPoint }, how) })
  }

  private async writeBestFile(parts: readonly Uint8Array[]): Promise<void> {
    await this.clear()
    await this.parts.store.write('best.safetensors', parts)
  }

  /** Removes what an earlier run has said of its own results, before this one says something. */
  private async clear(): Promise<void> {
    const { store } = this.parts
    if (!this.ownTables) {
      const old = (await store.list()).filter((name) => TABLES.includes(name) || name.startsWith(EVENTS))
      for (const name of old) await store.remove(name)
    }
    this.ownTables = true
  }

  private seconds(): number {
    const before = this.parts.saved?.run.seconds ?? 0
    return before + Math.round(performance.now() - this.start) / 1000
  }
}
