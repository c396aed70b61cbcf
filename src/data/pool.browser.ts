// Decoding workers in a page: Web Workers. The pool itself is decodePool.ts; Node's twin of this file is pool.node.ts.
import { READY, type DecodeReply, type DecodeTask, type StartWorker } from './decodeTask.js'

export const usableCores = (): number => Math.min(4, navigator.hardwareConcurrency)

/** See `cacheBytes` in DataLoaderOptions: browsers end a page that takes much, and with it what it trained. */
export const CACHE_BYTES = 160 * 2 ** 20

/**
 * Where a worker's program is: in this bundle, as text. A file beside it would be found by some bundlers and servers
 * only (Vite's, while developing, moves the code away from it). A Content-Security-Policy must allow `blob:` workers.
 */
export const workerUrl = 'a blob: address'

export const startWorker: StartWorker = (onMessage, onCrash) => {
  let worker: Worker | undefined
  let stopped = false
  const early: DecodeTask[] = []
  const start = async () => {
    const { text } = await import('./decode.worker.gen.js')
    if (stopped) return
    const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
    worker = new Worker(url)
    worker.onmessage = (event: MessageEvent<DecodeReply | typeof READY>) => {
      if (event.data === READY) URL.revokeObjectURL(url)
      onMessage(event.data)
    }
    worker.onerror = (event) => onCrash(event.message || 'no reason')
    for (const task of early) worker.postMessage(task)
  }
  start().catch((error: Error) => onCrash(error.message))
  return {
    post: (task) => (worker ? worker.postMessage(task) : void early.push(task)),
    keepAlive() {},
    async stop() {
      stopped = true
      worker?.terminate()
    },
  }
}
