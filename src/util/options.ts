// Options that nobody knows are refused: a misspelt one would silently leave the default.
import { check } from './check.js'

/** Throws unless `options` is an object whose keys are all among `known`. */
export function checkOptions(name: string, options: object, known: readonly string[]): void {
  check(typeof options === 'object' && options !== null, () => `${name}: options must be an object, got ${options}`)
  for (const key in options)
    check(known.includes(key), () => `${name}: unknown option '${key}', it takes ${known.join(', ')}`)
}
