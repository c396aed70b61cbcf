// Numbers as they are written in a report.
import type { Figure } from '../train/evaluation.js'

/** `0.923`; – where it is undefined, ∞ where it is infinite. */
export function num(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  return value
    .toFixed(digits)
    .replace(/^-(?=.*[1-9])/, '−')
    .replace(/^-/, '')
}

/** `0.923 (0.891–0.950)`; without brackets where there is no interval. */
export function withInterval({ estimate, low, high }: Figure, digits = 3): string {
  if (estimate === null) return '–'
  if (low === null && high === null) return num(estimate, digits)
  const end = (value: number | null) => num(value ?? Infinity, digits) // undefined resamples are left out before
  return `${num(estimate, digits)} (${end(low)}–${end(high)})`
}

/** `0.031`, `< 0.001` */
export const pValue = (p: number): string => (p < 0.001 ? '< 0.001' : num(p))

/** `5,216` */
export const count = (n: number): string => n.toLocaleString('en')

/** `1 image`, `3 images` */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`

/** `a, b and c` */
export const list = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`

/** The last part of a path. */
export const fileOf = (path: string): string => path.replace(/^.*[/\\]/, '')

/** `1 h 04 min`, `3 min 20 s`, `12.3 s` */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  const two = (n: number) => String(n).padStart(2, '0')
  if (minutes < 60) return `${minutes} min ${two(Math.round(seconds % 60))} s`
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}
