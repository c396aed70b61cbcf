// What this adapter can do at most: multiply-adds in registers, and memory copied or updated. Measured in the same run
// as what is compared with them, several times over it; the best counts.
import { gpu } from '../src/gpu/gpu.js'
import { zeros } from '../src/index.js'
import { Rehearsal, record } from './dispatches.js'
import * as shaders from './shaders.gen.js'

export interface Ceilings {
  /** Multiply-adds in f32; each counts two. */
  gflops: number
  /** Bytes read plus written over 64 MiB. */
  gbs: number
  /** The same over 1 MiB (on a GPU 8), which caches hold: what small tensors compare with. */
  cachedGbs: number
}

/** Bytes of a step's tensors up to which {@link Ceilings.cachedGbs} is the measure. */
export const CACHED_BYTES = 16 << 20

interface Probe {
  of: keyof Ceilings
  /** Operations or bytes, in 10⁹. */
  amount: number
  rehearsal: Rehearsal
}

const TURN = 16 * 4 * 2 // operations of a chain in one turn of peak.wgsl

export class CeilingMeter {
  readonly best: Ceilings = { gflops: 0, gbs: 0, cachedGbs: 0 }

  private constructor(private probes: Probe[]) {}

  static async make(): Promise<CeilingMeter> {
    const { isSoftware, limits } = gpu.caps
    const probes: Probe[] = []
    // About 4 GFLOP on a software adapter, 60 on a GPU: 40 ms and a few milliseconds.
    const groups = isSoftware ? 512 : 8192
    const y = zeros([groups * 64 * 4])
    for (const CHAINS of [3, 6] as const) {
      for (const FMA of [0, 1] as const) {
        const turns = Math.round((isSoftware ? 4e9 : 6e10) / (groups * 64 * CHAINS * TURN))
        const run = () =>
          gpu.run(shaders.peak, { y }, { turns, factor: 0.999, summand: 0.001 }, { groups }, { CHAINS, FMA })
        probes.push({
          of: 'gflops',
          amount: (groups * 64 * CHAINS * TURN * turns) / 1e9,
          rehearsal: await Rehearsal.of(record(run)),
        })
      }
    }
    for (const [of, bytes] of [
      ['gbs', 64 << 20],
      ['cachedGbs', isSoftware ? 1 << 20 : 8 << 20],
    ] as const) {
      const n = Math.min(bytes, limits.maxStorageBufferBindingSize) / 4
      const [x, y] = [zeros([n]), zeros([n])]
      for (const PER of [4, 8] as const) {
        const groups = n / (256 * PER)
        for (const run of [
          () => gpu.run(shaders.copy, { x, y }, { n: n / 4 }, { groups }, { PER }),
          () => gpu.run(shaders.update, { y }, { n: n / 4, factor: 0.5 }, { groups }, { PER }),
        ])
          probes.push({ of, amount: (8 * n) / 1e9, rehearsal: await Rehearsal.of(record(run)) })
      }
    }
    const meter = new CeilingMeter(probes)
    await meter.measure() // compiles, and lets clocks rise
    meter.best.gflops = meter.best.gbs = meter.best.cachedGbs = 0
    // The rest of the run repeats the two fastest ways to each ceiling alone.
    const rates = await meter.measure()
    const kept = (of: keyof Ceilings) =>
      meter.probes
        .filter((p) => p.of === of)
        .sort((a, b) => rates.get(b)! - rates.get(a)!)
        .slice(0, 2)
    meter.probes = [...kept('gflops'), ...kept('gbs'), ...kept('cachedGbs')]
    return meter
  }

  /** Another turn: what it reached, alone. */
  async turn(): Promise<Ceilings> {
    const reached: Ceilings = { gflops: 0, gbs: 0, cachedGbs: 0 }
    for (const [{ of }, rate] of await this.measure()) reached[of] = Math.max(reached[of], rate)
    return reached
  }

  /** Another turn; what was faster than before replaces it. Rates in 10⁹ a second. */
  async measure(): Promise<Map<Probe, number>> {
    const rates = new Map<Probe, number>()
    for (const probe of this.probes) {
      let ms = Infinity
      for (let i = 0; i < 3; i++) ms = Math.min(ms, ...(await probe.rehearsal.time(gpu.caps.isSoftware ? 1 : 4)).flat())
      const rate = ms > 0 ? (probe.amount / ms) * 1e3 : 0
      rates.set(probe, rate)
      this.best[probe.of] = Math.max(this.best[probe.of], rate)
    }
    return rates
  }
}
