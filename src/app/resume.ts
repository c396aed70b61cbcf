// What a run keeps beside its results until it is finished, so that it can go on after it was stopped or killed: two
// generations of its state, each with a checksum, and the weights of the best epoch that they speak of.
import type { Sample } from '../data/imageFolder.js'
import type { StateDict } from '../nn/module.js'
import type { TrainerState } from '../train/state.js'
import { SettingError, check } from '../util/check.js'
import type { Late } from '../util/late.js'
import { parseSafetensors } from '../weights/readSafetensors.js'
import type { ModelCard } from './card.js'
import { digest, pack, unpack } from './pack.js'
import type { WeightsReport } from './record.js'
import { parseSettings, refuseChanges } from './settings.js'
import { TRAIN_SETTINGS, type TrainSettings } from './settingTables.js'
import { type DataSource, type Splits, within } from './splits.js'
import type { Store } from './store.js'

/** Where a run was computed: with another of these its numbers may differ in their last bits. */
export type Surroundings = Readonly<Record<string, string>>

/** A run between two steps. */
export interface SavedRun {
  settings: TrainSettings
  card: ModelCard
  /** {@link imageList} of what it is trained, steered and tested on. */
  images: Uint8Array
  weights: WeightsReport | null
  surroundings: Surroundings
  /** That the run has taken. */
  seconds: number
  /** Where it was gone on with before. */
  resumed: readonly ResumedAt[]
  /** Null before the first step. */
  training: TrainerState | null
}

/** A place where a run was gone on with. */
export interface ResumedAt {
  epoch: number
  /** Batches of that epoch that were done. */
  batches: number
  surroundings: Surroundings
}

/** A state that was read. */
export interface Saved {
  run: SavedRun
  /** The weights of its best epoch, and what their checkpoint says of itself. */
  best: { state: StateDict; metadata: Record<string, string> } | null
  /** There was another state that is not whole. */
  broken: boolean
  /** Where the next state goes. */
  saves: Saves
}

const GENERATIONS = ['state-0.resume', 'state-1.resume']
const bestName = (epoch: number) => `best-${epoch}.resume`
const isOurs = (name: string) => GENERATIONS.includes(name) || /^best-\d+\.resume$/.test(name)

/** The saved states of one run in a store. */
export class Saves {
  /** How often this run was saved; the next state goes where the older one is. */
  private count = 0
  /** Whether the newest state is this run's, not one of an earlier run in the store. */
  private own = false
  /** Whether the run has a state with a step in it. */
  private trained = false
  /** The best epoch of each generation. */
  private readonly best: (number | null)[] = [null, null]
  /** Of the weights that were written or read, by epoch. */
  private readonly digests = new Map<number, string>()

  constructor(private readonly store: Store) {}

  /**
   * Saves a run that has not begun; of an earlier run in the store one state stays until this one is saved again.
   * Returns whether there was one.
   */
  async begin(run: SavedRun): Promise<boolean> {
    const earlier = (await this.store.list()).some((name) => GENERATIONS.includes(name))
    if (earlier) await this.load().catch(() => null) // what is broken is written over
    this.trained = this.own = false
    await this.save(run, () => [])
    return earlier
  }

  /**
   * After a failure: unless something was trained, nothing stays of the run. `store` is that of this process alone,
   * where others share it: they may be where they do not hear of this.
   */
  async giveUp(store = this.store): Promise<void> {
    if (this.trained || !this.own) return
    await store.remove(GENERATIONS[this.count % 2])
    this.best[this.count % 2] = null
    await this.removeUnused(store)
  }

  /**
   * The newest state that is whole; null where there is none.
   *
   * @throws RadiogradError when there are states and none is whole.
   */
  async load(): Promise<Saved | null> {
    const errors: unknown[] = []
    let newest: { count: number; run: SavedRun; bestFile: Uint8Array | null } | null = null
    for (const [at, name] of GENERATIONS.entries()) {
      const bytes = await this.store.read(name)
      if (!bytes) continue
      try {
        const { count, bestDigest, ...run } = (await unpack(bytes, `${this.store.name}/${name}`)) as Generation
        const bestEpoch = run.training?.position.bestEpoch ?? null
        const bestFile = bestEpoch === null ? null : await this.store.read(bestName(bestEpoch))
        const fits = bestEpoch === null || (bestFile && (await digest([bestFile])) === bestDigest)
        check(fits, `${this.store.name}/${bestName(bestEpoch!)}: must be what ${name} speaks of, got another or none`)
        run.settings = parseSettings(TRAIN_SETTINGS, run.settings)
        this.best[at] = bestEpoch
        if (bestEpoch !== null) this.digests.set(bestEpoch, bestDigest!)
        if (!newest || count > newest.count) newest = { count, run, bestFile } // the other one's memory is free
      } catch (error) {
        errors.push(error)
      }
    }
    if (!newest) {
      if (errors.length) throw errors[0]
      return null
    }
    this.own = true
    this.trained = newest.run.training !== null
    this.count = newest.count // the next one is written over the other generation, be that older or broken
    const { run, bestFile } = newest
    const file = bestFile && parseSafetensors(bestFile, this.store.name)
    const best = file && { state: file.tensors, metadata: file.metadata }
    return { run, best, broken: errors.length > 0, saves: this }
  }

