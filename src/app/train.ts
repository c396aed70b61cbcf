// Training runs: begun, and gone on with after they were stopped or killed. Settings and sources in, events and files
// out: prints nothing and knows no folder, so that a command line, a page and a report start them alike. What does it
// is run.ts, which a page that trains nothing never loads.
import type { Group } from '../train/group.js'
import type { Evaluation } from '../train/evaluation.js'
import type { CheckpointSource } from './card.js'
import type { RunRecord } from './record.js'
import type { Listener } from './session.js'
import type { TrainSettings } from './settingTables.js'
import type { DataSource } from './splits.js'
import type { Store } from './store.js'

/** Options of {@link trainRun} and {@link resumeRun}. */
export interface TrainRunOptions {
  /**
   * Where `best.safetensors`, `history.csv`, `predictions.csv`, `metrics.json`, `run.json` and `MODEL_CARD.md` go, and
   * until the run is finished the `*.resume` files that {@link resumeRun} goes on from.
   */
  store: Store
  /** The images; what the settings name when left out. */
  data?: DataSource
  /** The weights to start from, or what the settings' name for them means; when left out that is a path or address. */
  weights?: CheckpointSource | ((name: string) => CheckpointSource)
  /** Ends the run after the current step, when its state is saved. */
  signal?: AbortSignal
  /** Ends training after the current step and tests the best epoch so far; without one it ends as by `signal`. */
  finish?: AbortSignal
  /** Gets what happens. */
  on?: Listener
  /**
   * The processes that train together, each of which calls this with the same settings: the batch size is of all, and
   * process 0 alone writes and is told what happens.
   */
  group?: Group
  /** Of the program that runs and what it runs on, for the record. */
  versions?: Record<string, string>
}

/** What a training run came to. */
export interface TrainOutcome {
  /** As `run.json` has it; null after a dry run, and when no epoch was finished. */
  record: RunRecord | null
  /** On the test images, as `metrics.json` has it; null when the run was stopped before. */
  metrics: Evaluation | null
}

/**
 * Fine-tunes a model on a data set's train/, steered by its validation part, and tests the best epoch on test/. An
 * engine is opened for it and closed at the end. With the same settings, images, weights and adapter the files are the
 * same to the byte, but for times.
 *
 * @throws RadiogradError for everything that cannot be done with these settings or files, and where another run has the
 * store. Of a run that fails before its first step was saved nothing is left.
 */
export async function trainRun(settings: TrainSettings, options: TrainRunOptions): Promise<TrainOutcome> {
  return (await import('./run.js')).begin(settings, options)
}

/**
 * Goes on with a run that was stopped or killed, from its files in the store: to the same bytes as without the stop,
 * but for times, on the same adapter and with the same version of this program (the event `resumed` says what is
 * another). Of a run that is finished it tells the results again.
 *
 * @param changes settings to change, of those marked `free` in `TRAIN_SETTINGS`.
 * @throws RadiogradError where there is no such run, its images are not there any more, a setting that decides about
 * the results is another, or another run has the store.
 */
export async function resumeRun(changes: Partial<TrainSettings>, options: TrainRunOptions): Promise<TrainOutcome> {
  return (await import('./run.js')).goOn(changes, options)
}
