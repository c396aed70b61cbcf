// Whole steps of models: training (forward, cross entropy, backward, Adam) and inference, captured and replayed.
import { performance } from 'node:perf_hooks'
import { type Engine, F, type Tensor, autocast, init, models, noGrad, optim, tensor } from '../src/index.js'
import { isDispatch, record } from './dispatches.js'
import { random } from './kernels.js'
import { columns, median, mib, percent, short } from './stats.js'

export type ModelName = 'resnet18' | 'vit-tiny' | 'vit-b'

export interface StepWork {
  name: string
  model: ModelName
  /** `partial`: only layer4 and fc learn, as in the experiment. */
  mode: 'train' | 'partial' | 'infer'
  batch: number
  size: number
  /** In mixed precision: f16 where it pays, with loss scaling. */
  half: boolean
  /** Too much for a software adapter. */
  gpuOnly: boolean
  /**
   * Without optional features, on software adapters: tiles in workgroup memory, as in browsers without subgroups; on a
   * GPU they are the usual kernels.
   */
  baseline: boolean
}

const TITLES = { resnet18: 'ResNet18', 'vit-tiny': 'ViT-Tiny', 'vit-b': 'ViT-B/16' }
/** Ending of a name. */
export const HALF = ', f16'
const PLAIN = ', no subgroups'
const MODES = { train: 'training', partial: 'training layer4 + fc', infer: 'inference' }

function work(
  model: ModelName,
  mode: StepWork['mode'],
  batch: number,
  { size = 224, half = false, gpuOnly = false, baseline = false } = {},
): StepWork {
  return {
    name: `${TITLES[model]} ${MODES[mode]}, ${size} px, batch ${batch}${half ? HALF : ''}${baseline ? PLAIN : ''}`,
    model,
    mode,
    batch,
    size,
    half,
    gpuOnly,
    baseline,
  }
}

export const steps: readonly StepWork[] = [
  work('resnet18', 'train', 4, { size: 64 }),
  work('resnet18', 'train', 4),
  work('resnet18', 'partial', 16),
  work('resnet18', 'train', 64, { gpuOnly: true }),
  work('resnet18', 'train', 64, { gpuOnly: true, half: true }),
  work('resnet18', 'train', 4, { size: 64, half: true }),
  work('resnet18', 'infer', 1),
  work('resnet18', 'infer', 4),
  work('vit-tiny', 'train', 2),
  work('vit-tiny', 'infer', 1),
  work('vit-b', 'train', 2),
  work('vit-b', 'train', 32, { gpuOnly: true }),
  work('vit-b', 'train', 32, { gpuOnly: true, half: true }),
  work('resnet18', 'train', 4, { size: 64, baseline: true }),
  work('vit-tiny', 'train', 2, { baseline: true }),
]

/** The step that stands for a model in profiles and compile times. */
export function representative(model: ModelName, isSoftware: boolean, half = false): StepWork {
  const [small, large] = { resnet18: [4, 64], 'vit-tiny': [2, 32], 'vit-b': [2, 32] }[model]
  return work(model, 'train', isSoftware ? small : large, { half })
}

/** Those of all models; on a GPU that can, the large ones in f16 too. */
export function representatives({ isSoftware, features }: Pick<Engine, 'isSoftware' | 'features'>): StepWork[] {
  const halves =
    isSoftware || !features.has('shader-f16')
      ? []
      : (['resnet18', 'vit-b'] as const).map((model) => representative(model, false, true))
  return [...modelNames.map((model) => representative(model, isSoftware)), ...halves]
}

export const modelNames = Object.keys(TITLES) as ModelName[]

/**
 * Operations of one image's forward pass, a multiply-add counting two: convolutions, products and attention, not what
 * is elementwise.
 */
export function forwardFlops(model: ModelName, size: number): number {
  if (model === 'resnet18') return 3.628e9 * (size / 224) ** 2
  const [dim, depth] = model === 'vit-b' ? [768, 12] : [192, 12]
  const patches = (size / 16) ** 2
  const tokens = patches + 1
  return 2 * (patches * 768 * dim + depth * (12 * dim * dim * tokens + 2 * tokens * tokens * dim))
}

/**
 * Of a whole step. Backward costs twice the forward pass, less the gradient of the images; with layer4 + fc only
 * theirs.
 */
export function stepFlops({ model, mode, batch, size }: StepWork): number {
  const forward = forwardFlops(model, size)
  const area = (size / 224) ** 2
  if (mode === 'infer') return batch * forward
  if (mode === 'partial') return batch * (forward + (2 * 0.822e9 - 0.128e9) * area)
  const first = model === 'resnet18' ? 0.236e9 * area : 2 * (size / 16) ** 2 * 768 * (model === 'vit-b' ? 768 : 192)
  return batch * (3 * forward - first)
}

