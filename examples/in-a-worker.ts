// Training in a worker thread, so that this one stays free: losses come as messages, the weights as the bytes of a
// safetensors file. In a page the same goes through `new Worker(…, { type: 'module' })` and postMessage.
import { fileURLToPath } from 'node:url'
import { SHARE_ENV, Worker, isMainThread, parentPort } from 'node:worker_threads'
import { F, init, loadCheckpoint, nn, optim, safetensorsBytes, tensor } from 'radiograd'

type Message = { loss: number } | { weights: Uint8Array }

async function train(send: (message: Message) => void): Promise<void> {
  const engine = await init({ seed: 0 })
  const model = new nn.Linear(4, 2)
  const sgd = new optim.SGD(model.parameters(), { lr: 0.5 })
  const x = tensor(
    Float32Array.from({ length: 32 * 4 }, (_, i) => Math.sin(i * i)),
    [32, 4],
  )
  const y = tensor(Int32Array.from({ length: 32 }, (_, i) => Number(Math.sin(i * i * 16) > 0)))
  const step = engine.capture(() => {
    sgd.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    sgd.step()
    return loss
  })
  for (let i = 0; i < 5; i++) send({ loss: await (await step()).item() })
  send({ weights: safetensorsBytes(await model.stateDict()) })
  engine.dispose()
}

if (isMainThread) {
  // Vulkan reads the environment of the process: a thread with a copy cannot name a driver to it.
  const worker = new Worker(fileURLToPath(import.meta.url), { env: SHARE_ENV })
  worker.on('message', async (message: Message) => {
    if ('loss' in message) return console.log(`loss ${message.loss}`)
    const { tensors } = await loadCheckpoint(message.weights)
    console.log(`weights: ${[...tensors.keys()].join(', ')}`)
  })
} else await train((message) => parentPort?.postMessage(message))
