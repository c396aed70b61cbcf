// Measures with their intervals as texts, to three digits: the same words in the command line, the model card and the
// page.
import type { Figure } from './evaluation.js'

/** A dash where there is no number. */
export const digits = (value: number | null): string => (value === null || Number.isNaN(value) ? '–' : value.toFixed(3))

/** `0.757 to 1.000`: an upper end alone that is null is infinite; a dash where there is no interval. */
export const intervalText = ({ low, high }: Pick<Figure, 'low' | 'high'>): string =>
  low === null ? '–' : `${digits(low)} to ${high === null ? '∞' : digits(high)}`
