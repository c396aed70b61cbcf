// What the page knows, as signals, and what it does. Screens draw these and call these; nothing is kept elsewhere.
import { batch, computed, effect, signal } from '@preact/signals'
import type { Audit } from '../src/audit/audit.js'
import type { Finding } from '../src/audit/findings.js'
import type { RunEvent } from '../src/app/events.js'
import { type TestPredictions, parsePredictions } from '../src/app/predictions.js'
import type { RunRecord } from '../src/app/record.js'
import type { TrainSettings } from '../src/app/settingTables.js'
import { type SettingTable, type SettingsOf, fromText, parseSettings } from '../src/app/settings.js'
import { openFolder } from '../src/app/store.browser.js'
import type { TrainOutcome } from '../src/app/train.js'
import type { MemoryReport } from '../src/engine/index.js'
import type { Evaluation } from '../src/train/evaluation.js'
import { type HistoryRow, parseHistory } from '../src/train/history.js'
import { type Picked, opened } from './files.js'
import { forget, keep, kept } from './kept.js'
import { endTrainer, help, trainer } from './runs.js'
import { keptWeights, openWeights } from './weights.js'
import { inWords, isLost, isTooLarge } from './words.js'

export const SCREENS = ['images', 'model', 'training', 'result', 'use'] as const
export type Screen = (typeof SCREENS)[number]
const fromAddress = () => SCREENS.find((name) => name === location.hash.slice(1)) ?? 'images'
export const screen = signal<Screen>(fromAddress())
addEventListener('hashchange', () => (screen.value = fromAddress()))
export const show = (name: Screen): void => void (location.hash = name)

/** What went wrong last, in words; null when nothing did. */
export const problem = signal<string | null>(null)
/** Said to screen readers, and shown small. */
export const news = signal('')
/** Work that somebody waits for. */
export const busy = signal<{ what: string; done?: number; total?: number } | null>(null)

/** Does something that may fail, and says so. */
export async function attempt(what: string, work: () => Promise<void>): Promise<void> {
  batch(() => {
    problem.value = null
    busy.value = { what }
    news.value = what
  })
  try {
    await work()
  } catch (error) {
    problem.value = inWords(error)
  } finally {
    busy.value = null
  }
}

// Images

export interface Data {
  name: string
  files: readonly Picked[]
  madeTest: boolean
  /** Null until every file was looked at. */
  audit: Audit | null
  findings: readonly Finding[]
}
export const data = signal<Data | null>(null)

export const takeFiles = (name: string, picked: () => Promise<Picked[]>): Promise<void> =>
  attempt('Reading the folder', async () => {
    const all = await opened(await picked())
    const { files, madeTest } = await help((runs) => runs.arrange(all))
    if (!files.length)
      throw new Error(
        'No images found. Choose a folder that holds one folder of JPEG or PNG images for each class, such as ' +
          'healthy and ill.',
      )
    await look(name, files, madeTest)
  })

async function look(name: string, files: Picked[], madeTest: boolean): Promise<void> {
  data.value = { name, files, madeTest, audit: null, findings: [] }
  busy.value = { what: 'Looking at every image', done: 0, total: files.length }
  const onProgress = (done: number, total: number) => {
    busy.value = { what: 'Looking at every image', done, total }
  }
  const found = await help((runs) => runs.audit({}, { data: files, onProgress }))
  data.value = { name, files, madeTest, ...found }
  news.value = `${found.audit.images} images looked at`
}

export const takeSample = (): Promise<void> =>
  attempt('Drawing sample images', async () => {
    const files = await help((runs) => runs.sample({ train: 240, test: 80, size: 64 }))
    setting('imageSize', 64)
    setting('lr', 1e-3)
    setting('epochs', 4)
    await look('Sample set (drawn, of no medical meaning)', files, false)
  })

// Model

/** The table of what can be set; null until it is known. */
export const table = signal<SettingTable | null>(null)
/** What differs from the table's defaults; numbers as they were typed. */
export const choices = signal<Readonly<Record<string, unknown>>>({ lr: 1e-4, epochs: 5, trainable: ['all'] })
export const weights = signal<string | null>(null)
export const kinds = signal<readonly string[]>([])

