// What is done with a trained model: measuring it on labelled images, saying what it sees in others, and fitting its
// operating point anew.
import { sharpVersion } from '#platform/sharp'
import { checkDataset } from '../data/checkFiles.js'
import { DataLoader } from '../data/dataLoader.js'
import { DecodePool, type DecodePoolOptions } from '../data/decodePool.js'
import type { Dataset } from '../data/imageFolder.js'
import { findPatients } from '../data/patients.js'
import type { Pipeline } from '../data/transforms.js'
import type { Engine } from '../engine/index.js'
import type { Classifier } from '../models/registry.js'
import type { Evaluation } from '../train/evaluation.js'
import { Evaluator } from '../train/evaluator.js'
import type { Outputs } from '../train/metrics.js'
import { UNFITTED, fitOperatingPoint, readOutputs } from '../train/operatingPoint.js'
import { RadiogradError, SettingError, SizeError } from '../util/check.js'
import { safetensorsBytes } from '../weights/safetensors.js'
import { type CheckpointSource, type ModelCard, readCheckpoint, readModel, toMetadata } from './card.js'
import { EVALUATION_BATCH, type Listener, withEngine } from './session.js'
import type { CalibrateSettings, EvaluateSettings, MachineSettings } from './settingTables.js'
import {
  type DataSource,
  classCounts,
  openPart,
  openSplits,
  partName,
  pipeline,
  readableSplits,
  sameClasses,
} from './splits.js'
import { checkOptions } from '../util/options.js'

/** Options of {@link evaluateRun}. */
export interface EvaluateRunOptions {
  /** `best.safetensors` of a training run. */
  checkpoint: CheckpointSource
  /** A data set whose test/ has a folder of images per class. */
  data: DataSource
  /** What messages call the checkpoint; its path where it is one. */
  name?: string
  /** Ends the run after the current step. */
  signal?: AbortSignal
  /** Gets what happens. */
  on?: Listener
}

const EVALUATE_OPTIONS: readonly (keyof EvaluateRunOptions)[] = ['checkpoint', 'data', 'name', 'signal', 'on']

/** What is looked for in the data set; which folder and file it is, the options say. */
type Looked<T> = Omit<T, 'data' | 'checkpoint'>
type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>

/**
 * What a checkpoint is worth on a data set's test folder, at its operating point, with intervals; null when stopped by
 * the signal. An engine is opened for it and closed at the end. Events: `note`, `adapter`, `test`, `progress`.
 *
 * @throws RadiogradError when checkpoint or folder cannot be read or their classes differ.
 */
export async function evaluateRun(
  settings: Looked<Optional<EvaluateSettings, 'tta' | 'decoder'>>,
  options: EvaluateRunOptions,
): Promise<Evaluation | null> {
  checkOptions('evaluateRun', options, EVALUATE_OPTIONS)
  const { checkpoint, data, name = nameOf(checkpoint), signal, on } = options
  const { workers, maxPixels, skipUnreadable, tta = 'none' } = settings
  const { card, build } = await readModel(checkpoint)
  const note = (text: string) => on?.({ kind: 'note', text })
  const folder = openPart(data, 'test', pipeline(card))
  sameClasses(folder, partName(data, 'test'), card.classes, name)
  folder.notes.forEach(note)
  const test = await checkDataset(folder, { workers, maxPixels, skipUnreadable, onWarning: note })
  const patients = findPatients(test.samples, settings.patientPattern).of
  return withEngine(settings, on, async (engine) => {
    on?.({ kind: 'test', card, images: classCounts(test) })
    const views = tta === 'none' ? [test.transform] : (await import('./views.js')).viewsOf(card, tta)
    const outputs = await outputsOf(engine, build(), test, { ...settings, card, views, signal, on })
    const { evaluateOutputs } = await import('../train/evaluation.js') // a page that only predicts does not load it
    return outputs && evaluateOutputs(outputs, patients, card.operatingPoint ?? UNFITTED)
  })
}

