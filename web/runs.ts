// The page's workers. Two run models: one trains, the other does all else, so that a trained model can be used
// meanwhile.
import { type Runs, spawn } from '../src/app/spawn.js'

/**
 * A worker that is made from a text of this page inherits the page's policy, whatever headers the host sends with
 * scripts; one made from an address would have none of its own on most hosts.
 */
export function startWorker(file: string): Worker {
  const program = `import ${JSON.stringify(new URL(file, import.meta.url).href)}`
  const url = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }))
  return new Worker(url, { type: 'module' })
}

const start = (): Runs => spawn(startWorker('./run.worker.js'))

let training: Runs | undefined
let helping: Runs | undefined

export const trainer = (): Runs => (training ??= start())

/** Ends the worker that trains, whatever state its device is in. */
export function endTrainer(): void {
  training?.close()
  training = undefined
}

let last: Promise<unknown> = Promise.resolve()

/** Ends the other worker once it has nothing to do: a new one is quick to start, and idle it holds tens of megabytes. */
export function endHelper(): void {
  last = last.then(() => {
    helping?.close()
    helping = undefined
  })
}

/** Has the other worker do something, after what it does: it has one device at a time. */
export function help<T>(work: (runs: Runs) => Promise<T>): Promise<T> {
  const result = last.then(() => work((helping ??= start())))
  last = result.catch(() => {
    helping?.close()
    helping = undefined
  })
  return result
}
