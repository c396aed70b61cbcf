// Measures kernels: checks each, then times its dispatches by timestamps and compares with what the adapter can do.
import { gpu } from '../src/gpu/gpu.js'
import { type Engine, F, type Tensor } from '../src/index.js'
import { subgroupSizeForCpuKernels } from '../src/ops/occupancy.js'
import { check } from '../src/util/check.js'
import { CACHED_BYTES, type CeilingMeter, type Ceilings } from './ceilings.js'
import { Rehearsal, isDispatch, record } from './dispatches.js'
import { type Cost, type Work, random } from './kernels.js'
import { type Log, columns, median, percent, progress, short } from './stats.js'

export interface KernelRow extends Cost {
  work: string
  part: string
  ms: number
  minMs: number
  /** Largest relative error found; null where there was nothing to compare with. */
  error: number | null
  kernels: string[]
  /** What binds, and its share: of the turn in the middle, by that turn's ceilings. */
  bound: 'arithmetic' | 'memory'
  share: number
}

const TOLERANCE = 1e-4
/** Of ⟨dy, y⟩ = ⟨dx, x⟩ by ‖dy‖·‖y‖: the products of random vectors are small beside that, wrong ones too. */
const ADJOINT_TOLERANCE = 1e-6
/** Of one part in a turn: at least 2 runs, at most 9, and no more than this unless they are fewer. */
const TURN_MS = 150

/**
 * Forward, then backward for what is wanted, recorded or at once: outputs, their gradients, and those of the inputs.
 */
function differentiate(
  work: Work,
  inputs: Record<string, Tensor>,
  dys: Tensor[],
  wants: readonly string[],
  mark = () => {},
): Record<string, Tensor> {
  for (const name in inputs) {
    inputs[name].requiresGrad = wants.includes(name)
    inputs[name].grad = null
  }
  const outputs = [work.run(inputs)].flat()
  mark() // forward ends
  const results = Object.fromEntries(outputs.map((y, i) => [`y${i}`, y]))
  if (!wants.length) return results
  const all = outputs.reduce(F.add) // hands its gradient on to each as it is
  mark() // backward begins
  all.backward((dys[0] ??= random(all.shape, 99)))
  for (const name of wants) results[`d${name}`] = inputs[name].grad!
  return results
}

const everything = (work: Work) => [...new Set(work.parts.flatMap((p) => p.wants))]

/** Downloads what a work computes, with the one-subgroup kernels or without. */
async function outcome(engine: Engine, work: Work, inputs: Record<string, Tensor>, dys: Tensor[], plain: boolean) {
  const { subgroupSize } = gpu.caps
  if (plain) gpu.caps.subgroupSize = 0
  try {
    const step = () => differentiate(work, inputs, dys, everything(work))
    const results = await engine.step(step)
    const kernels = record(step)
      .commands.filter(isDispatch)
      .map(({ variant }) => variant.kernel.name)
      .join()
    const data: Record<string, Float32Array> = {}
    for (const name in results) data[name] = (await results[name].data()) as Float32Array
    return { data, kernels }
  } finally {
    gpu.caps.subgroupSize = subgroupSize
  }
}

/**
 * Compares the kernel families: largest ‖a - b‖ / ‖b‖ over all results. Where both ran the same kernels, products check
 * their own gradients: ⟨dy, y⟩ = ⟨dx, x⟩ for each factor x. Null when neither is possible: the test suite compares
 * those with PyTorch.
 */
async function errorOf(engine: Engine, work: Work): Promise<number | null> {
  const inputs = work.inputs()
  const dys: Tensor[] = []
  const fast = await outcome(engine, work, inputs, dys, false)
  const plain = subgroupSizeForCpuKernels() ? await outcome(engine, work, inputs, dys, true) : fast
  if (plain.kernels !== fast.kernels)
    return Math.max(...Object.keys(fast.data).map((name) => distance(fast.data[name], plain.data[name])))
  if (!work.multilinear) return null
  const dy = (await dys[0].data()) as Float32Array
  const bias = inputs.bias ? dot(fast.data.dbias, (await inputs.bias.data()) as Float32Array) : 0
  const product = dot(dy, fast.data.y0) - bias
  let worst = 0
  for (const name of everything(work)) {
    if (name === 'bias') continue
    const x = (await inputs[name].data()) as Float32Array
    worst = Math.max(
      worst,
      Math.abs(dot(fast.data[`d${name}`], x) - product) / Math.sqrt(dot(dy, dy) * dot(fast.data.y0, fast.data.y0)),
    )
  }
  check(worst < ADJOINT_TOLERANCE, `${work.name}: ⟨dy, y⟩ and ⟨dx, x⟩ differ by ${worst}; nothing was timed`)
  return worst
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** ‖a - b‖ / ‖b‖. */
function distance(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0) / dot(b, b))
}

