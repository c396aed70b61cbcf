// Adam and AdamW.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, shown } from '../util/check.js'
import { checkNumbers } from '../util/options.js'
import { type Group, Optimizer, type ParameterGroup, type Rates, type Slot, rateOf } from './optimizer.js'

/** Settings of {@link Adam} and {@link AdamW}; those left out have their defaults. */
export interface AdamOptions extends Rates {
  /** Default 0.001. */
  lr: number
  /** Decay of the running averages of the gradient and of its square. Default 0.9 and 0.999. */
  betas: readonly [number, number]
  /** Added to the root of the average square. Default 1e-8. */
  eps: number
  /** Default 0; 0.01 for AdamW. */
  weightDecay: number
}

const DEFAULTS: AdamOptions = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 }

/**
 * Adam with L2 weight decay in the gradient (`torch.optim.Adam`; Kingma & Ba 2015).
 * @throws for settings that make no sense, parameters that are no leaves or given twice, and unknown options.
 */
export class Adam extends Optimizer<AdamOptions> {
  protected readonly decoupled: boolean = false

  constructor(
    params: readonly Tensor[] | readonly ParameterGroup<AdamOptions>[],
    options: Partial<AdamOptions> = {},
    /** @internal */
    defaults: AdamOptions = DEFAULTS,
  ) {
    super(params, defaults, options, ['expAvg', 'expAvgSq'])
  }

  protected override checkSettings({ betas, eps, weightDecay }: AdamOptions): void {
    const name = this.constructor.name
    checkNumbers(name, { eps, weightDecay }, 0)
    check(
      betas?.length === 2 && betas.every((b) => typeof b === 'number' && b >= 0 && b < 1),
      () => `${name}: betas must be two numbers from 0 to below 1, got ${shown(betas)}`,
    )
  }

  protected override update(
    { parameters: p, gradients: g, floats, buffers: [m, v], counts, block }: Slot,
    group: Group<AdamOptions>,
    scaler: Tensor | null,
  ): void {
    gpu.run(
      shaders.adam_step,
      { p, g, m, v, scaler, counts },
      () => {
        const {
          betas: [beta1, beta2],
          eps,
          weightDecay,
        } = group
        const lr = rateOf(group)
        return {
          n: floats,
          decoupled: this.decoupled,
          lr,
          decay: weightDecay,
          eps,
          beta1,
          one_minus_beta1: 1 - beta1,
          beta2,
          one_minus_beta2: 1 - beta2,
          step_size: lr / (1 - beta1 ** this.steps),
          correction2: 1 / Math.sqrt(1 - beta2 ** this.steps),
          steps: this.steps,
          log1: -Math.log(beta1),
          log2: -Math.log(beta2),
          block,
        }
      },
      { elements: floats },
    )
  }
}

/**
 * Adam with decoupled weight decay, 0.01 by default (`torch.optim.AdamW`; Loshchilov & Hutter 2019).
 * @throws as {@link Adam}.
 */
export class AdamW extends Adam {
  protected override readonly decoupled = true

  constructor(params: readonly Tensor[] | readonly ParameterGroup<AdamOptions>[], options: Partial<AdamOptions> = {}) {
    super(params, options, { ...DEFAULTS, weightDecay: 0.01 })
  }
}
