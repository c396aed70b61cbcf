// Decoding workers in a page: Web Workers. The pool itself is decodePool.ts; Node's twin of this file is pool.node.ts.
import type { DecodeReply, READY, StartWorker } from './decodeTask.js'

export const availableCores = (): number => navigator.hardwareConcurrency

/**
 * Where a worker's program is; bundlers know the expression in `startWorker`, and a file of this name beside theirs.
 */
export const workerUrl = new URL('./decode.worker.browser.js', import.meta.url)

export const startWorker: StartWorker = (onMessage, onCrash) => {
  const worker = new Worker(new URL('./decode.worker.browser.js', import.meta.url), { type: 'module' })
  worker.onmessage = (event: MessageEvent<DecodeReply | typeof READY>) => onMessage(event.data)
  worker.onerror = (event) => onCrash(event.message || 'no reason')
  return {
    post: (task) => worker.postMessage(task),
    keepAlive() {},
    async stop() {
      worker.terminate()
    },
  }
}
