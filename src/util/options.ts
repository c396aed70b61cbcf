// Options that nobody knows are refused: a misspelt one would silently leave the default.
import { check, shown } from './check.js'

/** Throws unless `options` is an object, no list, whose keys are all among `known`. */
export function checkOptions(name: string, options: object, known: readonly string[]): void {
  check(
    typeof options === 'object' && options !== null && !(Symbol.iterator in options),
    () => `${name}: options must be an object, got ${shown(options)}`,
  )
  for (const key in options)
    check(known.includes(key), () => `${name}: unknown option '${key}', it takes ${known.join(', ')}`)
}

type Values = Readonly<Record<string, unknown>>

/** A check of values by name; numbers may have bounds. */
const checker =
  (kind: string, holds: (value: unknown) => boolean) =>
  (name: string, values: Values, least = -Infinity, most = Infinity): void => {
    const bounds = most < Infinity ? ` from ${least} to ${most}` : least > -Infinity ? ` of at least ${least}` : ''
    for (const key in values) {
      const value = values[key] as number
      check(
        holds(value) && value >= least && value <= most,
        () => `${name}: ${key} must be ${kind}${bounds}, got ${shown(value)}`,
      )
    }
  }

/** Throws unless all values are numbers, infinite ones allowed, within bounds where they are given. */
export const checkNumbers = /* @__PURE__ */ checker('a number', (value) => typeof value === 'number')

/** The same of whole numbers. */
export const checkWhole = /* @__PURE__ */ checker('a whole number', Number.isInteger)

/** Throws unless all values are booleans. */
export const checkFlags = /* @__PURE__ */ checker('true or false', (value) => typeof value === 'boolean')

/** `options` without those that are undefined: they count as left out. */
export function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

/**
 * `options` over `defaults`, whose keys are all that there are. Where a default is a number or a boolean, so must be
 * what is given.
 */
export function withDefaults<T extends object>(name: string, options: Partial<T>, defaults: T): T {
  checkOptions(name, options, Object.keys(defaults))
  const own = given(options)
  for (const key in own) {
    const kind = typeof defaults[key as keyof T]
    if (kind === 'number') checkNumbers(name, { [key]: own[key as keyof T] })
    if (kind === 'boolean') checkFlags(name, { [key]: own[key as keyof T] })
  }
  return { ...defaults, ...own }
}

/** The `eps` of a norm's options. @throws unless it is a number of at least 0. */
export function epsOf(name: string, options: { eps?: number }): number {
  const { eps } = withDefaults(name, options, { eps: 1e-5 })
  checkNumbers(name, { eps }, 0)
  return eps
}
