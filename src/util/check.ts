// Errors and shape helpers that every other file may use. Imports nothing.

/** An error the user can act on: one line naming the operator, flag or file, the rule, and what was given. */
export class RadiogradError extends Error {
  override name = 'RadiogradError'
}

/** Throws a {@link RadiogradError} with `message` (or its result, when building it costs) unless `condition` holds. */
export function check(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new RadiogradError(typeof message === 'string' ? message : message())
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

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}
