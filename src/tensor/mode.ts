// How operators behave where they are called: whether they are put on the tape, and what they compute in.
import { gpu, perEngine } from '../gpu/gpu.js'
import { check, shown } from '../util/check.js'
import { withDefaults } from '../util/options.js'

export interface Mode {
  /** Whether operators are put on the tape. */
  grad: boolean
  /** Whether products and convolutions compute from f16. */
  half: boolean
}

const mode = perEngine((): Mode => ({ grad: true, half: false }))

/** A copy of the present mode. */
export const currentMode = (): Mode => ({ ...mode() })

/** Runs `fn` in another mode. */
export function withMode<T>(other: Partial<Mode>, fn: () => T, name = 'step'): T {
  check(typeof fn === 'function', () => `${name}: needs a function, got ${shown(fn)}`)
  const own = mode()
  const before = { ...own }
  Object.assign(own, other)
  try {
    const value = fn()
    check(!(value instanceof Promise), `${name}: the function must not be async; await outside of it`)
    return value
  } finally {
    Object.assign(own, before)
  }
}

export const gradEnabled = () => mode().grad

/** Whether an operator of these inputs gets a backward pass. */
export const differentiable = (...inputs: readonly ({ requiresGrad: boolean } | null | undefined)[]): boolean =>
  gradEnabled() && inputs.some((input) => input?.requiresGrad)

/** Whether products and convolutions are to be computed from f16. */
export const autocasting = () => mode().half

/** Runs `fn` without recording anything on the tape (`torch.no_grad`). @throws when `fn` is async. */
export function noGrad<T>(fn: () => T): T {
  return withMode({ grad: false }, fn, 'noGrad')
}

/**
 * Runs `fn` with `conv2d`, `linear`, `matmul` and attention computing from f16 (sums in f32) and giving f16; whatever
 * follows them takes its dtype from its input. Parameters, statistics, softmax and losses stay f32. `torch.autocast`;
 * for the backward pass see `optim.GradScaler`.
 * @throws when the adapter has no `shader-f16`, or `fn` is async.
 */
export function autocast<T>(fn: () => T, options: { enabled?: boolean } = {}): T {
  const { enabled } = withDefaults('autocast', options, { enabled: true })
  check(!enabled || gpu.caps.f16, "autocast: needs an adapter with the feature 'shader-f16', got one without")
  return withMode({ half: enabled }, fn, 'autocast')
}