export const setting = (name: string, value: unknown): void => {
  choices.value = { ...choices.value, [name]: value }
}
/** A choice, or its default; a typed text that is none stays a text, which no check lets through. */
export const valueOf = (name: string): unknown => {
  const row = table.value?.[name]
  const chosen = choices.value[name]
  if (chosen === undefined) return row && 'default' in row ? row.default : undefined
  return typeof chosen === 'string' && row ? (fromText(row, chosen) ?? chosen) : chosen
}

export async function loadTable(): Promise<void> {
  if (!table.value) table.value = (await help((runs) => runs.tables())).train
  kinds.value = await keptWeights().catch(() => [])
}

/** All settings of a run. @throws SettingError for one that is not possible. */
export function settingsNow(): TrainSettings {
  const own = { data: data.value?.name ?? 'picked files', skipUnreadable: true, saveEvery: 1 }
  const file = weights.value ? { weights: weights.value } : {}
  const chosen = Object.fromEntries(Object.keys(choices.value).map((name) => [name, valueOf(name)]))
  return parseSettings(table.value!, { ...own, ...chosen, ...file }) as SettingsOf<SettingTable> & TrainSettings
}

export interface Estimate {
  memory: MemoryReport
  /** Of all epochs. */
  seconds: number
}
export const estimate = signal<Estimate | null>(null)

/** Steps that are trained to tell how long all will take; the first compiles. */
const TRIED = 4
const TRIAL = 'trial'

export const estimateRun = (): Promise<void> =>
  attempt('Measuring memory and time', async () => {
    estimate.value = null
    const { weights: _, ...settings } = settingsNow()
    const files = data.value!.files
    try {
      const memory = await trainer().memory(settings, { data: files })
      const enough = new AbortController()
      const times: number[] = []
      const limit = Math.max(TRIED * settings.batchSize, 8)
      const images = data.value!.audit!.splits.find(({ name }) => name === 'train')?.images ?? limit
      const trial = limit < images ? { ...settings, limit } : settings
      await trainer().train(
        { ...trial, epochs: 1, saveEvery: 1e6 },
        {
          store: TRIAL,
          data: files,
          signal: enough.signal,
          on: (event) => {
            if (event.kind !== 'progress' || event.phase !== 'train') return
            times.push(performance.now())
            if (times.length === TRIED) enough.abort()
          },
        },
      )
      const step = times.length > 1 ? (times.at(-1)! - times[0]) / (times.length - 1) / 1000 : 0
      estimate.value = { memory, seconds: (step * images * settings.epochs) / settings.batchSize }
    } catch (error) {
      if (isTooLarge(error)) await suggestBatch(settings)
      else throw error
    } finally {
      await clear(TRIAL)
    }
  })

/** Halves the batch until it can be planned on this device, and says so. */
async function suggestBatch(settings: TrainSettings): Promise<void> {
  for (let batchSize = settings.batchSize >> 1; batchSize >= 1; batchSize >>= 1)
    try {
      endTrainer()
      const { weights: _, ...rest } = settings
      await trainer().memory({ ...rest, batchSize }, { data: data.value!.files })
      setting('batchSize', batchSize)
      problem.value =
        `${settings.batchSize} images at a time do not fit into the memory of this device. ${batchSize} at a time ` +
        'would fit: the batch size is set to that. Start again.'
      return
    } catch (error) {
      if (!isTooLarge(error)) throw error
    }
  problem.value =
    'Not even one image at a time fits into the memory of this device. Choose a smaller model or image size.'
}

async function clear(folder: string): Promise<void> {
  const store = openFolder(folder)
  for (const name of await store.list()) await store.remove(name)
}

// Training

