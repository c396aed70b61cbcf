// Looking into a step from outside: its dispatches one by one, each with its own time. What the bench knows of the
// engine's insides is here.
import { gpu } from '../src/gpu/gpu.js'
import { Plan } from '../src/gpu/plan.js'
import { type Command, type Dispatch, Recording } from '../src/gpu/recording.js'
import { Timings } from '../src/gpu/timings.js'

/** What `fn` records. `mark()` inside of it says where it is: the number of dispatches so far. */
export function record(fn: (mark: () => number) => unknown): Recording {
  const recording = new Recording(true)
  gpu.recording = recording
  try {
    fn(() => recording.commands.filter(isDispatch).length)
  } finally {
    gpu.recording = null
    recording.close()
  }
  return recording
}

export const isDispatch = (command: Command): command is Dispatch => command.type === 'dispatch'

/** A recording ready to run again and again. */
export class Rehearsal {
  private constructor(readonly plan: Plan) {}

  static async of(recording: Recording): Promise<Rehearsal> {
    let plan!: Plan
    gpu.guarded(() => {
      plan = new Plan(gpu.device, gpu.memory, gpu.pipelines, recording, [])
    })
    await plan.ready()
    gpu.guarded(() => plan.place(recording.structure().live))
    await gpu.settle()
    return new Rehearsal(plan)
  }

  /** Runs once: wall milliseconds from encoding to completion. */
  async run(): Promise<number> {
    gpu.flush()
    const start = performance.now()
    this.submit((encoder) => this.plan.encode(encoder, null, null))
    await gpu.idle()
    return performance.now() - start
  }

  /** Runs `repeats` times in one submission: for each the milliseconds of every dispatch, by timestamps. */
  async time(repeats = 1): Promise<number[][]> {
    const { dispatches } = this.plan
    const timings = new Timings(gpu, dispatches * repeats)
    gpu.flush()
    this.submit((encoder) => {
      for (let r = 0; r < repeats; r++) this.plan.encode(encoder, null, null, (n) => timings.writes(r * dispatches + n))
      timings.resolve(encoder)
    })
    await gpu.idle()
    const all = await timings.durations()
    return Array.from({ length: repeats }, (_, r) => all.slice(r * dispatches, (r + 1) * dispatches))
  }

  destroy(): void {
    this.plan.destroy()
  }

  private submit(encode: (encoder: GPUCommandEncoder) => void): void {
    gpu.guarded(() => {
      const encoder = gpu.device.createCommandEncoder({ label: 'bench' })
      encode(encoder)
      gpu.device.queue.submit([encoder.finish()])
    })
    gpu.stepCounter++
  }
}
