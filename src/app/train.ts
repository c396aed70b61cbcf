// Training runs: begun, and gone on with after they were stopped or killed. Settings and sources in, events and files
// out: prints nothing and knows no folder, so that a command line, a page and a report start them alike.
import { preprocessingOf } from '../models/registry.js'
import type { Metrics } from '../train/metrics.js'
import { RadiogradError, SettingError, check } from '../util/check.js'
import { type CheckpointSource, type ModelCard, readCheckpoint } from './card.js'
import type { RunRecord } from './record.js'
import { type Saved, type SavedRun, Saves, fingerprint, settingsToGoOn } from './resume.js'
import { run } from './run.js'
import { type Listener, withEngine } from './session.js'
import type { TrainSettings } from './settings.js'
import { type DataSource, openSplits, readableSplits } from './splits.js'
import type { Store } from './store.js'

export interface TrainRunOptions {
  /**
   * Where `best.safetensors`, `history.csv`, `metrics.json` and `run.json` go, and until the run is finished the
   * `*.resume` files that {@link resumeRun} goes on from.
   */
  store: Store
  /** The images; what the settings name when left out. */
  data?: DataSource
  /** The weights to start from, or what the settings' name for them means; when left out that is a path or address. */
  weights?: CheckpointSource | ((name: string) => CheckpointSource)
  /** Ends the run after the current step, when its state is saved. */
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

/**
 * Fine-tunes a model on a data set's train/, steered by its validation part, and tests the best epoch on test/. An
 * engine is opened for it and closed at the end. With the same settings, images, weights and adapter the files are the
 * same to the byte, but for times.
 *
 * @throws RadiogradError for everything that cannot be done with these settings or files, and where another run has the
 * store. Of a run that fails before its first step was saved nothing is left.
 */
export function trainRun(settings: TrainSettings, options: TrainRunOptions): Promise<TrainOutcome> {
  if (settings.dryRun) return go(settings, null, options)
  return alone(options.store, () => go(settings, null, options))
}

/**
 * Goes on with a run that was stopped or killed, from its files in the store: to the same bytes as without the stop, but
 * for times, on the same adapter and with the same version of this program (the event `resumed` says what is another).
 * Of a run that is finished it tells the results again.
 *
 * @param changes settings to change, of those marked `free` in `TRAIN_SETTINGS`.
 * @throws RadiogradError where there is no such run, its images are not there any more, a setting that decides about
 * the results is another, or another run has the store.
 */
export function resumeRun(changes: Partial<TrainSettings>, options: TrainRunOptions): Promise<TrainOutcome> {
  return alone(options.store, async () => {
    const saved = await new Saves(options.store).load()
    return saved ? go(settingsToGoOn(saved.run.settings, changes), saved, options) : finished(options)
  })
}

/** Opens what the settings name and trains on it; `saved` is a run to go on with. */
async function go(settings: TrainSettings, saved: Saved | null, options: TrainRunOptions): Promise<TrainOutcome> {
  const { on, store, data = settings.data, weights = settings.weights } = options
  on?.({ kind: 'settings', settings })
  const begun = saved?.run.training ? saved.run : null
  const source = typeof weights === 'function' ? settings.weights && weights(settings.weights) : weights
  const checkpoint = begun || source === undefined ? null : await readCheckpoint(source)
  const { mean, std, imageSize: usual } = begun?.card ?? preprocessingOf(settings.model, checkpoint)
  const { imageSize = usual } = settings
  const note = (text: string) => on?.({ kind: 'note', text })
  const found = openSplits(data, { ...settings, imageSize, mean, std })
  found.notes.forEach(note)
  const splits = await readableSplits(found, settings, note)
  const images = await fingerprint(splits, data)
  if (saved && images !== saved.run.images)
    throw new SettingError('data', `must hold the images that the run began with, got others in ${nameOf(data)}`)
  const card = { model: settings.model, classes: splits.classes, imageSize, mean, std }
  const saves = saved?.saves ?? new Saves(store)
  // From here on a run that is killed can be gone on with.
  if (!saved && !settings.dryRun && (await saves.begin(unbegun(settings, card, images)))) on?.({ kind: 'replaced' })
  try {
    return await withEngine(settings, on, (engine) =>
      run({ engine, settings, card, splits, images, checkpoint, saved, saves, store, options }),
    )
  } catch (error) {
    if (!settings.dryRun) await saves.giveUp().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}

const unbegun = (settings: TrainSettings, card: ModelCard, images: string): SavedRun => ({
  settings,
  card,
  images,
  weights: null,
  surroundings: {},
  seconds: 0,
  resumed: [],
  training: null,
})

const nameOf = (data: DataSource) => (typeof data === 'string' ? data : 'the picked files')

/** Runs `work` while no other run may use the store. */
async function alone<T>(store: Store, work: () => Promise<T>): Promise<T> {
  const release = await store.lock?.()
  try {
    return await work()
  } finally {
    await release?.()
  }
}

/** The results of a run that nothing is left to do of. */
async function finished({ store, on }: TrainRunOptions): Promise<TrainOutcome> {
  const [record, metrics] = await Promise.all([
    json<RunRecord>(store, 'run.json'),
    json<Metrics>(store, 'metrics.json'),
  ])
  check(record && metrics, `${store.name}: must hold a run that was stopped or killed, got none`)
  const { settings, classes, bestEpoch } = record
  on?.({ kind: 'settings', settings })
  on?.({ kind: 'metrics', metrics, classes, bestEpoch: bestEpoch! })
  on?.({ kind: 'done', record, metrics })
  return { record, metrics }
}

async function json<T>(store: Store, name: string): Promise<T | null> {
  const bytes = await store.read(name)
  try {
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as T)
  } catch {
    throw new RadiogradError(`${store.name}: ${name} must be JSON, got something else`)
  }
}
