// The files of the run, in the origin's private file system, and the result among them.
import { signal } from '@preact/signals'
import { type TestPredictions, parsePredictions } from '../../src/app/predictions.js'
import type { RunRecord } from '../../src/app/record.js'
import { openFolder } from '../../src/app/store.browser.js'
import type { Evaluation } from '../../src/train/evaluation.js'

/** The folder of the run. */
export const RUN = 'run'

export interface Result {
  metrics: Evaluation
  predictions: TestPredictions
  record: RunRecord
}
export const result = signal<Result | null>(null)

export async function loadResult(): Promise<void> {
  const text = async (name: string) => (await fileOf(name)).text()
  result.value = {
    metrics: JSON.parse(await text('metrics.json')) as Evaluation,
    predictions: parsePredictions(await text('predictions.csv'), RUN),
    record: JSON.parse(await text('run.json')) as RunRecord,
  }
}

export const listRun = (): Promise<string[]> => openFolder(RUN).list()

/** A file of the run as text; null where there is none. */
export async function textOf(name: string): Promise<string | null> {
  const bytes = await openFolder(RUN).read(name)
  return bytes && new TextDecoder().decode(bytes)
}

/** A file of the run, where it lies; its bytes are read by whoever wants them. */
export async function fileOf(name: string): Promise<Blob> {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(RUN)
  return (await folder.getFileHandle(name)).getFile()
}

export async function clear(folder: string): Promise<void> {
  const store = openFolder(folder)
  for (const name of await store.list()) await store.remove(name)
}
