// Entry point of a decoding Web Worker: answers each task in the order received.
import { READY, runTask, type DecodeTask } from './decodeTask.js'

/** The part of a worker's global scope used here (the project's type library describes pages). */
interface WorkerScope {
  onmessage: (event: MessageEvent<DecodeTask>) => void
  postMessage(message: unknown, transfer: Transferable[]): void
}

const scope = globalThis as unknown as WorkerScope
let last = Promise.resolve()
scope.onmessage = ({ data: task }) => {
  last = last.then(async () => {
    const reply = await runTask(task)
    scope.postMessage(reply, 'image' in reply ? [reply.image.data.buffer as ArrayBuffer] : [])
  })
}
scope.postMessage(READY, [])
