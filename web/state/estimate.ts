// What training will take, measured before it begins: memory by a plan, time by a few steps.
import { effect, signal } from '@preact/signals'
import type { TrainSettings } from '../../src/app/settingTables.js'
import type { MemoryReport } from '../../src/engine/index.js'
import { endTrainer, trainer } from '../runs.js'
import { isTooLarge } from '../words.js'
import { data } from './images.js'
import { attempt, problem } from './page.js'
import { clear } from './result.js'
import { choices, setting, settingsNow, weights } from './settings.js'

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
    const { weights: _, ...settings } = settingsNow(data.value!.name)
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
export async function suggestBatch(settings: TrainSettings): Promise<void> {
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

// A change of what will be trained makes an estimate void.
effect(() => {
  void [choices.value, weights.value, data.value]
  estimate.value = null
})
