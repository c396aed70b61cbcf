// How training goes: what its events said.
import { computed, signal } from '@preact/signals'
import type { RunEvent } from '../../src/app/events.js'
import { type HistoryRow, parseHistory } from '../../src/train/history.js'
import { inLabels } from '../words.js'
import { news } from './page.js'
import { RUN, textOf } from './result.js'

export type Status = 'none' | 'running' | 'pausing' | 'paused' | 'finishing' | 'done' | 'failed'
export const status = signal<Status>('none')
export const adapter = signal<{ name: string; isSoftware: boolean } | null>(null)
/** What the run said, and what a person should not miss. */
export const notes = signal<readonly string[]>([])
export const cautions = signal<readonly string[]>([])
export const caution = (text: string): void => void (cautions.value = [...cautions.value, text])
export const history = signal<readonly HistoryRow[]>([])
export const epochs = signal(0)
export const progress = signal<Extract<RunEvent, { kind: 'progress' }> | null>(null)
/** Mean training loss of the epoch so far, at parts of epochs. */
export const points = signal<readonly (readonly [epoch: number, loss: number])[]>([])
/** A run that was interrupted: it lies in the store and can be gone on with. */
export const interrupted = signal(false)
export const active = computed(() => ['running', 'pausing', 'finishing'].includes(status.value))

/** Progress comes after every step; the page draws it at most so often. */
const DRAW_EVERY_MS = 200
/** More than a chart can show: from then on every other one is forgotten. */
const MOST_POINTS = 2000
let drawn = 0

export function follow(event: RunEvent): void {
  switch (event.kind) {
    case 'settings':
      epochs.value = event.settings.epochs
      return
    case 'adapter':
      adapter.value = event
      return
    case 'note':
      notes.value = [...notes.value, inLabels(event.text)]
      return
    case 'model':
      if (event.weights) {
        const { file, loaded, tensors } = event.weights
        const taken = `${file}: ${loaded} of the model’s ${tensors} tensors were taken from it`
        if (loaded < tensors / 2) caution(`${taken}, the others begin at chance. Are these weights of another model?`)
        else notes.value = [...notes.value, `${taken}.`]
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
      if (event.phase === 'train' && Number.isFinite(event.loss)) {
        const known = points.value.length < MOST_POINTS ? points.value : points.value.filter((_, i) => i % 2 === 0)
        points.value = [...known, [event.epoch - 1 + event.images / event.total, event.loss]]
      }
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

/** Takes the table of the epochs that are done from the files of the run. */
export async function readHistory(): Promise<void> {
  const table = await textOf('history.csv')
  history.value = table === null ? [] : parseHistory(table, RUN)
}
