// Timestamps around the dispatches of one execution.
import type { Gpu } from './gpu.js'

const MAX_QUERIES = 4096

export class Timings {
  private readonly sets: GPUQuerySet[] = []
  private readonly buffer: GPUBuffer
  private readonly staging: GPUBuffer

  constructor(
    private readonly gpu: Gpu,
    private readonly dispatches: number,
  ) {
    for (let left = 2 * dispatches; left > 0; left -= MAX_QUERIES) {
      this.sets.push(gpu.device.createQuerySet({ type: 'timestamp', count: Math.min(left, MAX_QUERIES) }))
    }
    this.buffer = gpu.memory.create(16 * dispatches, 0x200 | 0x04 /* QUERY_RESOLVE | COPY_SRC */, 'timestamps')
    this.staging = gpu.memory.takeStaging(16 * dispatches)
  }

  /** What the pass of the n-th dispatch writes. */
  readonly writes = (n: number): GPUComputePassTimestampWrites => {
    const first = (2 * n) % MAX_QUERIES
    return {
      querySet: this.sets[Math.floor((2 * n) / MAX_QUERIES)],
      beginningOfPassWriteIndex: first,
      endOfPassWriteIndex: first + 1,
    }
  }

  resolve(encoder: GPUCommandEncoder): void {
    this.sets.forEach((set, i) => encoder.resolveQuerySet(set, 0, set.count, this.buffer, i * MAX_QUERIES * 8))
    encoder.copyBufferToBuffer(this.buffer, 0, this.staging, 0, 16 * this.dispatches)
  }

  /** Milliseconds of each dispatch. Ends the use of this object. */
  async durations(): Promise<number[]> {
    await this.staging.mapAsync(1 /* READ */)
    const stamps = new BigUint64Array(this.staging.getMappedRange(0, 16 * this.dispatches).slice(0))
    this.staging.unmap()
    this.gpu.memory.giveStaging(this.staging)
    this.gpu.memory.destroy(this.buffer)
    this.sets.forEach((set) => set.destroy())
    return Array.from({ length: this.dispatches }, (_, i) => Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6)
  }

  /** Sums by kernel, in milliseconds, slowest first. Ends the use of this object. */
  async byKernel(names: readonly string[]): Promise<{ kernel: string; calls: number; ms: number }[]> {
    const durations = await this.durations()
    const sums = new Map<string, { kernel: string; calls: number; ms: number }>()
    names.forEach((kernel, i) => {
      const sum = sums.get(kernel) ?? { kernel, calls: 0, ms: 0 }
      sum.calls++
      sum.ms += durations[i]
      sums.set(kernel, sum)
    })
    return [...sums.values()].sort((a, b) => b.ms - a.ms)
  }
}