/** Options of {@link calibrateRun}. */
export interface CalibrateRunOptions extends EvaluateRunOptions {
  /** The folder that the checkpoint was trained on. */
  data: DataSource
}

/**
 * Fits a checkpoint's temperature and threshold anew, on the images that its training kept for validation, and gives
 * the checkpoint's bytes with them; null when stopped by the signal. An engine is opened for it and closed at the end.
 * Events: `note`, `adapter`, `calibrate`, `progress`.
 *
 * @throws RadiogradError when checkpoint or folder cannot be read, their classes differ, or there is no validation.
 */
export async function calibrateRun(
  settings: Looked<Optional<CalibrateSettings, 'decoder'>>,
  options: CalibrateRunOptions,
): Promise<{ card: ModelCard; bytes: Uint8Array<ArrayBuffer> } | null> {
  checkOptions('calibrateRun', options, EVALUATE_OPTIONS)
  const { checkpoint: source, data, name = nameOf(source), signal, on } = options
  const checkpoint = await readCheckpoint(source)
  const { metadata, tensors } = checkpoint
  const { card, build } = await readModel(checkpoint)
  const { imageSize, mean, std, resizeSize } = card
  const { valSplit = number(metadata.valSplit), patientPattern = metadata.patientPattern } = settings
  if (valSplit === undefined)
    throw new SettingError('valSplit', `must be given for ${name}, which does not say how it was trained, got nothing`)
  const split = { valSplit, patientPattern, limit: number(metadata.limit), seed: number(metadata.seed) ?? 0 }
  const note = (text: string) => on?.({ kind: 'note', text })
  const found = openSplits(data, { imageSize, mean, std, resizeSize, augment: 'none', ...split })
  sameClasses(found.train, partName(data, 'train'), card.classes, name)
  found.notes.forEach(note)
  const { validation, validationFrom } = await readableSplits(found, settings, note)
  if (!validation) throw new SettingError('data', `must have val/ with valSplit 0, got none in ${partName(data, '')}`)
  return withEngine(settings, on, async (engine) => {
    on?.({ kind: 'calibrate', card, images: classCounts(validation), from: validationFrom })
    const outputs = await outputsOf(engine, build(), validation, { ...settings, card, signal, on })
    if (!outputs) return null
    const fitted = { ...card, operatingPoint: fitOperatingPoint(outputs, settings.sensitivity) }
    return { card: fitted, bytes: safetensorsBytes(tensors, { metadata: { ...metadata, ...toMetadata(fitted, {}) } }) }
  })
}

const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))

/** What a model sees in one image. */
export interface Prediction {
  /** Its path, or the name of a picked file. */
  file: string
  /** The class that is called: the second of two from the checkpoint's threshold on, else the most probable. */
  class: string
  /** Of that class, at the checkpoint's temperature. */
  probability: number
  /** Of each class. */
  probabilities: Record<string, number>
  /** From which probability on the second of two classes is called; null: the most probable class is. */
  threshold: number | null
}

/** Options of {@link predictRun}. */
export interface PredictRunOptions {
  /** `best.safetensors` of a training run. */
  checkpoint: CheckpointSource
  /** JPEG or PNG files. */
  images: readonly (string | File)[]
  /** Ends the run after the current step. */
  signal?: AbortSignal
  /** Gets what happens. */
  on?: Listener
}

/**
 * What a checkpoint sees in images, in their order; null when stopped by the signal. An engine is opened for it and
 * closed at the end. Events: `adapter`, `note`, `predict`, `progress`.
 *
 * @throws RadiogradError when the checkpoint or an image cannot be read.
 */
