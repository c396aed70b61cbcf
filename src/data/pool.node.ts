// Decoding workers in Node: threads. The pool itself is decodePool.ts; the page's twin of this file is pool.browser.ts.
import { availableParallelism, totalmem } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { StartWorker } from './decodeTask.js'

/** What a worker takes for a picture of 25 million pixels. */
const WORKER_BYTES = 400 * 2 ** 20

/** Cores to decode on: of many, so many as half the memory has room for. */
export function usableCores(
  cores = availableParallelism(),
  memory = Math.min(totalmem(), process.constrainedMemory?.() || Infinity),
): number {
  return Math.max(1, Math.min(cores, Math.floor(memory / 2 / WORKER_BYTES)))
}

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
