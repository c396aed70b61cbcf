// Errors and shape helpers that every other file may use. Imports nothing.

/** An error the user can act on: one line naming the operator, option or file, the rule, and what was given. */
export class RadiogradError extends Error {
  override name = 'RadiogradError'

  constructor(message: string) {
    super(printable(message.replace(/\s*[\r\n]+\s*/g, ' ')))
  }
}

/**
 * Text that may come from a file or a server, safe to show: what a terminal would obey or what cannot be seen (control
 * and format characters, odd line ends, halves of surrogate pairs) is written as `\u{1b}`. With `most`, what is longer
 * loses its middle.
 */
export function printable(text: string, most = Infinity): string {
  const cut = text.length > 4 * most ? text.slice(0, 2 * most) + text.slice(-2 * most) : text
  const shown = cut.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
  if (shown.length <= most) return shown
  const head = Math.ceil((most - 1) / 2)
  return `${shown.slice(0, head)}…${shown.slice(shown.length - (most - 1 - head))}`
}

const MOST_CHARACTERS = 299

/** The error for a file that is refused: `file: why` in one line of under 300 characters, whatever the file holds. */
export function fileError(file: string, why: string): RadiogradError {
  const reason = printable(why.replace(/\s*[\r\n]+\s*/g, ' '), Math.max(160, MOST_CHARACTERS - 2 - file.length))
  return new RadiogradError(`${printable(file, MOST_CHARACTERS - 2 - reason.length)}: ${reason}`)
}

/**
 * An error about one setting of a run, by the setting's name (`batchSize`). A face may show its own name for it
 * instead, such as a flag.
 */
export class SettingError extends RadiogradError {
  /** `given`: the value, where the message begins with it. */
  constructor(
    /** Name of the setting. */
    readonly setting: string,
    /** What it must be. */
    readonly rule: string,
    /** The value, where the message begins with it. */
    readonly given?: string | number,
  ) {
    super(`${setting}${given === undefined ? '' : ` ${given}`}: ${rule}`)
  }
}

/** More than the adapter's limits allow: fewer images at a time may fit. */
export class SizeError extends RadiogradError {}

/** Throws a {@link RadiogradError} with `message` (or its result, when building it costs) unless `condition` holds. */
export function check(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new RadiogradError(typeof message === 'string' ? message : message())
}

/**
 * Throws unless every one of `values` is finite.
 * @param what what they are, such as `rocAuc: scores`; may depend on the place of the first bad one.
 */
export function allFinite(values: ArrayLike<number>, what: (at: number) => string): void {
  for (let i = 0; i < values.length; i++)
    check(Number.isFinite(values[i]), () => `${what(i)} must be finite, got ${values[i]}`)
}

/** The sizes of a tensor's axes, outermost first. */
export type Shape = readonly number[]

/** Number of elements of a tensor of this shape. */
export function numel(shape: Shape): number {
  let n = 1
  for (const size of shape) n *= size
  return n
}

/** `[2, 3]`, as in error messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** What a value is, for messages: the name of its class. */
export const kindOf = (value: unknown): string => (value as object | null)?.constructor?.name ?? String(value)

/** Any value as one short text for messages. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return `[${value.slice(0, 8).map(shown).join(', ')}${value.length > 8 ? ', …' : ''}]`
  return Object(value) !== value || 'dtype' in (value as object) ? String(value) : kindOf(value)
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}
