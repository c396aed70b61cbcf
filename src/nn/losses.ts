// Losses as modules: what forward(input, target) computes is the function of `F`, and so are the options. A weight that
// is given as an `nn.Buffer` is saved with the module, as PyTorch saves all of them.
import * as F from '../ops/index.js'
import { DIVERGENCE } from '../ops/losses.js'
import { checkReduction } from '../ops/reduction.js'
import { type Tensor, checkTensors } from '../tensor/tensor.js'
import { withDefaults } from '../util/options.js'
import { Module } from './module.js'

/** Default options, without those that only some losses have. */
const MEAN = { reduction: 'mean' } as const
const NONE = { weight: null }

abstract class Loss<O extends object> extends Module {
  constructor(
    name: string,
    readonly options: O,
    defaults: Required<O> & { reduction: string; weight?: Tensor | null; posWeight?: Tensor | null },
    reductions?: readonly string[],
  ) {
    super()
    const { reduction, weight, posWeight } = withDefaults(name, options as Partial<typeof defaults>, defaults)
    checkReduction(name, reduction, reductions)
    checkTensors(name, {}, { weight, posWeight })
  }

  protected override namedFields(): [string, unknown][] {
    const { weight, posWeight } = this.options as { weight?: unknown; posWeight?: unknown }
    return Object.entries({ weight, pos_weight: posWeight })
  }

  abstract forward(input: Tensor, target: Tensor): Tensor
}

/** (input - target)² (`torch.nn.MSELoss`): options as {@link F.mseLoss}. */
export class MSELoss extends Loss<F.LossOptions> {
  constructor(options: F.LossOptions = {}) {
    super('MSELoss', options, MEAN)
  }

  /** Two tensors of one shape → a number [], unreduced a loss for each. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, this.options)
  }
}

/** |input - target| (`torch.nn.L1Loss`): options as {@link F.l1Loss}. */
export class L1Loss extends Loss<F.LossOptions> {
  constructor(options: F.LossOptions = {}) {
    super('L1Loss', options, MEAN)
  }

  /** Two tensors of one shape → a number [], unreduced a loss for each. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, this.options)
  }
}

/** Quadratic below beta, linear above (`torch.nn.SmoothL1Loss`): options as {@link F.smoothL1Loss}. */
export class SmoothL1Loss extends Loss<F.SmoothL1Options> {
  constructor(options: F.SmoothL1Options = {}) {
    super('SmoothL1Loss', options, { ...MEAN, beta: 1 })
  }

  /** Two tensors of one shape → a number [], unreduced a loss for each. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(input, target, this.options)
  }
}

/** Quadratic up to delta, linear above (`torch.nn.HuberLoss`): options as {@link F.huberLoss}. */
export class HuberLoss extends Loss<F.HuberOptions> {
  constructor(options: F.HuberOptions = {}) {
    super('HuberLoss', options, { ...MEAN, delta: 1 })
  }

  /** Two tensors of one shape → a number [], unreduced a loss for each. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.huberLoss(input, target, this.options)
  }
}

/**
 * Binary cross entropy between logits and targets from 0 to 1 (`torch.nn.BCEWithLogitsLoss`): options as {@link
 * F.bceWithLogits}.
 */
export class BCEWithLogitsLoss extends Loss<F.BceOptions> {
  constructor(options: F.BceOptions = {}) {
    super('BCEWithLogitsLoss', options, { ...MEAN, ...NONE, posWeight: null })
  }

  /** Logits and targets of one shape → a number [], unreduced a loss for each. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.bceWithLogits(input, target, this.options)
  }
}

/**
 * Cross entropy between logits [..., C] and class numbers [...] or probabilities [..., C]
 * (`torch.nn.CrossEntropyLoss`): options as {@link F.crossEntropy}.
 */
export class CrossEntropyLoss extends Loss<F.CrossEntropyOptions> {
  constructor(options: F.CrossEntropyOptions = {}) {
    super('CrossEntropyLoss', options, { ...MEAN, ...NONE, ignoreIndex: -100, labelSmoothing: 0 })
  }

  /**
   * Logits [..., C] and class numbers [...] (i32) or probabilities [..., C] → a number [], unreduced a loss for each.
   */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.crossEntropy(input, target, this.options)
  }
}

/**
 * Negative log likelihood of log-probabilities [..., C] and class numbers [...] (`torch.nn.NLLLoss`): options as {@link
 * F.nllLoss}.
 */
export class NLLLoss extends Loss<F.NllOptions> {
  constructor(options: F.NllOptions = {}) {
    super('NLLLoss', options, { ...MEAN, ...NONE, ignoreIndex: -100 })
  }

  /** Log-probabilities [..., C] and class numbers [...] (i32) → a number [], unreduced a loss for each. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.nllLoss(input, target, this.options)
  }
}

/** Kullback-Leibler divergence of log-probabilities and a target (`torch.nn.KLDivLoss`): options as {@link F.klDiv}. */
export class KLDivLoss extends Loss<F.KlDivOptions> {
  constructor(options: F.KlDivOptions = {}) {
    super('KLDivLoss', options, { ...MEAN, logTarget: false }, DIVERGENCE)
  }

  /** Log-probabilities and a target of one shape → a number [], unreduced a loss for each. */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.klDiv(input, target, this.options)
  }
}
