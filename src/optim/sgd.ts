// Stochastic gradient descent with momentum.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkFlags, checkNumbers } from '../util/options.js'
import { type Group, Optimizer, type ParameterGroup, type Rates, type Slot, rateOf } from './optimizer.js'

/** Settings of {@link SGD}; those left out have their defaults. */
export interface SgdOptions extends Rates {
  /** Learning rate; it must be given. */
  lr: number
  /** Share of the last update in this one. Default 0. */
  momentum: number
  /** Share of the gradient that momentum leaves out. Default 0. */
  dampening: number
  /** Whether the gradient is taken where momentum leads. Default false. */
  nesterov: boolean
  /** Pull of the weights towards 0. Default 0. */
  weightDecay: number
}

/** lr must be given: NaN is refused. */
const DEFAULTS: SgdOptions = { lr: NaN, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 }

/**
 * `torch.optim.SGD`.
 * @throws for settings that make no sense, parameters that are no leaves or given twice, and unknown options.
 */
export class SGD extends Optimizer<SgdOptions> {
  constructor(
    params: readonly Tensor[] | readonly ParameterGroup<SgdOptions>[],
    options: Partial<SgdOptions> & { lr: number },
  ) {
    super(params, DEFAULTS, options, ['momentumBuffer'])
  }

  protected override checkSettings({ momentum, dampening, nesterov, weightDecay }: SgdOptions): void {
    checkNumbers('SGD', { dampening })
    checkNumbers('SGD', { momentum, weightDecay }, 0)
    checkFlags('SGD', { nesterov })
    check(
      !nesterov || (momentum > 0 && dampening === 0),
      `SGD: nesterov needs momentum and no dampening, got ${momentum} and ${dampening}`,
    )
  }

  protected override update(
    { parameters: p, gradients: g, floats, buffers: [buffer], counts, block }: Slot,
    group: Group<SgdOptions>,
    scaler: Tensor | null,
  ): void {
    gpu.run(
      shaders.sgd_step,
      { p, g, buffer, scaler, counts },
      () => ({
        n: floats,
        lr: rateOf(group),
        decay: group.weightDecay,
        momentum: group.momentum,
        one_minus_dampening: 1 - group.dampening,
        nesterov: group.nesterov,
        block,
      }),
      { elements: floats },
    )
  }
}
