// Whole training steps: forward, cross entropy, backward, Adam, captured and replayed.
import { F, type Engine, models, optim, tensor } from '../src/index.js'
import { random } from './kernels.js'

export interface StepResult {
  name: string
  /** First call: recording, planning, compiling. */
  firstMs: number
  ms: number
  minMs: number
  imagesPerSecond: number
  dispatches: number
  plannedBytes: number
  lowerBoundBytes: number
  newObjectsPerStep: number
}

export interface StepWork {
  name: string
  batch: number
  size: number
  /** Only layer4 and fc, as in the experiment. */
  partial: boolean
}

export const steps: readonly StepWork[] = [
  { name: 'ResNet18 training step, 64 px, batch 4', batch: 4, size: 64, partial: false },
  { name: 'ResNet18 training step, 224 px, batch 4', batch: 4, size: 224, partial: false },
  { name: 'ResNet18 layer4 + fc, 224 px, batch 16', batch: 16, size: 224, partial: true },
]

/** The step as a function to capture or profile. */
export function build({ batch, size, partial }: StepWork) {
  const model = models.resnet18({ numClasses: 2 })
  if (partial) model.freeze((name) => !/^(layer4|fc)\./.test(name))
  const adam = new optim.Adam(model.parameters().filter((p) => p.requiresGrad), { lr: 1e-4 })
  model.train()
  const x = random([batch, size, size, 3])
  const y = tensor(Int32Array.from({ length: batch }, (_, i) => i % 2))
  return () => {
    adam.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    adam.step()
    return loss
  }
}

export async function time(engine: Engine, work: StepWork, seconds: number): Promise<StepResult> {
  const step = engine.capture(build(work))
  const run = async () => {
    const loss = await step()
    const value = await loss.item()
    loss.dispose()
    if (!Number.isFinite(value)) throw new Error(`${work.name}: the loss is ${value}`)
  }
  const start = performance.now()
  await run()
  const firstMs = performance.now() - start
  await run()
  const before = engine.counters()
  const times: number[] = []
  for (const end = performance.now() + seconds * 1000; times.length < 3 || performance.now() < end; ) {
    const t = performance.now()
    await run()
    times.push(performance.now() - t)
  }
  const after = engine.counters()
  const objects = after.buffers + after.bindGroups + after.pipelines - before.buffers - before.bindGroups - before.pipelines
  const ms = times.sort((a, b) => a - b)[times.length >> 1]
  const { planned, lowerBound } = engine.memory()
  return {
    name: work.name, firstMs, ms, minMs: times[0], imagesPerSecond: (1000 * work.batch) / ms,
    dispatches: (await engine.profile(build(work))).reduce((sum, k) => sum + k.calls, 0),
    plannedBytes: planned, lowerBoundBytes: lowerBound, newObjectsPerStep: objects / times.length,
  }
}
