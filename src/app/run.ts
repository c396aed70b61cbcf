// Opens what a training run's settings name, finds what there is to go on from, and has it trained by training.ts while
// nobody else may use the store.
import { sharpVersion } from '#platform/sharp'
import type { Sample } from '../data/imageFolder.js'
import { preprocessingOf } from '../models/registry.js'
import type { Evaluation } from '../train/evaluation.js'
import { Team } from '../train/group.js'
import { SettingError, check } from '../util/check.js'
import { asTorchvision } from '../weights/foreign.js'
import type { Checkpoint } from '../weights/load.js'
import { type CheckpointSource, type ModelCard, readCheckpoint } from './card.js'
import { digest } from './pack.js'
import type { RunRecord } from './record.js'
import { type Saved, type SavedRun, Saves, checkSameImages, imageList, settingsToGoOn } from './resume.js'
import type { TrainOutcome, TrainRunOptions } from './train.js'
import { run } from './training.js'
import { withEngine } from './session.js'
import { TRAIN_SETTINGS, type TrainSettings } from './settingTables.js'
import { openSplits, readableSplits } from './splits.js'
import { sharedStore } from './sharedStore.js'
import { type Store, alone, readJson } from './store.js'
import { checkOptions } from '../util/options.js'

const RUN_OPTIONS: readonly (keyof TrainRunOptions)[] = [
  ...(['store', 'data', 'weights', 'signal', 'finish', 'on', 'group', 'versions'] as const),
]

/** See `trainRun`. */
export function begin(settings: TrainSettings, given: TrainRunOptions): Promise<TrainOutcome> {
  checkOptions('trainRun: settings', settings, Object.keys(TRAIN_SETTINGS))
  checkOptions('trainRun', given, RUN_OPTIONS)
  const options = together(given)
  if (settings.dryRun) return go(settings, null, options)
  return alone(options.store, () => go(settings, null, options))
}

/** See `resumeRun`. */
export function goOn(changes: Partial<TrainSettings>, given: TrainRunOptions): Promise<TrainOutcome> {
  checkOptions('resumeRun', given, RUN_OPTIONS)
  const options = together(given)
  return alone(options.store, async () => {
    const saved = await new Saves(options.store).load()
    return saved ? go(settingsToGoOn(saved.run.settings, changes), saved, options) : finished(options)
  })
}

/** `own`: the store of this process alone. */
type TogetherOptions = TrainRunOptions & { group?: Team; own: Store }

/** In a group process 0 keeps the files and tells what happens. */
function together(options: TrainRunOptions): TogetherOptions {
  const { store, on } = options
  if (!options.group) return { ...options, group: undefined, own: store }
  const group = new Team(options.group)
  return { ...options, group, own: store, store: sharedStore(store, group), on: group.rank === 0 ? on : undefined }
}

/** @throws RadiogradError where a process of the group has other images. */
async function sameInAll(group: Team, images: Uint8Array): Promise<void> {
  const all = await group.values(await digest([images]))
  const other = all.findIndex((own) => own !== all[0])
  check(other < 0, `group: all processes must have the same images, got others in process ${other} than in process 0`)
}

/** Opens what the settings name and trains on it; `saved` is a run to go on with. */
async function go(settings: TrainSettings, saved: Saved | null, given: TogetherOptions): Promise<TrainOutcome> {
  const sharp = settings.decoder === 'sharp' && { sharp: await sharpVersion() }
  const options = { ...given, versions: { ...given.versions, ...sharp } }
  const { on, store, group, data = settings.data, weights = settings.weights } = options
  on?.({ kind: 'settings', settings })
  if (group && settings.batchSize % group.size)
    throw new SettingError('batchSize', `must be a multiple of the ${group.size} processes, got ${settings.batchSize}`)
  const begun = saved?.run.training ? saved.run : null
  const source = typeof weights === 'function' ? settings.weights && weights(settings.weights) : weights
  const checkpoint = begun || source === undefined ? null : await startingWeights(source)
  const { mean, std, imageSize: usual } = begun?.card ?? preprocessingOf(settings.model, checkpoint)
  const { imageSize = usual, resizeSize } = settings
  if (resizeSize !== undefined && resizeSize < imageSize)
    throw new SettingError('resizeSize', `must be ${imageSize} or more, as the images' size, got ${resizeSize}`)
  const note = (text: string) => on?.({ kind: 'note', text })
  const found = openSplits(data, { ...settings, imageSize, mean, std })
  found.notes.forEach(note)
  const marks = new Map<Sample, string>()
  const splits = await readableSplits(found, settings, note, marks)
  const images = imageList(splits, data, marks)
  if (saved) checkSameImages(saved.run.images, images)
  if (group) await sameInAll(group, images)
  const { model, decoder } = settings
  const card = { model, classes: splits.classes, imageSize, mean, std, resizeSize, decoder }
  const saves = saved?.saves ?? new Saves(store)
  try {
    return await withEngine(settings, on, async (engine) => {
      await group?.values('ready') // all processes have an adapter
      // From here on a run that is killed can be gone on with.
      if (!saved && !settings.dryRun && (await saves.begin(unbegun(settings, card, images)))) on?.({ kind: 'replaced' })
      return run({ engine, settings, card, splits, images, checkpoint, saved, saves, store, options, data })
    })
  } catch (error) {
    if (!settings.dryRun && !group?.rank) await saves.giveUp(options.own).catch(() => {}) // the first failure is told
    throw error
  }
}

const unbegun = (settings: TrainSettings, card: ModelCard, images: Uint8Array): SavedRun => ({
  settings,
  card,
  images,
  weights: null,
  surroundings: {},
  seconds: 0,
  resumed: [],
  training: null,
})

/** Weights to start from, in a Map of their own. */
async function startingWeights(source: CheckpointSource): Promise<Checkpoint> {
  const checkpoint = asTorchvision(await readCheckpoint(source))
  return { ...checkpoint, tensors: new Map(checkpoint.tensors) }
}

/** The results of a run that nothing is left to do of. */
async function finished({ store, on }: TrainRunOptions): Promise<TrainOutcome> {
  const [record, metrics] = await Promise.all([
    readJson<RunRecord>(store, 'run.json'),
    readJson<Evaluation>(store, 'metrics.json'),
  ])
  check(record && metrics, `${store.name}: must hold a run that was stopped or killed, got none`)
  const { settings, classes, bestEpoch } = record
  on?.({ kind: 'settings', settings })
  on?.({ kind: 'metrics', metrics, classes, bestEpoch: bestEpoch! })
  on?.({ kind: 'done', record, metrics })
  return { record, metrics }
}
