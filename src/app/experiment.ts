// The experiment of the notebook that this project answers: ResNet18 (layer4 and fc) beside a Vision Transformer (all
// of it) on chest radiographs, once for each seed, with one report over all. What makes it go on after a stop is that
// each training goes on from its own files, and that all else is computed again from what it left.
import { SettingError } from '../util/check.js'
import type { CheckpointSource } from './card.js'
import type { RunEvent } from './events.js'
import { writeReport } from './report.js'
import { EXPERIMENT_SETTINGS, type ExperimentSettings } from './reportSettings.js'
import { type Setting, parseSettings, refuseChanges } from './settings.js'
import { TRAIN_SETTINGS, type TrainSettings } from './settingTables.js'
import type { DataSource } from './splits.js'
import { MemoryStore, type Store, alone, readJson, writeJson } from './store.js'
import { type TrainRunOptions, resumeRun, trainRun } from './train.js'

/** The two models by the names that results.json gives them. */
const MODELS = ['resnet18', 'vit'] as const

/** Options of {@link experimentRun}. */
export interface ExperimentOptions extends Pick<TrainRunOptions, 'signal' | 'versions'> {
  /** The output folder ('') or a folder in it. */
  open: (folder: string) => Store
  /** The images; what the settings name when left out. */
  data?: DataSource
  /** What the settings' names for weights mean. */
  weights?: (name: string) => CheckpointSource
  /** Of the run of that name, and of the report (''). */
  on?: (event: RunEvent, run: string) => void
}

/** The settings of one model's training. */
export function trainingOf(settings: ExperimentSettings, model: (typeof MODELS)[number], seed: number): TrainSettings {
  const { seeds: _, resnet18Weights, vitWeights, vit, vitImageSize, ...common } = settings
  const isVit = model === 'vit'
  const imageSize = (isVit ? vitImageSize : undefined) ?? settings.imageSize
  const { resizeSize = Math.round((imageSize * 256) / 224), checkpointActivations } = settings
  return parseSettings(TRAIN_SETTINGS, {
    ...common,
    model: isVit ? vit : model,
    weights: isVit ? vitWeights : resnet18Weights,
    trainable: isVit ? undefined : ['layer4', 'fc'],
    imageSize,
    resizeSize,
    checkpointActivations: isVit && checkpointActivations,
    seed,
  })
}

/**
 * Trains what is not trained yet, tests all, and writes `report.html`, `results.json` and the figures. Returns null
 * when stopped by the signal, or after a dry run, which writes nothing.
 *
 * @throws RadiogradError where the folder holds an experiment with other settings, or another run has it.
 */
export async function experimentRun(settings: ExperimentSettings, options: ExperimentOptions): Promise<object | null> {
  const { open, on, data, weights, signal, versions } = options
  const store = open('')
  const { seeds } = settings
  if (new Set(seeds).size < seeds.length) throw new SettingError('seeds', `must differ, got ${seeds.join()}`)
  const plan = seeds.flatMap((seed) => MODELS.map((model) => ({ model, seed, run: `${model}-seed${seed}` })))
  const train = async ({ model, seed, run }: (typeof plan)[number]) => {
    const own = trainingOf(settings, model, seed)
    const there = settings.dryRun ? new MemoryStore() : open(run)
    const files = await there.list()
    const begun = files.some((file) => file.endsWith('.resume')) || files.includes('metrics.json')
    const common = { store: there, data, weights, signal, versions, on: (event: RunEvent) => on?.(event, run) }
    return begun ? resumeRun(freeOf(own), common) : trainRun(own, common)
  }
  if (settings.dryRun) {
    for (const one of plan.slice(0, MODELS.length)) await train(one)
    return null
  }
  return alone(store, async () => {
    try {
      if (await isNew(store, settings)) await writeJson(store, 'experiment.json', settings)
      for (const one of plan) if (!(await train(one)).metrics) return null
      const runs = plan.map(({ model, run }) => ({ name: model, store: open(run) }))
      const title = 'Chest radiographs: ResNet18 beside a Vision Transformer'
      const told = on && ((event: RunEvent) => on(event, ''))
      const report = { title, notebook: true, store, figures: open('figures'), data, signal, on: told }
      return await writeReport(runs, { ...settings, ...report })
    } catch (error) {
      // Of an experiment whose first training did not begin nothing stays.
      if ((await open(plan[0].run).list()).length === 0) await store.remove('experiment.json').catch(() => {})
      throw error
    }
  })
}

/** The settings that a run which goes on may change. */
function freeOf(settings: TrainSettings): Partial<TrainSettings> {
  const names = Object.entries<Setting>(TRAIN_SETTINGS).flatMap(([name, { free }]) => (free ? [name] : []))
  return Object.fromEntries(names.map((name) => [name, settings[name as keyof TrainSettings]]))
}

/** Whether the store holds no experiment yet; one with other settings is refused. */
async function isNew(store: Store, settings: ExperimentSettings): Promise<boolean> {
  const written = await readJson<Record<string, unknown>>(store, 'experiment.json')
  if (!written) return true
  const all = Object.keys(EXPERIMENT_SETTINGS).map((name) => [name, settings[name as keyof ExperimentSettings]])
  refuseChanges(EXPERIMENT_SETTINGS, written, Object.fromEntries(all), `the experiment in ${store.name}`)
  return false
}
