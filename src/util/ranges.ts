// Cutting n things into parts of nearly one size.

/** Which of n things part `part` of `parts` has: from `start` on, before `end`. Parts follow one another. */
export const rangeOf = (n: number, part: number, parts: number): { start: number; end: number } => ({
  start: Math.floor((part * n) / parts),
  end: Math.floor(((part + 1) * n) / parts),
})