/**
 * Times every part of a work in so many turns with the ceilings: load that comes and goes meets both alike. Throws when
 * the kernels are wrong: then nothing is timed.
 */
export async function measure(engine: Engine, work: Work, meter: CeilingMeter, turns: number): Promise<KernelRow[]> {
  const error = await errorOf(engine, work)
  check(error === null || error < TOLERANCE, `${work.name}: the kernel families differ by ${error}; nothing was timed`)
  const inputs = work.inputs()
  const dys: Tensor[] = []
  const rows: KernelRow[] = []
  for (const [i, { name, wants, cost }] of work.parts.entries()) {
    let [from, to] = [0, Infinity]
    const recording = record((count) => {
      const marks: number[] = []
      differentiate(work, inputs, dys, wants, () => {
        marks.push(count())
      })
      ;[from, to] = i ? [marks[1], Infinity] : [0, marks[0]]
    })
    const rehearsal = await Rehearsal.of(recording)
    await rehearsal.time() // compiles
    const times: number[] = []
    const shares: ReturnType<typeof shareOf>[] = []
    for (let turn = 0; turn < turns; turn++) {
      const own = await timed(rehearsal, from, to)
      shares.push(shareOf({ ...cost, ms: Math.min(...own) }, await meter.turn()))
      times.push(...own)
    }
    shares.sort((a, b) => a.share - b.share)
    rows.push({
      work: work.name,
      part: name,
      ms: median(times),
      minMs: Math.min(...times),
      ...cost,
      error,
      kernels: [...new Set(rehearsal.plan.kernels().slice(from, to))],
      ...shares[shares.length >> 1],
    })
    rehearsal.destroy()
  }
  return rows
}

/** Milliseconds of the dispatches `from` … `to` in each of several runs. */
async function timed(rehearsal: Rehearsal, from: number, to: number): Promise<number[]> {
  const sum = (run: number[]) => run.slice(from, to).reduce((a, b) => a + b, 0)
  const times: number[] = []
  const repeats = gpu.caps.isSoftware ? 1 : 5
  for (
    const start = performance.now();
    times.length < 2 || (times.length < 9 && performance.now() - start < TURN_MS);
  ) {
    times.push(...(await rehearsal.time(repeats)).map(sum))
  }
  return times
}

/** Share of the ceiling that binds: the time which the ceilings allow, over the time taken. */
export function shareOf({ flops, bytes, ms }: Pick<KernelRow, 'flops' | 'bytes' | 'ms'>, best: Ceilings) {
  const memory = bytes / (bytes <= CACHED_BYTES ? Math.max(best.cachedGbs, best.gbs) : best.gbs)
  const arithmetic = flops / best.gflops
  const bound = arithmetic > memory ? ('arithmetic' as const) : ('memory' as const)
  return { bound, share: Math.max(memory, arithmetic) / 1e6 / ms }
}

export function kernelTable(rows: readonly KernelRow[]): string[] {
  return columns([
    ['kernel', 'ms', 'best', 'rate', 'of ceiling'],
    ...rows.map((row) => {
      const { bound, share } = row
      const rate =
        bound === 'arithmetic'
          ? `${short(row.flops / row.minMs / 1e6)} GFLOPS`
          : `${short(row.bytes / row.minMs / 1e6)} GB/s`
      return [`${row.work}  ${row.part}`, short(row.ms), short(row.minMs), rate, percent(share)]
    }),
  ])
}

/** Measures works group by group, see {@link measure}. */
export async function measureAll(
  engine: Engine,
  meter: CeilingMeter,
  groups: readonly (readonly Work[])[],
  { turns, log }: { turns: number; log: Log },
): Promise<KernelRow[]> {
  const rows: KernelRow[] = []
  for (const group of groups) {
    for (const work of group) {
      await log.attempt(work.name, async () => {
        const measured = await measure(engine, work, meter, turns)
        rows.push(...measured)
        progress(`${work.name}: ${measured.map((r) => `${r.part} ${short(r.ms)} ms`).join(', ')}`)
      })
    }
  }
  return rows
}