export async function predictRun(
  settings: MachineSettings & Pick<DecodePoolOptions, 'decoder'>,
  options: PredictRunOptions,
): Promise<Prediction[] | null> {
  checkOptions('predictRun', options, ['checkpoint', 'images', 'signal', 'on'])
  const { checkpoint, images, signal, on } = options
  const { card, build } = await readModel(checkpoint)
  const { classes, operatingPoint = UNFITTED } = card
  // The label is unknown; 0 stands for it and is not looked at.
  const samples = images.map((file) => ({ path: typeof file === 'string' ? file : file.name, file, label: 0 }))
  return withEngine(settings, on, async (engine) => {
    on?.({ kind: 'predict', card })
    const set = { samples, classes, transform: pipeline(card) }
    const outputs = await outputsOf(engine, build(), set, { ...settings, card, signal, on })
    if (!outputs) return null
    const { rows, called } = readOutputs(outputs, operatingPoint)
    const { threshold } = operatingPoint
    return samples.map(({ path }, i) => {
      const each = Object.fromEntries(classes.map((name, c) => [name, rows[i * classes.length + c]]))
      const chosen = classes[called[i]]
      return { file: path, class: chosen, probability: each[chosen], probabilities: each, threshold }
    })
  })
}

const nameOf = (source: CheckpointSource): string =>
  typeof source === 'string' || source instanceof URL ? String(source) : 'the checkpoint'

/**
 * Images per batch for evaluating a model on a set.
 * @throws RadiogradError when the adapter has no room for one image.
 */
export async function evaluationBatch(evaluator: Evaluator, dataset: Dataset): Promise<number> {
  try {
    return await evaluator.batchThatFits({ dataset, batchSize: EVALUATION_BATCH })
  } catch (error) {
    if (!(error instanceof SizeError)) throw error
    throw new RadiogradError(`evaluation: one image must fit this adapter, got ${error.message}`)
  }
}

interface OutputOptions {
  /** What each image goes through, once for each view, whose logits are averaged; by default the set's own. */
  views?: readonly Pipeline[]
  workers?: number | DecodePool
  maxPixels?: number
  decoder?: DecodePoolOptions['decoder']
  /** Of the model: whether its training had another decoder is said. */
  card?: ModelCard
  signal?: AbortSignal
  on?: Listener
}

/** Logits of a model for every image of a set; null when stopped by the signal. */
export async function outputsOf(
  engine: Engine,
  model: Classifier,
  set: Dataset,
  options: OutputOptions,
): Promise<Outputs | null> {
  const { workers, maxPixels, decoder = 'own', card, signal, on, views = [set.transform] } = options
  if (decoder === 'sharp') await sharpVersion() // refused where it is not there
  const trained = card?.decoder ?? decoder
  if (trained !== decoder)
    on?.({
      kind: 'note',
      text: `in training ${trained} decoded the images, now ${decoder}: grays may differ by a level`,
    })
  const onWarning = on && ((text: string) => on({ kind: 'note', text }))
  const pool = workers instanceof DecodePool ? workers : new DecodePool(workers, { maxPixels, decoder, onWarning })
  const evaluator = new Evaluator(engine, model)
  const total = set.samples.length
  const start = performance.now()
  let loader: DataLoader | undefined
  try {
    const seen = { ...set, transform: views[0] }
    const batchSize = await evaluationBatch(evaluator, seen)
    // Of several views each image is decoded once; they share what is done before the GPU.
    loader = new DataLoader(seen, { batchSize, workers: pool, ...(views.length === 1 && { cacheBytes: 0 }) })
    const all: Outputs[] = []
    for (const view of views) {
      seen.transform = view
      const own = await evaluator.run(loader, {
        signal,
        onStep: (images) => {
          const done = all.length * total + images
          const imagesPerSecond = (done * 1000) / (performance.now() - start)
          on?.({ kind: 'progress', phase: 'test', images, total, imagesPerSecond })
        },
      })
      if (!own) return null
      all.push(own)
    }
    const mean = (_: number, i: number) => all.reduce((sum, { logits }) => sum + logits[i], 0) / all.length
    return { ...all[0], logits: Float32Array.from(all[0].logits, mean) }
  } finally {
    evaluator.dispose()
    await loader?.close()
    if (pool !== workers) await pool.close()
  }
}
