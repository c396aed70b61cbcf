// A training run: settings and sources in, events and files out. Prints nothing and knows no folder: a command line, a
// page and a report start it alike.
import { DataLoader } from '../data/dataLoader.js'
import { DecodePool } from '../data/decodePool.js'
import type { Dataset } from '../data/imageFolder.js'
import { computeClassWeight } from '../data/split.js'
import { createModel, preprocessingOf } from '../models/registry.js'
import * as optim from '../optim/index.js'
import type { Tensor } from '../tensor/tensor.js'
import { historyCsv } from '../train/history.js'
import { type Metrics, computeMetrics } from '../train/metrics.js'
import { Trainer } from '../train/loop.js'
import { safetensorsBytes } from '../weights/safetensors.js'
import { type CheckpointSource, type ModelCard, readCheckpoint, toMetadata } from './card.js'
import { EVALUATION_BATCH, outputsOf } from './evaluate.js'
import { type RunFacts, type RunRecord, loadInto, recordOf } from './record.js'
import { type Listener, withEngine } from './session.js'
import type { TrainSettings } from './settings.js'
import { type DataSource, classCounts, openSplits, readableSplits } from './splits.js'
import { type Store, writeJson, writeText } from './store.js'
import { chooseTrainable } from './trainable.js'

export interface TrainRunOptions {
  /** Where `best.safetensors`, `history.csv`, `metrics.json` and `run.json` go. */
  store: Store
  /** The images; what the settings name when left out. */
  data?: DataSource
  /** The weights to start from; what the settings name when left out. */
  weights?: CheckpointSource
  /** Ends the run after the current step. */
  signal?: AbortSignal
  on?: Listener
  /** Of the program that runs and what it runs on, for the record. */
  versions?: Record<string, string>
}

export interface TrainOutcome {
  /** As `run.json` has it; null after a dry run, and when no epoch was finished. */
  record: RunRecord | null
  /** On the test images, as `metrics.json` has it; null when the run was stopped before. */
  metrics: Metrics | null
}

/** What an earlier run in the same store has said of its own results. */
const TABLES = ['history.csv', 'metrics.json', 'run.json']

/**
 * Fine-tunes a model on a data set's train/, steered by its validation part, and tests the best epoch on test/. An
 * engine is opened for it and closed at the end. With the same settings, images, weights and adapter the files are the
 * same to the byte, but for times.
 *
 * @throws RadiogradError for everything that cannot be done with these settings or files; nothing is written before the
 * first epoch is finished.
 */
