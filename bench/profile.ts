// A step's time by kernel, from timestamps around every dispatch: several runs, of each kernel the median.
import { gpu } from '../src/gpu/gpu.js'
import { init } from '../src/index.js'
import { Rehearsal, record } from './dispatches.js'
import { columns, median, percent, short } from './stats.js'
import { type StepWork, build, stepFlops } from './steps.js'

export interface Profile {
  name: string
  /** Of all dispatches together. */
  ms: number
  gflops: number
  kernels: { kernel: string; calls: number; ms: number; share: number }[]
}

const RUNS = 3

export async function profile(work: StepWork): Promise<Profile> {
  const engine = await init()
  try {
    const rehearsal = await Rehearsal.of(record(build(work)))
    const names = rehearsal.plan.kernels()
    await rehearsal.time()
    const runs: Map<string, number>[] = []
    for (let i = 0; i < RUNS; i++) {
      const sums = new Map<string, number>()
      ;(await rehearsal.time())[0].forEach((ms, at) => sums.set(names[at], (sums.get(names[at]) ?? 0) + ms))
      runs.push(sums)
    }
    await gpu.settle()
    const kernels = [...new Set(names)].map((kernel) => ({
      kernel,
      calls: names.filter((n) => n === kernel).length,
      ms: median(runs.map((r) => r.get(kernel)!)),
      share: 0,
    }))
    const ms = kernels.reduce((sum, k) => sum + k.ms, 0)
    for (const k of kernels) k.share = k.ms / ms
    return { name: work.name, ms, gflops: stepFlops(work) / ms / 1e6, kernels: kernels.sort((a, b) => b.ms - a.ms) }
  } finally {
    engine.dispose()
  }
}

export function profileTable({ name, ms, gflops, kernels }: Profile): string[] {
  const calls = kernels.reduce((sum, k) => sum + k.calls, 0)
  return columns([
    [name, 'calls', 'ms', 'share'],
    ...kernels.map((k) => [k.kernel, String(k.calls), short(k.ms), percent(k.share)]),
    [`all, ${short(gflops)} GFLOPS`, String(calls), short(ms), ''],
  ])
}
