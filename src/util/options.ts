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
