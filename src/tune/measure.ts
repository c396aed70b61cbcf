// Measures which implementation of a problem is fastest: on scratch buffers with random numbers, each first compared
// with the plain kernel, those that agree then timed in turns.
import type { TuningTask } from '../gpu/choices.js'
import type { Gpu } from '../gpu/gpu.js'
import { Plan } from '../gpu/plan.js'
import { type Command, Recording, accesses } from '../gpu/recording.js'
import { Storage } from '../gpu/storage.js'
import { Timings } from '../gpu/timings.js'
import { RadiogradError } from '../util/check.js'
import { fromHalf, toHalf } from '../util/half.js'

/** What was found for a problem. */
export interface Measurement {
  key: string
  /** Times the problem came up in the step. */
  calls: number
  /** The implementation that runs where nothing was measured. */
  default: string
  /** The fastest that computes the right thing, and milliseconds of it and of the default, unless that was rejected. */
  chosen: string
  ms: number
  defaultMs?: number
  /** Implementations that could not be chosen, and why. */
  rejected: { name: string; reason: string }[]
}

/**
 * Largest ‖a - b‖ / ‖b‖ between an implementation and the plain kernel; for sums of f16 products, which matrix units
 * may cut rather than round; and where the result itself is f16.
 */
const TOLERANCE = 1e-5
const PRODUCTS_TOLERANCE = 1e-4
const HALF_TOLERANCE = 1e-3
const ROUNDS = 5
/** An implementation this much slower than the best in the first round is not timed again. */
const HOPELESS = 1.4
/** The default stays unless another takes at most this share of its time: noise decides nothing. */
const WORTH = 0.97
/** Each timed run takes about so long, in repetitions. */
const RUN_MS = 1
const MAX_REPEATS = 20

/** Measures the implementations of a problem. Throws when the device is lost. */
export async function measure(gpu: Gpu, task: TuningTask): Promise<Measurement> {
  const scratch = new ScratchBuffers(gpu)
  const planned: Planned[] = []
  const rejected: Measurement['rejected'] = []
  const make = async (name: string) => {
    const one = await Planned.make(gpu, name, task.implementations.get(name)!, scratch)
    planned.push(one)
    return one
  }
  try {
    const plain = await make(task.plain)
    const recording = task.implementations.get(task.plain)!
    scratch.fill(recording)
    await time(gpu, [plain], 1)
    const outputs = scratch.written(recording)
    const truth = await Promise.all(outputs.map((s) => scratch.read(s)))
    const allowed = (s: Storage) =>
      scratch.half.has(s) ? HALF_TOLERANCE : scratch.half.size ? PRODUCTS_TOLERANCE : TOLERANCE
    const correct = [plain]
    for (const name of task.implementations.keys()) {
      if (name === task.plain) continue
      try {
        const one = await make(name)
        for (const s of outputs) gpu.zero(s)
        await time(gpu, [one], 1)
        const errors = await Promise.all(outputs.map(async (s, i) => distance(await scratch.read(s), truth[i])))
        const wrong = errors.find((error, i) => !(error <= allowed(outputs[i])))
        if (wrong === undefined) correct.push(one)
        else rejected.push({ name, reason: `differs from the plain kernel by ${wrong.toExponential(1)}` })
      } catch (error) {
        if (!(error instanceof RadiogradError) || /device lost/.test(error.message)) throw error
        rejected.push({ name, reason: error.message })
      }
    }
    return {
      key: task.key,
      calls: task.calls,
      default: task.default,
      ...(await race(gpu, correct, task.default)),
      rejected,
    }
  } finally {
    for (const { plan } of planned) plan.destroy()
    scratch.destroy()
  }
}

/** Times in turns; the fastest by median. */
async function race(
  gpu: Gpu,
  planned: readonly Planned[],
  defaultName: string,
): Promise<Pick<Measurement, 'chosen' | 'ms' | 'defaultMs'>> {
  const first = await time(gpu, planned, 1) // also lets clocks rise
  const best = Math.min(...first)
  const isDefault = ({ name }: Planned) => name === defaultName
  const timed = planned.filter((one, i) => first[i] <= best * HOPELESS || isDefault(one))
  const repeats = Math.max(1, Math.min(MAX_REPEATS, Math.round(RUN_MS / best)))
  const times: number[][] = timed.map(() => [])
  for (let round = 0; round < ROUNDS; round++) (await time(gpu, timed, repeats)).forEach((ms, i) => times[i].push(ms))
  const medians = times.map((all) => all.sort((a, b) => a - b)[ROUNDS >> 1])
  const ms = Math.min(...medians)
  const chosen = timed[medians.indexOf(ms)].name
  const defaultMs: number | undefined = medians[timed.findIndex(isDefault)]
  if (defaultMs !== undefined && ms > defaultMs * WORTH) return { chosen: defaultName, ms: defaultMs, defaultMs }
  return { chosen, ms, defaultMs }
}

