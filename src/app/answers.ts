// What a worker does for a page, call by call. serveRuns.ts loads it with the first request.
import { openFolder } from '#platform/store'
import { syntheticFiles } from '../data/synthetic.js'
import { check } from '../util/check.js'
import { arrange } from './arrange.js'
import type { Calls } from './calls.js'
import { readModel } from './card.js'
import { evaluateRun, predictRun } from './evaluate.js'
import { parseSettings } from './settings.js'
import { EXPLAIN_SETTINGS, TRAIN_SETTINGS, type TrainSettings } from './settingTables.js'
import { MemoryStore } from './store.js'
import { resumeRun, trainRun } from './train.js'

/** With defaults for what is left out; picked files have no name of their own. */
const complete = (settings: Partial<TrainSettings>): TrainSettings =>
  parseSettings(TRAIN_SETTINGS, { data: 'picked files', ...settings })

export const answers: Calls = {
  tables: async () => ({ train: TRAIN_SETTINGS, explain: EXPLAIN_SETTINGS }),
  arrange: async (files) => arrange(files),
  audit: async (settings, { data, signal, onProgress }) => {
    const { auditDataset, auditFindings } = await import('../audit/index.js')
    const audit = await auditDataset(data, { ...settings, signal, onProgress })
    return { audit, findings: auditFindings(audit) }
  },
  sample: async (settings) =>
    [...syntheticFiles(settings)].map(({ path, bytes }) => ({
      path,
      blob: new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'image/png' }),
    })),
  memory: async (settings, options) => {
    let memory
    const on: Parameters<typeof trainRun>[1]['on'] = (event) => {
      if (event.kind === 'memory') memory = event.memory
    }
    await trainRun({ ...complete(settings), dryRun: true }, { ...options, store: new MemoryStore(), on })
    check(memory, 'memory: must be told by a dry run, got nothing')
    return memory
  },
  train: async (settings, { store, ...options }) =>
    trainRun(complete(settings), { ...options, store: openFolder(store) }),
  resume: (changes, { store, ...options }) => resumeRun(changes, { ...options, store: openFolder(store) }),
  card: async (checkpoint) => (await readModel(checkpoint)).card,
  evaluate: evaluateRun,
  predict: predictRun,
  explain: async (settings, options) => (await import('./explain.js')).explainRun(settings, options),
  report: async (settings, { runs, ...options }) => {
    const { writeReport } = await import('./report.js')
    const store = new MemoryStore()
    const named = Object.entries(runs).map(([name, folder]) => ({ name, store: openFolder(folder) }))
    await writeReport(named, { ...settings, ...options, store, figures: new MemoryStore() })
    const page = await store.read('report.html')
    return page && new TextDecoder().decode(page)
  },
}
