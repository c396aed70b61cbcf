// Decoding workers in a page: Web Workers. The pool itself is decodePool.ts; Node's twin of this file is pool.node.ts.
import type { DecodeReply, StartWorker } from './decodeTask.js'

export const availableCores = (): number => navigator.hardwareConcurrency

export const startWorker: StartWorker = (onReply, onCrash) => {
  const worker = new Worker(new URL('./decode.worker.browser.js', import.meta.url), { type: 'module' })
  worker.onmessage = (event: MessageEvent<DecodeReply>) => onReply(event.data)
  worker.onerror = (event) => onCrash(event.message || 'no reason')
  return {
    post: (task) => worker.postMessage(task),
    keepAlive() {},
    async stop() {
      worker.terminate()
    },
  }
}
