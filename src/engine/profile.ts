// Time of a step by kernel.
import { Timings } from '../gpu/timings.js'
import type { Recorded } from './record.js'
import type { Runner } from './runner.js'

export interface KernelTime {
  kernel: string
  calls: number
  ms: number
}

/** Runs what `record` records twice, the second time with a timestamp before and after every dispatch. */
export async function profile(runner: Runner, record: () => Recorded<unknown>): Promise<KernelTime[]> {
  const { gpu } = runner
  const recorded = record()
  const plan = await runner.plan(recorded)
  const timings = new Timings(gpu, plan.dispatches)
  for (let run = 0; run < 2; run++) {
    gpu.flush()
    gpu.guarded(() => {
      const encoder = gpu.device.createCommandEncoder({ label: 'profile' })
      plan.encode(encoder, null, null, run ? timings.writes : undefined)
      if (run) timings.resolve(encoder)
      gpu.device.queue.submit([encoder.finish()])
    })
    recorded.dependencies.apply()
    gpu.stepCounter++
    await gpu.idle()
  }
  plan.destroy()
  return timings.byKernel(plan.kernels())
}
