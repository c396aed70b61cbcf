// Learning rates as functions of the step, from 0, and of the validation losses of the epochs before it:
// `optimizer.lr = schedule(step, losses)`. They keep nothing, so that a run that goes on after a stop has the same
// rates.
import { check, shown } from '../util/check.js'
import { withDefaults } from '../util/options.js'

/**
 * Falls from `base` to `last` along half a cosine over `steps`, after a linear rise over `warmup` steps (Loshchilov &
 * Hutter 2017).
 * @throws for an unknown option.
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

/** Rises linearly to `base` over `steps`, (step + 1) / steps of it; from then on `schedule`, `base` when left out. */
export function warmUp<Rest extends unknown[]>(
  base: number,
  steps: number,
  schedule: (step: number, ...rest: Rest) => number = () => base,
): (step: number, ...rest: Rest) => number {
  return (step, ...rest) => (step < steps ? (base * (step + 1)) / steps : schedule(step, ...rest))
}

/**
 * Half a cosine from `most / divFactor` up to `most` in the first `pctStart` of `steps`, and another down to
 * 1 / `finalDivFactor` of the first value (`torch.optim.lr_scheduler.OneCycleLR`, without its course of the momentum;
 * Smith & Topin 2018).
 * @throws for an unknown option.
 */
export function oneCycle(
  most: number,
  steps: number,
  options: { pctStart?: number; divFactor?: number; finalDivFactor?: number } = {},
): (step: number) => number {
  const defaults = { pctStart: 0.3, divFactor: 25, finalDivFactor: 1e4 }
  const { pctStart, divFactor, finalDivFactor } = withDefaults('oneCycle', options, defaults)
  const first = most / divFactor
  const top = Math.max(0, pctStart * steps - 1)
  const course = (from: number, to: number, share: number) => to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1)
  return (step) =>
    step <= top && top > 0
      ? course(first, most, step / top)
      : course(most, first / finalDivFactor, Math.min(1, (step - top) / Math.max(1, steps - 1 - top)))
}

/** Options of {@link reduceOnPlateau}. */
export interface PlateauOptions {
  /** What the rate is multiplied by. Default 0.1. */
  factor?: number
  /** Epochs without a lower loss that are waited for. Default 10. */
  patience?: number
  /** A loss counts as lower below 1 − threshold of the lowest. Default 1e-4. */
  threshold?: number
  /** Epochs after a change in which none is counted. Default 0. */
  cooldown?: number
  /** The least rate. Default 0. */
  least?: number
}

/**
 * `base`, multiplied by `factor` whenever the validation loss has not become lower for more than `patience` epochs
 * (`torch.optim.lr_scheduler.ReduceLROnPlateau`, mode 'min').
 * @throws for an unknown option.
 */
export function reduceOnPlateau(
  base: number,
  options: PlateauOptions = {},
): (step: number, losses: readonly number[]) => number {
  const defaults = { factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, least: 0 }
  const { factor, patience, threshold, cooldown, least } = withDefaults('reduceOnPlateau', options, defaults)
  return (_, losses) => {
    check(Array.isArray(losses), () => `reduceOnPlateau: needs a list of losses, got ${shown(losses)}`)
    let [rate, best, bad, pause] = [base, Infinity, 0, 0]
    for (const loss of losses) {
      if (loss < best * (1 - threshold) || best === Infinity) [best, bad] = [loss, 0]
      else bad++
      if (pause > 0) [pause, bad] = [pause - 1, 0]
      if (bad <= patience) continue
      const lower = Math.max(rate * factor, least)
      if (rate - lower > 1e-8) rate = lower
      ;[pause, bad] = [cooldown, 0]
    }
    return rate
  }
}
