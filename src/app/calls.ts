// What a page may ask of a worker that runs for it, and how both sides put it into messages. Types alone.
import type { Audit } from '../audit/audit.js'
import type { Finding } from '../audit/findings.js'
import type { MemoryReport } from '../engine/index.js'
import type { Evaluation } from '../train/evaluation.js'
import type { PickedFile } from '../data/imageFolder.js'
import type { Arranged } from './arrange.js'
import type { CheckpointSource, ModelCard } from './card.js'
import type { EvaluateRunOptions, PredictRunOptions, Prediction, evaluateRun } from './evaluate.js'
import type { ExplainRunOptions } from './explain.js'
import type { SettingTable } from './settings.js'
import type { AuditSettings, ExplainSettings, MachineSettings, TrainSettings } from './settingTables.js'
import type { DataSource } from './splits.js'
import type { TrainOutcome, TrainRunOptions } from './train.js'
import type { Listener } from './session.js'

/** The options of a run, with its store by the name of its folder: at the top of the origin's private file system. */
export type InStore<T> = Omit<T, 'store'> & { store: string }

/** Weights cannot be named by a function here. */
type Sent<T> = Omit<T, 'weights'> & { weights?: CheckpointSource }

/** Options of `memory`. */
export interface MemoryOptions {
  /** The images; what the settings name when left out. */
  data?: DataSource
  /** Ends the call early. */
  signal?: AbortSignal
}

/** Options of `report`. */
export interface ReportRunOptions {
  /** The finished runs' folders, by what the report calls them. */
  runs: Readonly<Record<string, string>>
  /** Heading of the page. */
  title: string
  /** The images of the runs. */
  data: DataSource
  /** Ends the call early. */
  signal?: AbortSignal
  /** Gets what happens. */
  on?: Listener
}

/** What a worker does when it is asked. */
export interface Calls {
  /** The tables of settings, for a form. */
  tables(): Promise<Record<'train' | 'explain', SettingTable>>
  /** See `arrange`. */
  arrange(files: readonly PickedFile[]): Promise<Arranged>
  /** See `audit.auditDataset` and `audit.auditFindings`. */
  audit(
    settings: Partial<Pick<AuditSettings, 'workers' | 'maxPixels'>>,
    options: { data: DataSource; signal?: AbortSignal; onProgress?: (done: number, total: number) => void },
  ): Promise<{ audit: Audit; findings: Finding[] }>
  /** The generated set of pictures: a data set without any patient in it. */
  sample(settings: { train?: number; test?: number; size?: number }): Promise<{ path: string; blob: Blob }[]>
  /** What training takes, nothing trained; see `dryRun` in `TRAIN_SETTINGS`. Settings are as in `train`. */
  memory(settings: Partial<TrainSettings>, options: MemoryOptions): Promise<MemoryReport>
  /** See `trainRun`. Settings that are left out have their defaults (`tables` tells them). */
  train(settings: Partial<TrainSettings>, options: Sent<InStore<TrainRunOptions>>): Promise<TrainOutcome>
  /** See `resumeRun`. */
  resume(changes: Partial<TrainSettings>, options: Sent<InStore<TrainRunOptions>>): Promise<TrainOutcome>
  /** What a checkpoint says of itself. */
  card(checkpoint: CheckpointSource): Promise<ModelCard>
  /** See `evaluateRun`. */
  evaluate(settings: Parameters<typeof evaluateRun>[0], options: EvaluateRunOptions): Promise<Evaluation | null>
  /** See `predictRun`. */
  predict(settings: MachineSettings, options: PredictRunOptions): Promise<Prediction[] | null>
  /** See `explainRun`. */
  explain(settings: Omit<ExplainSettings, 'checkpoint' | 'out'>, options: ExplainRunOptions): Promise<void>
  /** The text of `report.html` of finished runs; null when stopped. */
  report(settings: MachineSettings, options: ReportRunOptions): Promise<string | null>
}

/** From the page. */
export type Request =
  | { id: number; call: keyof Calls; args: unknown[]; callbacks: string[]; signals: string[] }
  /** A signal of an earlier request has been aborted. */
  | { id: number; abort: string }

/** From the worker, about the request of that number. */
export type Reply =
  | { id: number; callback: string; args: unknown[] }
  | { id: number; value: unknown }
  | { id: number; error: SentError }

/** An error on its way; a SettingError with its parts. */
export interface SentError {
  message: string
  /** Whether the user can act on it. */
  own: boolean
  setting?: string
  rule?: string
  given?: string | number
}

/** One end of a channel: a Worker, what it calls `self`, or a MessagePort. */
export interface Channel {
  /** Sends a message to the other end. */
  postMessage(message: unknown): void
  /** Calls `listener` for each message from there. */
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  /** Ports wait for it. */
  start?(): void
}