/** Runs each `repeats` times, all in one submission: milliseconds of one run of each. */
async function time(gpu: Gpu, planned: readonly Planned[], repeats: number): Promise<number[]> {
  const dispatches = planned.reduce((sum, { plan }) => sum + plan.dispatches * repeats, 0)
  const timings = new Timings(gpu, dispatches)
  gpu.flush()
  gpu.guarded(() => {
    const encoder = gpu.device.createCommandEncoder({ label: 'tune' })
    let first = 0
    for (const { plan } of planned) {
      for (let r = 0; r < repeats; r++) {
        const from = first
        plan.encode(encoder, null, null, (n) => timings.writes(from + n))
        first += plan.dispatches
      }
    }
    timings.resolve(encoder)
    gpu.device.queue.submit([encoder.finish()])
  })
  await gpu.idle()
  const durations = await timings.durations()
  let at = 0
  return planned.map(({ plan }) => {
    const end = at + plan.dispatches * repeats
    let ms = 0
    while (at < end) ms += durations[at++]
    return ms / repeats
  })
}

/** An implementation ready to run on scratch buffers. */
class Planned {
  private constructor(
    readonly name: string,
    readonly plan: Plan,
  ) {}

  static async make(gpu: Gpu, name: string, draft: Recording, scratch: ScratchBuffers): Promise<Planned> {
    const recording = new Recording()
    for (const command of draft.commands) recording.commands.push(scratch.replace(command, draft))
    let plan!: Plan
    gpu.guarded(() => {
      plan = new Plan(gpu.device, gpu.memory, gpu.pipelines, recording, [])
    })
    try {
      await plan.ready()
      gpu.guarded(() => plan.place(recording.structure().live))
      await gpu.settle()
    } catch (error) {
      plan.destroy()
      throw error
    }
    return new Planned(name, plan)
  }
}

/**
 * Buffers in the place of the step's own: the same ones for every implementation. What a draft allocated itself stays
 * with its plan.
 */
class ScratchBuffers {
  private readonly replaced = new Map<Storage, Storage>()
  /** Those that hold f16. */
  readonly half = new Set<Storage>()

  constructor(private readonly gpu: Gpu) {}

  replace(command: Command, draft: Recording): Command {
    const by = <S extends Storage | null>(storage: S): S => {
      if (!storage || draft.transients[storage.index] === storage) return storage
      let scratch = this.replaced.get(storage)
      if (!scratch) {
        const buffer = this.gpu.memory.createStorageBuffer(storage.byteLength, 'tuning')
        this.replaced.set(storage, (scratch = new Storage(storage.byteLength, 'live', storage.label, buffer)))
      }
      return scratch as S
    }
    switch (command.type) {
      case 'dispatch': {
        const bindings = command.bindings.map(by)
        bindings.forEach((storage, i) => {
          if (storage && command.variant.isHalf(i)) this.half.add(storage)
        })
        return { ...command, bindings }
      }
      case 'copy':
        return { ...command, source: by(command.source), target: by(command.target) }
      case 'zero':
        return { ...command, target: by(command.target) }
      case 'exchange': // no kernel has one
      case 'host':
        return command
    }
  }

  /** The scratch of what a draft writes outside of itself. */
  written(draft: Recording): Storage[] {
    const all = draft.commands.flatMap((command) => accesses(command).written)
    return [...new Set(all)].flatMap((storage) => this.replaced.get(storage) ?? [])
  }

  /** Random numbers for what a draft reads. Their period is a prime, so that no two rows of a matrix are alike. */
  fill(draft: Recording): void {
    const period = 1_000_003
    let state = 1
    const numbers = Float32Array.from({ length: period }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 31 - 1
    })
    // An even number of them: writes come in fours of bytes.
    const halves = this.half.size ? toHalf(numbers.subarray(0, period - 1)) : null
    const written = new Set(this.written(draft))
    for (const storage of this.replaced.values()) {
      if (written.has(storage)) continue
      const values = halves && this.half.has(storage) ? halves : numbers
      const { BYTES_PER_ELEMENT: bytes, byteLength } = values
      for (let at = 0; at < storage.byteLength; at += byteLength) {
        this.gpu.write(storage, values.subarray(0, Math.min(values.length, (storage.byteLength - at) / bytes)), at)
      }
    }
  }

  /** The numbers of a scratch buffer. */
  async read(storage: Storage): Promise<Float32Array> {
    const bytes = await this.gpu.read(storage, storage.byteLength)
    return this.half.has(storage) ? fromHalf(new Uint16Array(bytes)) : new Float32Array(bytes)
  }

  destroy(): void {
    for (const { buffer } of this.replaced.values()) this.gpu.memory.destroy(buffer!)
  }
}

/** ‖a - b‖ / ‖b‖. */
function distance(a: Float32Array, b: Float32Array): number {
  let difference = 0
  let size = 0
  for (let i = 0; i < a.length; i++) {
    difference += (a[i] - b[i]) ** 2
    size += b[i] ** 2
  }
  return Math.sqrt(difference / size)
}
