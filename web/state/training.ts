// The run: begun, followed, paused, gone on with after whatever ended it, given up.
import { batch } from '@preact/signals'
import type { TrainOutcome } from '../../src/app/train.js'
import { forget, keep, kept, markEnded, markRunning, wasKilled } from '../kept.js'
import { endHelper, endTrainer, trainer } from '../runs.js'
import { openWeights } from '../weights.js'
import { inWords, isLost, isTooLarge } from '../words.js'
import { suggestBatch } from './estimate.js'
import { data, look } from './images.js'
import { attempt, news, problem, show } from './page.js'
import {
  type Status,
  active,
  caution,
  cautions,
  epochs,
  follow,
  history,
  interrupted,
  notes,
  points,
  progress,
  readHistory,
  status,
} from './progress.js'
import { RUN, clear, listRun, loadResult, result } from './result.js'
import { choices, settingsNow, weights } from './settings.js'

let pauseRun = new AbortController()
let finishRun = new AbortController()

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
        if (metrics) await showResult()
        status.value = metrics ? 'done' : 'paused'
        if (metrics) show('result')
        else news.value = 'Training is paused'
        return
      } catch (error) {
        if (history.value.length > before) lost = 0
        if (!isLost(error) || ++lost > 3) throw error
        endTrainer()
        const saved = await hasSaved()
        const from = saved ? 'goes on from the last saved step' : 'begins again'
        caution(`The graphics device was lost. Training ${from} on a new one.`)
        news.value = `The graphics device was lost; training ${from}`
        next = () => (saved ? resume : begin)(signals())
      }
    }
  } catch (error) {
    status.value = 'failed'
    interrupted.value = await hasSaved()
    if (isTooLarge(error)) await suggestBatch(settingsNow(data.value!.name))
    else problem.value = inWords(error)
  } finally {
    await markEnded()
    await awake()
  }
}

async function showResult(): Promise<void> {
  await readHistory()
  await loadResult()
}

const hasSaved = async () => (await listRun()).some((name) => name.endsWith('.resume'))

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
    settings = settingsNow(data.value!.name)
  } catch (error) {
    problem.value = inWords(error)
    return
  }
  const { files, name, madeTest } = data.value!
  batch(() => {
    history.value = []
    points.value = []
    notes.value = []
    cautions.value = []
    progress.value = null
    result.value = null
  })
  show('training')
  endHelper()
  // Before the images, whose copies take long: a browser that is killed meanwhile must leave it.
  const marked = markRunning()
  void keep({ name, files: [...files], madeTest, settings }).then((whole) => {
    if (!whole)
      caution('The browser has no space to keep the images: to go on in another tab, choose the same folder again.')
  })
  await work(async (signals) => {
    await marked
    const file = weights.value ? await openWeights(weights.value) : undefined
    return trainer().train(settings, { ...signals, store: RUN, data: files, weights: file, on: follow })
  })
}

async function resume(signals: { signal: AbortSignal; finish: AbortSignal }): Promise<TrainOutcome> {
  const file = weights.value ? await openWeights(weights.value).catch(() => undefined) : undefined
  await readHistory()
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
  const there = await listRun()
  interrupted.value = there.some((name) => name.endsWith('.resume'))
  const killed = !interrupted.value && (await wasKilled())
  // What begins now says nothing of earlier trouble, so that is said after it.
  const looked =
    before && !interrupted.value
      ? attempt('Looking at every image', () => look(before.name, before.files, before.madeTest))
      : undefined
  if (killed) {
    const left = before ? 'Its images and settings are still here: start' : 'Start'
    problem.value = `The last training was ended before anything of it was saved. ${left} it again.`
    await markEnded()
  }
  if (!interrupted.value && there.includes('metrics.json')) {
    await showResult()
    status.value = 'done'
  }
  await looked
}
