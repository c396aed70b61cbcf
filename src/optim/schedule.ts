// Learning rates as functions of the step: `optimizer.lr = schedule(step)`.
import { withDefaults } from '../util/options.js'

/**
 * Falls from `base` to `last` along half a cosine over `steps`, after a linear rise over `warmup` steps (Loshchilov &
 * Hutter 2017).
 */
export function cosine(
  base: number,
  steps: number,
  options: { warmup?: number; last?: number } = {},
): (step: number) => number {
  const { warmup, last } = withDefaults('cosine', options, { warmup: 0, last: 0 })
  return (step) => {
    if (step < warmup) return (base * (step + 1)) / warmup
    const progress = Math.min(1, (step - warmup) / Math.max(1, steps - warmup))
    return last + (base - last) * 0.5 * (1 + Math.cos(Math.PI * progress))
  }
}

/** Multiplies by `gamma` every `every` steps. `torch.optim.lr_scheduler.StepLR`. */
export function stepDecay(base: number, every: number, gamma = 0.1): (step: number) => number {
  return (step) => base * gamma ** Math.floor(step / every)
}
