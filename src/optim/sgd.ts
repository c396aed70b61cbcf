// Stochastic gradient descent with momentum.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { type Group, Optimizer, type ParameterGroup, type Slot } from './optimizer.js'

export interface SgdOptions {
  lr: number
  momentum: number
  dampening: number
  nesterov: boolean
  weightDecay: number
}

/** `torch.optim.SGD`. */
export class SGD extends Optimizer<SgdOptions> {
  constructor(
    params: readonly Tensor[] | readonly ParameterGroup<SgdOptions>[],
    options: Partial<SgdOptions> & { lr: number },
  ) {
    super(params, { momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, ...options }, 1)
    for (const { nesterov, momentum, dampening } of this.groups) {
      check(
        !nesterov || (momentum > 0 && dampening === 0),
        `SGD: nesterov needs momentum and no dampening, got ${momentum} and ${dampening}`,
      )
    }
  }

  protected override update(
    { parameters: p, gradients: g, floats, buffers: [buffer] }: Slot,
    group: Group<SgdOptions>,
    scaler: Tensor | null,
  ): void {
    gpu.run(
      shaders.sgd_step,
      { p, g, buffer, scaler },
      () => ({
        n: floats,
        lr: group.lr,
        decay: group.weightDecay,
        momentum: group.momentum,
        one_minus_dampening: 1 - group.dampening,
        nesterov: group.nesterov,
        steps: this.steps,
      }),
      { elements: floats },
    )
  }
}