export const RUN = 'run'
export type Status = 'none' | 'running' | 'pausing' | 'paused' | 'finishing' | 'done' | 'failed'
export const status = signal<Status>('none')
export const adapter = signal<{ name: string; isSoftware: boolean } | null>(null)
export const notes = signal<readonly string[]>([])
export const history = signal<readonly HistoryRow[]>([])
export const epochs = signal(0)
export const progress = signal<Extract<RunEvent, { kind: 'progress' }> | null>(null)
/** Mean training loss of the epoch so far, at parts of epochs. */
export const points = signal<readonly (readonly [epoch: number, loss: number])[]>([])
/** A run that was interrupted: it lies in the store and can be gone on with. */
export const interrupted = signal(false)
export const active = computed(() => ['running', 'pausing', 'finishing'].includes(status.value))

let pauseRun = new AbortController()
let finishRun = new AbortController()

/** Progress comes after every step; the page draws it at most so often. */
const DRAW_EVERY_MS = 200
let drawn = 0

function follow(event: RunEvent): void {
  switch (event.kind) {
    case 'settings':
      epochs.value = event.settings.epochs
      return
    case 'adapter':
      adapter.value = event
      return
    case 'note':
      notes.value = [...notes.value, event.text]
      return
    case 'model':
      if (event.weights) {
        const { file, loaded, tensors } = event.weights
        const few = loaded < tensors / 2 ? ': most begin at chance. Are these weights of another model?' : '.'
        notes.value = [...notes.value, `${file}: ${loaded} of the model’s ${tensors} tensors were taken from it${few}`]
      }
      return
    case 'resumed':
      news.value = `Going on in epoch ${event.epoch}`
      return
    case 'progress': {
      const now = performance.now()
      if (now - drawn < DRAW_EVERY_MS && event.images < event.total) return
      drawn = now
      progress.value = event
      if (event.phase === 'train' && Number.isFinite(event.loss))
        points.value = [...points.value, [event.epoch - 1 + event.images / event.total, event.loss]]
      return
    }
    case 'epoch': {
      const { row } = event
      history.value = [...history.value, row]
      const accuracy = Number.isFinite(row.valAccuracy) ? row.valAccuracy : row.trainAccuracy
      news.value = `Epoch ${row.epoch} of ${event.epochs} done, accuracy ${(100 * accuracy).toFixed(0)} percent`
      return
    }
  }
}

/** Runs or goes on, whatever happens to the device on the way: from the last saved step on a new one. */
async function work(
  begin: (signals: { signal: AbortSignal; finish: AbortSignal }) => Promise<TrainOutcome>,
  as: Status = 'running',
): Promise<void> {
  const signals = () => {
    pauseRun = new AbortController()
    finishRun = new AbortController()
    if (status.value === 'finishing') finishRun.abort()
    return { signal: pauseRun.signal, finish: finishRun.signal }
  }
  batch(() => {
    status.value = as
    problem.value = null
    interrupted.value = false
  })
  const awake = await stayAwake()
  try {
    let next = () => begin(signals())
    for (let lost = 0; ;) {
      const before = history.value.length
      try {
        const { metrics } = await next()
        if (metrics) await loadResult()
        status.value = metrics ? 'done' : 'paused'
        if (metrics) show('result')
        else news.value = 'Training is paused'
        return
      } catch (error) {
        if (history.value.length > before) lost = 0
        if (!isLost(error) || ++lost > 3) throw error
        endTrainer()
        if (!(await hasSaved())) throw error
        notes.value = [
          ...notes.value,
          'The graphics device was lost. Training goes on from the last saved step on a new one.',
        ]
        news.value = 'The graphics device was lost; training goes on from the last saved step'
        next = () => resume(signals())
      }
    }
  } catch (error) {
    status.value = 'failed'
    interrupted.value = await hasSaved()
    if (isTooLarge(error)) await suggestBatch(settingsNow())
    else problem.value = inWords(error)
  } finally {
    await awake()
  }
}

const hasSaved = async () => (await openFolder(RUN).list()).some((name) => name.endsWith('.resume'))

