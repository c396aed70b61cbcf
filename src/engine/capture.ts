// A step function recorded once for each set of input shapes, and replayed.
import { gpu } from '../gpu/gpu.js'
import { type Mode } from '../tensor/mode.js'
import { Tensor, empty } from '../tensor/tensor.js'
import type { Tuner } from '../tune/tuner.js'
import { check } from '../util/check.js'
import type { Planned } from './plans.js'
import { type Recorded, type Result, record } from './record.js'
import type { Runner } from './runner.js'

/** What a captured function may be called with. */
export type Input = Tensor | number | boolean | string
/** Inputs as a caller gives them: where the function takes a tensor, a number will do. */
export type Given<I> = { [K in keyof I]: I[K] extends Tensor ? I[K] | number : I[K] }
/** What a captured function is called with: nothing, where it did not say that it takes anything. */
export type Arguments<I> = string extends keyof I ? [inputs?: Given<I>] : [inputs: Given<I>]

/** A step function that is recorded once and then replayed. */
export interface Captured<Arguments extends unknown[], R> {
  (...inputs: Arguments): Promise<R>
  /** Records, plans and compiles for inputs of these shapes without running: the first call is then as fast as any. */
  prepare(...inputs: Arguments): Promise<void>
  /** Gives back all recordings and their memory; another call records anew. */
  dispose(): void
}

interface Entry extends Planned {
  inputs: Record<string, Tensor | boolean | string>
  recorded: Recorded<Result>
}

let nextId = 0

export class Capture<R extends Result> {
  private readonly prefix = `capture ${nextId++}\n`

  constructor(
    private readonly runner: Runner,
    private readonly tuner: Tuner,
    private readonly fn: (inputs: never) => R,
  ) {
    collected.register(this, { runner, prefix: this.prefix })
  }

  run(given: Record<string, Input> = {}): Promise<R> {
    return this.runner.serially(async (call) => {
      const entry = await this.entry(given, call.mode)
      const { plan, inputs, recorded } = entry
      const { value, results, dependencies, recording } = recorded as Recorded<R>
      const copies: { from: Tensor['storage']; to: Tensor['storage'] }[] = []
      for (const name in given) {
        const [value, input] = [given[name], inputs[name]]
        if (value instanceof Tensor) copies.push({ from: value.storage.use('capture'), to: (input as Tensor).storage })
        else if (typeof value === 'number') gpu.upload((input as Tensor).storage, Float32Array.of(value))
      }
      const result = await this.runner.execute({ call, plan, value, results, dependencies, recording, copies })
      this.alive++
      return result
    })
  }

  prepare(given: Record<string, Input> = {}): Promise<void> {
    return this.runner.serially(async ({ mode }) => {
      await this.entry(given, mode)
      this.alive++
    })
  }

  dispose(): void {
    this.runner.plans.drop(this.prefix)
  }

  /** Counted after a call, so that the call keeps this object, and with it the plans. */
  private alive = 0

  /** The recording for such inputs whose dependencies hold; made where there is none. */
  private async entry(given: Record<string, Input>, mode: Mode): Promise<Entry> {
    const { plans } = this.runner
    const key = this.prefix + signature(given) + JSON.stringify(mode)
    const there = plans.find<Entry>(key, ({ recorded }) => recorded.dependencies.hold())
    if (there) return there
    const inputs: Entry['inputs'] = {}
    const tensors: Tensor[] = []
    for (const [name, value] of Object.entries(given)) {
      if (typeof value === 'boolean' || typeof value === 'string') inputs[name] = value
      else {
        const { shape, dtype } = value instanceof Tensor ? value : { shape: [], dtype: 'f32' as const }
        tensors.push((inputs[name] = empty(shape, dtype, `input ${name}`)))
      }
    }
    const dispose = () => tensors.forEach((t) => t.dispose())
    try {
      const recorded = await this.tuner.recorded(() =>
        record(() => this.fn(inputs as never), { mode, inputs: tensors, replayed: true }),
      )
      const entry = { plan: await this.runner.plan(recorded), inputs, recorded, dispose }
      plans.add(key, entry)
      return entry
    } catch (error) {
      dispose()
      throw error
    }
  }
}

/** Plans of captured functions that nobody holds any more. */
const collected = new FinalizationRegistry<{ runner: Runner; prefix: string }>(({ runner, prefix }) =>
  runner.plans.drop(prefix),
)

/** What of the inputs a recording depends on: shapes and dtypes; booleans and strings themselves. */
function signature(given: Record<string, Input>): string {
  check(
    typeof given === 'object' && given !== null && !(given instanceof Tensor),
    'capture: inputs come as one object with names',
  )
  return Object.entries(given)
    .map(([name, value]) => {
      if (value instanceof Tensor) return `${name} ${value.dtype} ${value.shape}; `
      if (typeof value === 'number') return `${name} number; `
      check(
        typeof value === 'boolean' || typeof value === 'string',
        () => `capture: input '${name}' must be a tensor, a number, a boolean or a string, got ${value}`,
      )
      return `${name} ${JSON.stringify(value)}; `
    })
    .join('')
}
