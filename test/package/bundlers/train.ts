// What a page does that has a worker train, as strict TypeScript: docs/page.md's "A page of your own".
import { type RunEvent, spawn } from 'radiograd/worker'

const runs = spawn(new Worker(new URL('./run.worker.js', import.meta.url), { type: 'module' }))
const losses: number[] = []
const kinds: RunEvent['kind'][] = []
const warnings: string[] = []
const on = (event: RunEvent): void => {
  kinds.push(event.kind)
  if (event.kind === 'epoch') losses.push(event.row.trainLoss)
  if (event.kind === 'note' && /^workers?:/.test(event.text)) warnings.push(event.text) // one that could not be started
}

const picked = await runs.sample({ train: 16, test: 8, size: 32 })
const { files } = await runs.arrange(picked)
const settings = { model: 'resnet18', trainable: ['head'], epochs: 3, batchSize: 8, imageSize: 32, lr: 1e-2 } as const
const { metrics } = await runs.train(settings, { store: 'first', data: files, on })
const refused = await runs.train({ epochs: 0 }, { store: 'second', data: files }).catch((error: Error) => error.message)
runs.close()
Object.assign(globalThis, { result: { losses, warnings, kinds: [...new Set(kinds)], images: metrics?.n, refused } })