  /** Writes a state in place of the older of the two; `bestFile` makes the weights of its best epoch. */
  async save(run: Late<SavedRun>, bestFile: () => readonly Uint8Array[]): Promise<void> {
    const count = this.count + 1
    const bestEpoch = run.training?.position.bestEpoch ?? null
    let bestDigest: string | null = null
    if (bestEpoch !== null) bestDigest = await this.keepBest(bestEpoch, bestFile)
    await this.store.write(GENERATIONS[count % 2], await pack({ count, bestDigest, ...run } satisfies Late<Generation>))
    this.count = count
    this.own = true
    this.best[count % 2] = bestEpoch
    if (run.training) this.trained = true
    await this.removeUnused()
  }

  /** Removes the weights that neither state speaks of. */
  private async removeUnused(store = this.store): Promise<void> {
    const kept = this.best.map((epoch) => epoch !== null && bestName(epoch))
    for (const name of await store.list())
      if (isOurs(name) && !GENERATIONS.includes(name) && !kept.includes(name)) await store.remove(name)
  }

  /** Writes the weights of the best epoch, unless they are there. */
  private async keepBest(epoch: number, bestFile: () => readonly Uint8Array[]): Promise<string> {
    const there = (await this.store.list()).includes(bestName(epoch))
    const known = this.digests.get(epoch)
    if (there && known) return known
    const parts = bestFile()
    await this.store.write(bestName(epoch), parts)
    const made = await digest(parts)
    this.digests.set(epoch, made)
    return made
  }

  /** Forgets all states: the newest goes last of the two, so that what is left always goes on to the same end. */
  async remove(): Promise<void> {
    for (const at of [(this.count + 1) % 2, this.count % 2]) await this.store.remove(GENERATIONS[at])
    for (const name of await this.store.list()) if (isOurs(name)) await this.store.remove(name)
  }
}

interface Generation extends SavedRun {
  /** How many states of this run were saved, this one included. */
  count: number
  bestDigest: string | null
}

/**
 * The settings to go on with: those saved, and of the changed ones those that do not decide about the results.
 *
 * @throws SettingError naming a setting that must stay.
 */
export function settingsToGoOn(saved: TrainSettings, changes: Partial<TrainSettings>): TrainSettings {
  refuseChanges(TRAIN_SETTINGS, saved, changes, 'the run')
  return parseSettings(TRAIN_SETTINGS, { ...saved, ...changes })
}

/**
 * Which images, by their paths in the data set, are in which part with which label, in their order, and each one's
 * mark: as text, a line an image.
 */
export function imageList(splits: Splits, source: DataSource, marks: ReadonlyMap<Sample, string>): Uint8Array {
  const lines = (['train', 'validation', 'test'] as const).flatMap((part) =>
    (splits[part]?.samples ?? []).map((sample) => {
      const { path, label } = sample
      return JSON.stringify([within(path, source), marks.get(sample), part, label])
    }),
  )
  return new TextEncoder().encode(lines.join('\n'))
}

/**
 * @throws SettingError naming an image that is not what it was, by two {@link imageList}s.
 */
export function checkSameImages(before: Uint8Array, now: Uint8Array): void {
  const [was, is] = [before, now].map((list) => new TextDecoder().decode(list))
  if (was === is) return
  type Line = [path: string, mark: string, part: string, label: number]
  const [old, present] = [was, is].map((list) => list.split('\n').map((line) => JSON.parse(line) as Line))
  const key = ([path, , part]: Line) => `${part} ${path}`
  const [oldKeys, keys] = [old, present].map((lines) => new Map(lines.map((line) => [key(line), line])))
  const [oldPaths, paths] = [old, present].map((lines) => new Set(lines.map(([path]) => path)))
  const missing = old.filter((line) => !keys.has(key(line)))
  const kept = old.flatMap((line) => {
    const now = keys.get(key(line))
    return now ? [{ path: line[0], marks: [line[1], now[1]], labels: [line[3], now[3]] }] : []
  })
  const changes = [
    ...missing.filter(([path]) => !paths.has(path)).map(([path]) => `no ${path}`),
    ...kept.filter(({ marks }) => marks[0] !== marks[1]).map(({ path }) => `another file as ${path}`),
    ...present.filter((line) => !oldKeys.has(key(line)) && !oldPaths.has(line[0])).map(([path]) => `${path} as well`),
    ...kept.filter(({ labels }) => labels[0] !== labels[1]).map(({ path }) => `${path} in another class`),
    ...missing.filter(([path]) => paths.has(path)).map(([path]) => `${path} in another part`),
  ]
  const more = changes.length > 1 ? ` and ${changes.length - 1} more changes` : ''
  const got = changes.length ? changes[0] + more : 'them in another order'
  throw new SettingError('data', `must hold the images that the run began with, got ${got}`)
}
