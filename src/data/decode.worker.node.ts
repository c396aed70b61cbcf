// Entry point of a decoding thread in Node: answers each task in the order received.
import { parentPort } from 'node:worker_threads'
import { READY, runTask, type DecodeTask } from './decodeTask.js'

let last = Promise.resolve()
parentPort?.on('message', (task: DecodeTask) => {
  last = last.then(async () => {
    const reply = await runTask(task)
    parentPort?.postMessage(reply, 'image' in reply ? [reply.image.data.buffer as ArrayBuffer] : [])
  })
})
parentPort?.postMessage(READY)
