// Options that nobody knows are refused: a misspelt one would silently leave the default.
import { check } from './check.js'

/** Throws unless `options` is an object whose keys are all among `known`. */
export function checkOptions(name: string, options: object, known: readonly string[]): void {
  check(typeof options === 'object' && options !== null, () => `${name}: options must be an object, got ${options}`)
  for (const key in options)
    check(known.includes(key), () => `${name}: unknown option '${key}', it takes ${known.join(', ')}`)
}

/** Throws unless all values are numbers, infinite ones allowed. */
export function checkNumbers(name: string, values: Readonly<Record<string, unknown>>): void {
  for (const key in values)
    check(
      typeof values[key] === 'number' && !Number.isNaN(values[key]),
      () => `${name}: ${key} must be a number, got ${values[key]}`,
    )
}

/** `options` without those that are undefined: they count as left out. */
export function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

/** `options` over `defaults`, whose keys are all that there are. */
export function withDefaults<T extends object>(name: string, options: Partial<T>, defaults: T): T {
  checkOptions(name, options, Object.keys(defaults))
  return { ...defaults, ...given(options) }
}

/** The `eps` of a norm's options. @throws unless it is a number of at least 0. */
export function epsOf(name: string, options: { eps?: number }): number {
  const { eps } = withDefaults(name, options, { eps: 1e-5 })
  checkEps(name, eps)
  return eps
}

/** Throws unless what a norm adds to the variance is a number of at least 0. */
export function checkEps(name: string, eps: number): void {
  check(
    typeof eps === 'number' && eps >= 0,
    () => `${name}: eps must be a number of at least 0, got ${kindOrValue(eps)}`,
  )
}

const kindOrValue = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value))
