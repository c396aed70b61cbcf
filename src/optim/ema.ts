// Exponential moving average of a model's parameters and state.
import { gpu } from '../gpu/gpu.js'
import type { Storage } from '../gpu/storage.js'
import * as shaders from '../shaders.gen.js'
import { type Run, contiguousRuns } from '../tensor/arena.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, kindOf } from '../util/check.js'
import { checkNumbers } from '../util/options.js'

/** What is averaged: all parameters that learn, and the running statistics. */
interface Averaged {
  parameters(): Tensor[]
  namedBuffers(): Iterable<[string, Tensor]>
}

/**
 * Averages of a model: `update()` after every step of the optimizer, in a captured step, too; `swap()` puts them into
 * the model, and puts its own values back. timm's `ModelEmaV2` (Polyak & Juditsky 1992), whose default of `decay` is
 * 0.9999.
 * @throws when `model` is no module, or `decay` is not from 0 to below 1.
 */
export class ModelEma {
  private readonly tensors: readonly Tensor[]
  private readonly runs: readonly { run: Run; average: Storage }[]

  constructor(
    model: Averaged,
    /** Share that stays of the averages at each update. */
    readonly decay = 0.9999,
  ) {
    check(typeof model?.namedBuffers === 'function', () => `ModelEma: needs a module, got ${kindOf(model)}`)
    checkNumbers('ModelEma', { decay }, 0, 1)
    check(decay < 1, 'ModelEma: decay must be below 1, got 1')
    const buffers = Array.from(model.namedBuffers(), ([, buffer]) => buffer)
    this.tensors = [...model.parameters().filter((p) => p.requiresGrad), ...buffers]
    this.runs = contiguousRuns(this.tensors).map((run) => {
      const average = gpu.memory.allocate(4 * run.floats, 'moving average')
      gpu.write(average, new Uint8Array(average.byteLength))
      return { run, average }
    })
    this.reset()
  }

  /** The averages become what the model is now. */
  reset(): void {
    this.run(1, false)
  }

  /** decay · average + (1 − decay) · model. */
  update(): void {
    this.run(1 - this.decay, false)
  }

  /** Exchanges the model's values and the averages. */
  swap(): void {
    for (const { storage } of this.tensors) storage.version++
    this.run(0, true)
  }

  private run(share: number, SWAP: boolean): void {
    for (const { run, average } of this.runs) {
      const { parameters: p, floats } = run
      gpu.run(shaders.ema_step, { p, e: average }, { n: floats, share }, { elements: floats }, { SWAP })
    }
  }
}