/**
 * The step as a function to capture or profile; it returns the loss, or the logits. Two classes train, a thousand
 * infer.
 */
export function build({ model: name, mode, batch, size, half }: StepWork): () => Tensor {
  const options = { numClasses: mode === 'infer' ? 1000 : 2 }
  const model =
    name === 'resnet18'
      ? models.resnet18(options)
      : name === 'vit-b'
        ? models.vitBase(options)
        : models.vitTiny(options)
  const x = random([batch, size, size, 3])
  if (mode === 'infer') {
    model.eval()
    return () => noGrad(() => model.forward(x))
  }
  if (mode === 'partial') model.freeze((parameter) => !/^(layer4|fc)\./.test(parameter))
  const adam = new optim.Adam(
    model.parameters().filter((p) => p.requiresGrad),
    { lr: 1e-4 },
  )
  model.train()
  const y = tensor(Int32Array.from({ length: batch }, (_, i) => i % 2))
  const scaler = half ? new optim.GradScaler() : null
  return () => {
    adam.zeroGrad()
    const loss = F.crossEntropy(
      autocast(() => model.forward(x), { enabled: half }),
      y,
    )
    if (scaler) {
      loss.backward(scaler.factor)
      scaler.step(adam)
      scaler.update()
    } else {
      loss.backward()
      adam.step()
    }
    return loss
  }
}

export interface StepRow {
  name: string
  ms: number
  minMs: number
  imagesPerSecond: number
  gflops: number
  dispatches: number
  /** This thread's work on a step: encoding and submitting. */
  hostMs: number
  /** Share of the time in which the event loop was doing anything at all. */
  loopBusy: number
  peakBytes: number
  plannedBytes: number
  lowerBoundBytes: number
  newObjectsPerStep: number
}

/** Each step in an engine of its own, so that memory is that step's. */
export async function time(work: StepWork, seconds: number, engine?: Engine): Promise<StepRow> {
  const own = engine ?? (await init({ baseline: work.baseline }))
  try {
    return await timeIn(own, work, seconds)
  } finally {
    if (!engine) own.dispose()
  }
}

async function timeIn(engine: Engine, work: StepWork, seconds: number): Promise<StepRow> {
  const fn = build(work)
  const step = engine.capture(fn)
  let last: Tensor | null = null
  const run = async (times: number) => {
    for (let i = 0; i < times; i++) {
      last?.dispose()
      last = await step()
    }
    await engine.idle()
  }
  await run(1) // plans and compiles
  let start = performance.now()
  await run(1)
  // Waiting is polled once a millisecond: fast steps are timed several at a time.
  const together = Math.max(1, Math.min(50, Math.round(100 / (performance.now() - start))))
  const objects = () => {
    const { buffers, bindGroups, pipelines } = engine.counters()
    return buffers + bindGroups + pipelines
  }
  const [objectsBefore, hostBefore, loopBefore] = [objects(), engine.hostMs, performance.eventLoopUtilization()]
  const times: number[] = []
  for (const end = performance.now() + seconds * 1000; times.length < 2 || performance.now() < end;) {
    start = performance.now()
    await run(together)
    times.push((performance.now() - start) / together)
  }
  const loop = performance.eventLoopUtilization(loopBefore)
  const count = times.length * together
  const made = objects() - objectsBefore
  const values = await last!.data()
  if (!values.every(Number.isFinite)) throw new Error(`${work.name}: the result is ${values[0]}`)
  const ms = median(times)
  const { planned, lowerBound, peakBytes } = engine.memory()
  return {
    name: work.name,
    ms,
    minMs: Math.min(...times),
    imagesPerSecond: (1000 * work.batch) / ms,
    gflops: stepFlops(work) / ms / 1e6,
    dispatches: record(fn).commands.filter(isDispatch).length,
    hostMs: (engine.hostMs - hostBefore) / count,
    loopBusy: loop.utilization,
    peakBytes,
    plannedBytes: planned,
    lowerBoundBytes: lowerBound,
    newObjectsPerStep: made / count,
  }
}

export function stepTable(rows: readonly StepRow[]): string[] {
  return columns([
    [
      'step',
      'ms',
      'images/s',
      'GFLOPS',
      'dispatches',
      'host ms',
      'of step',
      'loop busy',
      'peak',
      'planned',
      'at least',
      'new objects',
    ],
    ...rows.map((row) => [
      row.name,
      short(row.ms),
      short(row.imagesPerSecond),
      short(row.gflops),
      String(row.dispatches),
      short(row.hostMs),
      percent(row.hostMs / row.ms),
      percent(row.loopBusy),
      mib(row.peakBytes),
      mib(row.plannedBytes),
      mib(row.lowerBoundBytes),
      short(row.newObjectsPerStep),
    ]),
  ])
}