export async function trainRun(settings: TrainSettings, options: TrainRunOptions): Promise<TrainOutcome> {
  const start = performance.now()
  const { data = settings.data, weights = settings.weights, signal, on, versions = {} } = options
  const checkpoint = weights === undefined ? null : await readCheckpoint(weights)
  const { mean, std, imageSize: usual } = preprocessingOf(settings.model, checkpoint)
  const { imageSize = usual } = settings
  const note = (text: string) => on?.({ kind: 'note', text })
  const found = openSplits(data, { ...settings, imageSize, mean, std })
  found.notes.forEach(note)
  const splits = await readableSplits(found, settings, note)
  const { classes } = splits
  const card: ModelCard = { model: settings.model, classes, imageSize, mean, std }
  const store = cleared(options.store)

  return withEngine(settings, on, async (engine) => {
    const { checkpointActivations } = settings
    const model = createModel(settings.model, { numClasses: classes.length, imageSize, checkpointActivations })
    const loaded = checkpoint && loadInto(model, checkpoint)
    const { trained, total } = chooseTrainable(model, settings.model, settings.trainable)
    const pool = new DecodePool(settings.workers, { maxPixels: settings.maxPixels, onWarning: note })
    try {
      const load = (dataset: Dataset) => new DataLoader(dataset, { batchSize: EVALUATION_BATCH, workers: pool })
      const loader = trainLoader(splits.train, settings, pool)
      const trainer = new Trainer({
        engine,
        model,
        optimizer: createOptimizer(
          model.parameters().filter((p) => p.requiresGrad),
          settings,
        ),
        train: loader,
        validation: splits.validation ? load(splits.validation) : undefined,
        epochs: settings.epochs,
        schedule:
          settings.schedule === 'cosine' ? optim.cosine(settings.lr, settings.epochs * loader.length) : undefined,
        patience: settings.patience || Infinity,
        classWeight: settings.classWeights ? classWeightOf(splits.train) : undefined,
        freezeBatchNorm: settings.freezeBatchNorm,
        gradAccumulation: settings.gradAccumulation,
        precision: settings.precision,
        signal,
        onProgress: (progress) => on?.({ kind: 'progress', ...progress }),
        onBest: (state, { epoch }) => {
          const metadata = toMetadata(card, { seed: settings.seed, epoch })
          return store.write('best.safetensors', safetensorsBytes(state, { metadata }))
        },
        onEpoch: async (row, best) => {
          await writeText(store, 'history.csv', historyCsv(trainer.history))
          on?.({ kind: 'epoch', row, epochs: settings.epochs, best })
        },
      })
      const [train, test] = [classCounts(splits.train), classCounts(splits.test)]
      const validation = splits.validation && classCounts(splits.validation)
      on?.({ kind: 'data', classes, train, validation, validationFrom: splits.validationFrom, test })
      on?.({ kind: 'model', model: settings.model, imageSize, weights: loaded, trained, parameters: total })
      if (settings.dryRun) {
        await trainer.prepare()
        on?.({ kind: 'memory', memory: engine.memory() })
        return { record: null, metrics: null }
      }
      const facts: RunFacts = { settings, card, splits, weights: loaded, versions }
      const result = await trainer.fit()
      const bestEpoch = result.best?.epoch ?? null
      const written = async () => {
        await writeText(store, 'history.csv', historyCsv(result.history))
        const record = recordOf(facts, engine, result, Math.round(performance.now() - start) / 1000)
        await writeJson(store, 'run.json', record)
        return record
      }
      const unfinished = result.history.length ? await written() : null
      if (result.stopped !== 'completed') on?.({ kind: 'stopped', why: result.stopped, bestEpoch })
      if (result.stopped === 'aborted') return { record: unfinished, metrics: null }

      const outputs = await outputsOf(engine, model, splits.test, { workers: pool, signal, on })
      if (!outputs) return { record: unfinished, metrics: null }
      const metrics = computeMetrics(outputs)
      await writeJson(store, 'metrics.json', metrics)
      const record = await written()
      on?.({ kind: 'metrics', metrics, classes, bestEpoch: bestEpoch! })
      on?.({ kind: 'done', record, metrics })
      return { record, metrics }
    } finally {
      await pool.close()
    }
  })
}

/** Batches to learn from, in an order of their own each epoch. */
function trainLoader(set: Dataset, { batchSize, seed }: TrainSettings, workers: DecodePool): DataLoader {
  // A last batch of one image has no batch statistics worth the name; PyTorch refuses it.
  const dropLast = batchSize > 1 && set.samples.length % batchSize === 1
  return new DataLoader(set, { batchSize, shuffle: true, seed, workers, dropLast })
}

function classWeightOf({ samples, classes }: Dataset): Float32Array {
  return computeClassWeight(
    'balanced',
    samples.map((s) => s.label),
    classes.length,
  )
}

function createOptimizer(parameters: Tensor[], { optimizer, lr, weightDecay }: TrainSettings) {
  const options = { lr, ...(weightDecay === undefined ? {} : { weightDecay }) }
  switch (optimizer) {
    case 'adam':
      return new optim.Adam(parameters, options)
    case 'adamw':
      return new optim.AdamW(parameters, options)
    case 'sgd':
      return new optim.SGD(parameters, { ...options, momentum: 0.9 })
  }
}

/** A store that forgets what an earlier run has said of its own results as soon as this one writes something. */
function cleared(store: Store): Pick<Store, 'write'> {
  let started = false
  return {
    async write(name, bytes) {
      if (!started) for (const table of TABLES) await store.remove(table)
      started = true
      await store.write(name, bytes)
    },
  }
}
