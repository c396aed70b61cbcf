// Loss scaling: gradients that would vanish in f16 are computed of a larger loss, as large as they bear.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { reading, setting } from '../tensor/dependencies.js'
import { defineOp } from '../tensor/op.js'
import { Tensor, tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkNumbers, checkWhole, withDefaults } from '../util/options.js'
import { chunkedRuns } from './chunks.js'
import type { Optimizer } from './optimizer.js'

/** Options of {@link GradScaler}. */
export interface GradScalerOptions {
  /** The factor at the beginning. Default 65536. */
  initScale?: number
  /** What the factor is multiplied by after `growthInterval` steps without an overflow. Default 2. */
  growthFactor?: number
  /** What it is multiplied by after a step with one. Default 0.5. */
  backoffFactor?: number
  /** Steps without an overflow before it grows. Default 2000. */
  growthInterval?: number
}

type Stage = 'none' | 'unscaled' | 'stepped'

/** What a scaler needs of an optimizer. */
type Scalable = Pick<Optimizer<{ lr: number }>, 'groups' | 'step'>

/** loss · the factor, the first word of `state`. */
const scaleOp = defineOp({
  name: 'GradScaler.scale',
  dtypes: { state: ['u32'] },
  saves: ['state'],
  shape: ({ loss }: { loss: Tensor; state: Tensor }) => ({ y: loss.shape }),
  forward({ loss, state }, { y }) {
    gpu.run(shaders.binary_forward, { a: loss, b: state, y }, { n: 1 }, { elements: 1 }, { OP: 'mul' })
  },
  backward({ state }, { y: dy }, { loss: dloss }) {
    if (dloss) gpu.run(shaders.binary_forward, { a: dy, b: state, y: dloss }, { n: 1 }, { elements: 1 }, { OP: 'mul' })
  },
})

/**
 * `scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()`. A step with a gradient that is not finite
 * changes neither weights nor the optimizer, and halves the factor. All of it is decided on the GPU, so that a captured
 * step holds it. For one optimizer. `torch.cuda.amp.GradScaler` (Micikevicius et al. 2018).
 * @throws when an option makes no sense.
 */
export class GradScaler {
  /** Four words, as in shaders/lib/scaler.wgsl. */
  private readonly state: Tensor
  private readonly settings: { growth: number; backoff: number; interval: number }
  private optimizer: Scalable | null = null
  /** What was done since the last update. */
  private present: Stage = 'none'

  constructor(options: GradScalerOptions = {}) {
    const defaults = { initScale: 65536, growthFactor: 2, backoffFactor: 0.5, growthInterval: 2000 }
    const { initScale, growthFactor, backoffFactor, growthInterval } = withDefaults('GradScaler', options, defaults)
    check(initScale > 0, `GradScaler: initScale must be above 0, got ${initScale}`)
    check(growthFactor > 1, `GradScaler: growthFactor must be above 1, got ${growthFactor}`)
    check(
      backoffFactor > 0 && backoffFactor < 1,
      `GradScaler: backoffFactor must be between 0 and 1, got ${backoffFactor}`,
    )
    checkWhole('GradScaler', { growthInterval }, 1)
    this.settings = { growth: growthFactor, backoff: backoffFactor, interval: growthInterval }
    this.state = tensor(Uint32Array.of(bitsOf(initScale), 0, 0, 0))
  }

  private get stage(): Stage {
    reading(this, 'present')
    return this.present
  }

  private set stage(value: Stage) {
    setting(this, 'present', value !== this.present)
    this.present = value
  }

  /**
   * The loss, of one element, times the factor: what to call `backward()` on.
   * @throws unless the loss has one element.
   */
  scale(loss: Tensor): Tensor {
    check(loss?.size === 1, () => `GradScaler.scale: needs a loss of one element, got ${loss?.size}`)
    return scaleOp({ loss, state: this.state }, {}).y
  }

  /** @internal To begin with: `loss.backward(factor)` is `scale(loss).backward()`, for no dispatch. */
  get factor(): Tensor {
    return new Tensor(this.state.storage, [], 'f32')
  }

  /**
   * Divides the gradients by the factor; `step` does it otherwise. For clipping in between (`unscale_`).
   * @throws when it is called twice between updates, or for another optimizer.
   */
  unscale(optimizer: Scalable): void {
    check(optimizer?.groups, 'GradScaler: needs an optimizer')
    check(
      !this.optimizer || this.optimizer === optimizer,
      'GradScaler: serves one optimizer, got another; make a scaler for each',
    )
    check(this.stage === 'none', `GradScaler.unscale: must be called once between updates, got ${this.stage} gradients`)
    this.optimizer = optimizer
    this.stage = 'unscaled'
    for (const { gradients: g, chunks } of chunkedRuns(
      optimizer.groups.flatMap(({ params }) => params.filter((p) => p.grad)),
    )) {
      const count = chunks.shape[0]
      gpu.run(shaders.unscale, { g, chunks, scaler: this.state }, { count }, { groups: count })
    }
  }

  /**
   * A step of the optimizer that changes nothing if a gradient is not finite.
   * @throws when it is called twice between updates.
   */
  step(optimizer: Scalable): void {
    check(this.stage !== 'stepped', 'GradScaler.step: must be called once between updates, got a second call')
    if (this.stage === 'none') this.unscale(optimizer)
    this.stage = 'stepped'
    optimizer.step(this.state)
  }

  /**
   * Adapts the factor; after `step`.
   * @throws unless `step` came before.
   */
  update(): void {
    check(this.stage !== 'none', 'GradScaler.update: must follow step(), got no step')
    this.stage = 'none'
    gpu.run(shaders.scaler_update, { scaler: this.state }, this.settings, { groups: 1 })
  }

  /** The factor now. */
  async getScale(): Promise<number> {
    return (await this.stateDict()).scale
  }

  /** The factor, the steps since it changed, and how many steps were left out so far. */
  async stateDict(): Promise<{ scale: number; growthTracker: number; skipped: number }> {
    const [scale, growthTracker, , skipped] = await this.state.data('u32')
    return { scale: new Float32Array(Uint32Array.of(scale).buffer)[0], growthTracker, skipped }
  }

  /**
   * Goes on with another scaler's factor.
   * @throws unless both are numbers.
   */
  loadStateDict(state: { scale: number; growthTracker: number }): void {
    const { scale, growthTracker } = state ?? {}
    checkNumbers('GradScaler.loadStateDict', { scale, growthTracker })
    check(scale > 0, `GradScaler.loadStateDict: scale must be above 0, got ${scale}`)
    gpu.write(this.state.storage, Uint32Array.of(bitsOf(scale), growthTracker))
  }
}

const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]
