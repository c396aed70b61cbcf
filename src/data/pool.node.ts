// Decoding workers in Node: threads. The pool itself is decodePool.ts; the page's twin of this file is pool.browser.ts.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { StartWorker } from './decodeTask.js'

export const availableCores = (): number => availableParallelism()

/** See `cacheBytes` in DataLoaderOptions. */
export const CACHE_BYTES = 2 ** 31

/** Where a worker's program is. */
export const workerUrl = new URL('./decode.worker.node.js', import.meta.url)

export const startWorker: StartWorker = (onMessage, onCrash) => {
  // None of this process's own flags: some (--input-type) are refused by a thread started from a file.
  const worker = new Worker(workerUrl, { execArgv: [] })
  let stopping = false
  worker.on('message', onMessage)
  worker.on('error', (error) => onCrash(error.message))
  worker.on('exit', (code) => {
    if (!stopping) onCrash(`exit code ${code}`)
  })
  worker.unref()
  return {
    post: (task) => worker.postMessage(task),
    keepAlive: (busy) => (busy ? worker.ref() : worker.unref()),
    async stop() {
      stopping = true
      await worker.terminate()
    },
  }
}