/** Keeps the screen on, where the browser can, until the returned function is called. */
async function stayAwake(): Promise<() => Promise<void>> {
  let lock: { release(): Promise<void> } | undefined
  const ask = async () => {
    if (document.visibilityState === 'visible')
      lock = await navigator.wakeLock?.request('screen').catch(() => undefined)
  }
  await ask()
  document.addEventListener('visibilitychange', ask)
  return async () => {
    document.removeEventListener('visibilitychange', ask)
    await lock?.release()
  }
}

export async function startTraining(): Promise<void> {
  let settings
  try {
    settings = settingsNow()
  } catch (error) {
    problem.value = inWords(error)
    return
  }
  const { files, name, madeTest } = data.value!
  batch(() => {
    history.value = []
    points.value = []
    notes.value = []
    progress.value = null
    result.value = null
  })
  show('training')
  void keep({ name, files: [...files], madeTest, settings }).then((whole) => {
    if (!whole)
      notes.value = [
        ...notes.value,
        'The browser has no space to keep the images: to go on in another tab, choose the same folder again.',
      ]
  })
  const file = weights.value ? await openWeights(weights.value) : undefined
  await work((signals) => trainer().train(settings, { ...signals, store: RUN, data: files, weights: file, on: follow }))
}

async function resume(signals: { signal: AbortSignal; finish: AbortSignal }): Promise<TrainOutcome> {
  const file = weights.value ? await openWeights(weights.value).catch(() => undefined) : undefined
  const table = await openFolder(RUN).read('history.csv')
  history.value = table ? parseHistory(new TextDecoder().decode(table), RUN) : []
  return trainer().resume({}, { ...signals, store: RUN, data: data.value!.files, weights: file, on: follow })
}

export async function goOn(): Promise<void> {
  show('training')
  if (!data.value) {
    problem.value = 'Choose the images of the interrupted training first, then go on.'
    return show('images')
  }
  await work(resume)
}

export const pause = (): void => {
  status.value = 'pausing'
  pauseRun.abort()
}
/** Ends training, and tests the best epoch so far. */
export async function finish(): Promise<void> {
  if (!active.value) return work(resume, 'finishing')
  status.value = 'finishing'
  finishRun.abort()
}

export async function discard(): Promise<void> {
  await clear(RUN)
  await forget()
  batch(() => {
    interrupted.value = false
    status.value = 'none'
    history.value = []
    points.value = []
    result.value = null
  })
}

// Result

export interface Result {
  metrics: Evaluation
  predictions: TestPredictions
  record: RunRecord
}
export const result = signal<Result | null>(null)

async function loadResult(): Promise<void> {
  const text = async (name: string) => (await fileOf(name)).text()
  const predictions = parsePredictions(await text('predictions.csv'), RUN)
  const metrics = JSON.parse(await text('metrics.json')) as Evaluation
  const record = JSON.parse(await text('run.json')) as RunRecord
  history.value = parseHistory(await text('history.csv'), RUN)
  result.value = { metrics, predictions, record }
}

/** The bytes of a file of the run. */
export async function fileOf(name: string): Promise<Blob> {
  const bytes = await openFolder(RUN).read(name)
  if (!bytes) throw new Error(`${name} must be among the files of the run, got none`)
  return new Blob([bytes as Uint8Array<ArrayBuffer>])
}

/** What an earlier visit left: images, choices, and a run that is finished or not. */
export async function restore(): Promise<void> {
  const before = await kept()
  if (before) {
    const { name, files, madeTest, settings } = before
    data.value = { name, files, madeTest, audit: null, findings: [] }
    const { data: _, out: __, weights: file, ...rest } = settings
    choices.value = rest
    weights.value = file ?? null
    epochs.value = settings.epochs
  }
  const there = await openFolder(RUN).list()
  if (there.some((name) => name.endsWith('.resume'))) interrupted.value = true
  else if (there.includes('metrics.json')) {
    await loadResult()
    status.value = 'done'
  }
  if (before && !interrupted.value)
    await attempt('Looking at every image', () => look(before.name, before.files, before.madeTest))
}

// A change of what will be trained makes an estimate void.
effect(() => {
  void [choices.value, weights.value, data.value]
  estimate.value = null
})
