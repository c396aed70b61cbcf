// Long runs of small work: `npm run soak`, or some of it: `npm run soak -- captured eager`, `-- engines=50`. After the
// first half of each, threads, file descriptors, memory of the process and bytes on the GPU must stay as they are, once
// the collector has run (node --expose-gc).
import { readdirSync } from 'node:fs'
import { F, type Tensor, init, nn, optim, tensor } from '../../src/index.js'
import type { Engine } from '../../src/engine/index.js'
import { Evaluator } from '../../src/train/evaluator.js'
import type { Batch } from '../../src/data/dataLoader.js'

/** Megabytes that the process, and its buffers, may grow by: holes in its heaps, freed buffers kept for the next use. */
const ROOM = { megabytes: 48, gpu: 32 }
const SPARE = { threads: 2, descriptors: 2 }

interface Sample {
  threads: number
  descriptors: number
  megabytes: number
  gpuBytes: number
}

const entries = (folder: string) => (process.platform === 'linux' ? readdirSync(`/proc/self/${folder}`).length : 0)

async function sample(engine?: Engine): Promise<Sample> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.()
    await new Promise((done) => setTimeout(done, 200)) // what finalizers do comes later
  }
  return {
    threads: entries('task'),
    descriptors: entries('fd'),
    megabytes: Math.round(process.memoryUsage().rss / 2 ** 20),
    gpuBytes: engine?.memory().bytes ?? 0,
  }
}

const images = Float32Array.from({ length: 32 }, (_, i) => i / 32)

class Net extends nn.Module {
  hidden = new nn.Linear(8, 4)
  head = new nn.Linear(4, 2)

  forward(x: Tensor): Tensor {
    return this.head.forward(F.relu(this.hidden.forward(x)))
  }
}

function training() {
  const net = new Net()
  const adam = new optim.Adam(net.parameters(), { lr: 1e-3 })
  const step = ({ x, y }: { x: Tensor; y: Tensor }) => {
    adam.zeroGrad()
    const loss = F.crossEntropy(net.forward(x), y)
    loss.backward()
    adam.step()
    return loss
  }
  return { step, x: tensor(images, [4, 8]), y: tensor(Int32Array.of(0, 1, 1, 0)) }
}

/** A set of 8 pictures of 2 × 2 pixels. */
const pictures = {
  dataset: {
    samples: Array.from({ length: 8 }, (_, i) => ({ path: `${i}`, file: '', label: i % 2 })),
    classes: ['a', 'b'],
    transform: { host: [], device: { random: [], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } },
  },
  length: 2,
  batchSize: 4,
  async *epoch(): AsyncGenerator<Batch, void, void> {
    for (const at of [0, 4])
      yield {
        images: Uint8Array.from({ length: 48 }, (_, i) => 5 * i),
        shape: [4, 2, 2, 3],
        labels: Int32Array.of(0, 1, 0, 1),
        indices: Int32Array.of(at, at + 1, at + 2, at + 3),
      }
  },
} as const

type Work = (engine: Engine) => (i: number) => Promise<unknown>

/** What is repeated, and how often. */
const WORKS: Record<string, { count: number; own?: boolean; work: Work }> = {
  captured: {
    count: 100_000,
    work: (engine) => {
      const { step, x, y } = training()
      const captured = engine.capture(step)
      return async () => {
        const loss = await captured({ x, y })
        await loss.item()
        loss.dispose()
      }
    },
  },
  eager: {
    count: 10_000,
    work: () => {
      const { step, x, y } = training()
      return async (i) => {
        const loss = step({ x, y })
        if (i % 10 === 0) await loss.item()
      }
    },
  },
  dropped: {
    count: 20_000,
    work: (engine) => {
      const x = tensor(new Float32Array(1000))
      return async (i) => {
        F.relu(x) // nobody reads it
        if (i % 1000 === 0) await engine.idle()
      }
    },
  },
  unread: {
    count: 20_000,
    work: (engine) => {
      const { step, x, y } = training()
      const captured = engine.capture(step)
      return async () => void (await captured({ x, y })) // nobody reads or disposes the loss
    },
  },
  evaluations: {
    count: 2_000,
    work: (engine) => {
      class Pixels extends nn.Module {
        fc = new nn.Linear(12, 2)

        forward(x: Tensor): Tensor {
          return this.fc.forward(F.reshape(x, [x.shape[0], 12]))
        }
      }
      const model = new Pixels()
      return async () => {
        const evaluator = new Evaluator(engine, model)
        await evaluator.run(pictures)
        evaluator.dispose()
      }
    },
  },
  engines: {
    count: 500,
    own: true,
    work: () => async (i) => {
      const engine = await init({ seed: i })
      await (await engine.step(() => F.relu(tensor([1, -1])))).data()
      engine.dispose()
    },
  },
}

let failed = false
const asked = process.argv.slice(2).map((word) => word.split('='))
for (const [name, { count: usual, own, work }] of Object.entries(WORKS)) {
  const wanted = asked.find(([word]) => word === name)
  if (asked.length && !wanted) continue
  const count = Number(wanted?.[1] ?? usual)
  const engine = own ? undefined : await init()
  const once = work(engine!)
  const start = performance.now()
  let before: Sample | undefined
  for (let i = 0; i < count; i++) {
    await once(i)
    if (i + 1 === Math.ceil(count / 2)) before = await sample(engine)
    if ((i + 1) % Math.ceil(count / 5) === 0) console.log(`${name} ${i + 1}`, JSON.stringify(await sample(engine)))
  }
  const after = await sample(engine)
  engine?.dispose()
  const grown = (key: keyof Sample) => after[key] - before![key]
  const flat =
    grown('threads') <= SPARE.threads &&
    grown('descriptors') <= SPARE.descriptors &&
    grown('megabytes') <= ROOM.megabytes &&
    grown('gpuBytes') <= ROOM.gpu * 2 ** 20
  failed ||= !flat
  const seconds = Math.round((performance.now() - start) / 1000)
  console.log(`${flat ? 'flat ' : 'GREW '} ${name} ${count} in ${seconds} s: ${JSON.stringify({ before, after })}`)
}
process.exitCode = failed ? 1 : 0
