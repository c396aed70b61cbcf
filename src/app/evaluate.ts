// What is done with a trained model: measuring it on labelled images, and saying what it sees in others.
import { checkDataset } from '../data/checkFiles.js'
import { DataLoader } from '../data/dataLoader.js'
import { DecodePool } from '../data/decodePool.js'
import type { Dataset } from '../data/imageFolder.js'
import type { Engine } from '../engine/index.js'
import type { Classifier } from '../models/registry.js'
import { Evaluator } from '../train/evaluator.js'
import { type Metrics, type Outputs, argmax, computeMetrics, probabilities } from '../train/metrics.js'
import { type CheckpointSource, readModel } from './card.js'
import { type Listener, withEngine } from './session.js'
import type { DatasetSettings, MachineSettings } from './settings.js'
import { type DataSource, classCounts, openPart, partName, pipeline, sameClasses } from './splits.js'

/** Images per batch wherever nothing is learned; the same everywhere, so that the same images give the same bits. */
export const EVALUATION_BATCH = 32

export interface EvaluateRunOptions {
  /** `best.safetensors` of a training run. */
  checkpoint: CheckpointSource
  /** A data set whose test/ has a folder of images per class. */
  data: DataSource
  /** What messages call the checkpoint; its path where it is one. */
  name?: string
  /** Ends the run after the current step. */
  signal?: AbortSignal
  on?: Listener
}

/**
 * The metrics of a checkpoint on a data set's test folder; null when stopped by the signal. An engine is opened for it
 * and closed at the end. Events: `note`, `adapter`, `test`, `progress`.
 *
 * @throws RadiogradError when checkpoint or folder cannot be read or their classes differ.
 */
export async function evaluateRun(
  settings: DatasetSettings,
  { checkpoint, data, name = nameOf(checkpoint), signal, on }: EvaluateRunOptions,
): Promise<Metrics | null> {
  const { card, build } = await readModel(checkpoint)
  const note = (text: string) => on?.({ kind: 'note', text })
  const folder = openPart(data, 'test', pipeline(card))
  sameClasses(folder, partName(data, 'test'), card.classes, name)
  folder.notes.forEach(note)
  const test = await checkDataset(folder, { ...settings, onWarning: note })
  return withEngine(settings, on, async (engine) => {
    on?.({ kind: 'test', card, images: classCounts(test) })
    const outputs = await outputsOf(engine, build(), test, { ...settings, signal, on })
    return outputs && computeMetrics(outputs)
  })
}

/** What a model sees in one image. */
export interface Prediction {
  /** Its path, or the name of a picked file. */
  file: string
  /** The most probable class. */
  class: string
  probability: number
  /** Of each class. */
  probabilities: Record<string, number>
}

export interface PredictRunOptions {
  /** `best.safetensors` of a training run. */
  checkpoint: CheckpointSource
  /** JPEG or PNG files. */
  images: readonly (string | File)[]
  /** Ends the run after the current step. */
  signal?: AbortSignal
  on?: Listener
}

/**
 * What a checkpoint sees in images, in their order; null when stopped by the signal. An engine is opened for it and
 * closed at the end. Events: `adapter`, `progress`.
 *
 * @throws RadiogradError when the checkpoint or an image cannot be read.
 */
export async function predictRun(
  settings: MachineSettings,
  { checkpoint, images, signal, on }: PredictRunOptions,
): Promise<Prediction[] | null> {
  const { card, build } = await readModel(checkpoint)
  const { classes } = card
  // The label is unknown; 0 stands for it and is not looked at.
  const samples = images.map((file) => ({ path: typeof file === 'string' ? file : file.name, file, label: 0 }))
  return withEngine(settings, on, async (engine) => {
    const set = { samples, classes, transform: pipeline(card) }
    const outputs = await outputsOf(engine, build(), set, { ...settings, signal, on })
    if (!outputs) return null
    const rows = probabilities(outputs.logits, classes.length)
    const best = argmax(rows, classes.length)
    return samples.map(({ path }, i) => {
      const each = Object.fromEntries(classes.map((name, c) => [name, rows[i * classes.length + c]]))
      const chosen = classes[best[i]]
      return { file: path, class: chosen, probability: each[chosen], probabilities: each }
    })
  })
}

const nameOf = (source: CheckpointSource): string =>
  typeof source === 'string' || source instanceof URL ? String(source) : 'the checkpoint'

/** Logits of a model for every image of a set; null when stopped by the signal. */
export async function outputsOf(
  engine: Engine,
  model: Classifier,
  set: Dataset,
  options: { workers?: number | DecodePool; maxPixels?: number; signal?: AbortSignal; on?: Listener },
): Promise<Outputs | null> {
  const { workers, maxPixels, signal, on } = options
  const onWarning = on && ((text: string) => on({ kind: 'note', text }))
  const pool = workers instanceof DecodePool ? workers : new DecodePool(workers, { maxPixels, onWarning })
  const loader = new DataLoader(set, { batchSize: EVALUATION_BATCH, workers: pool })
  const evaluator = new Evaluator(engine, model)
  const total = set.samples.length
  const start = performance.now()
  try {
    return await evaluator.run(loader, {
      signal,
      onStep: (images) => {
        const imagesPerSecond = (images * 1000) / (performance.now() - start)
        on?.({ kind: 'progress', phase: 'test', images, total, imagesPerSecond })
      },
    })
  } finally {
    evaluator.dispose()
    await loader.close()
    if (pool !== workers) await pool.close()
  }
}
