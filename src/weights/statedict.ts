// Matching a checkpoint to a model by name and shape, and the two layouts of a convolution weight. Pure functions.
import { RadiogradError, formatShape, printable, sameShape } from '../util/check.js'
import type { TensorData } from './safetensors.js'
import { bareName } from './names.js'

/** What loading did not do. */
export interface LoadReport {
  /** How many entries of the model took the checkpoint's values. */
  loaded: number
  /** Entries of the model that the checkpoint lacks: they keep their values. */
  missing: string[]
  /** Entries of the checkpoint that the model lacks. */
  unexpected: string[]
  /** Entries of the head whose size differs: they keep their fresh values. */
  reinitialised: { name: string; expected: readonly number[]; found: readonly number[] }[]
}

export interface MatchOptions {
  /** Throw unless names and shapes match exactly (heads included). */
  strict: boolean
  /** Where the checkpoint came from, for messages. */
  source: string
  /** Name prefixes of the classifier. */
  heads: readonly string[]
}

/**
 * The name of a checkpoint's tensor for an entry of the model: the same, or without the prefixes that reading a
 * checkpoint takes away (a model may have a part called `model` or `backbone` of its own).
 */
export function keyIn(found: ReadonlyMap<string, unknown>, name: string): string {
  return found.has(name) ? name : bareName(name)
}

/**
 * Compares names and shapes. Throws like PyTorch when `strict` finds a difference, and always when a shape outside the
 * head differs.
 */
export function matchStateDict(
  entries: readonly { name: string; shape: readonly number[] }[],
  found: ReadonlyMap<string, TensorData>,
  { strict, source, heads }: MatchOptions,
): LoadReport {
  const known = new Set(entries.map((e) => keyIn(found, e.name)))
  const has = (name: string) => found.has(keyIn(found, name))
  const report: LoadReport = {
    // Like PyTorch for older files, the counter of batches may be absent: it steers nothing.
    missing: entries.filter((e) => !has(e.name) && !e.name.endsWith('num_batches_tracked')).map((e) => e.name),
    unexpected: [...found.keys()].filter((name) => !known.has(name)),
    reinitialised: [],
    loaded: 0,
  }
  const misfits: string[] = []
  for (const { name, shape } of entries) {
    const given = found.get(keyIn(found, name))
    if (!given || sameShape(given.shape, shape)) continue
    if (!strict && heads.some((head) => name.startsWith(head)))
      report.reinitialised.push({ name, expected: shape, found: given.shape })
    else misfits.push(`${name} has shape ${formatShape(given.shape)}, the model needs ${formatShape(shape)}`)
  }
  report.loaded = entries.filter((e) => has(e.name)).length - report.reinitialised.length - misfits.length
  const problems = [
    ...(strict && report.missing.length ? [`missing ${some(report.missing)}`] : []),
    ...(strict && report.unexpected.length ? [`unexpected ${some(report.unexpected)}`] : []),
    ...(misfits.length ? [some(misfits)] : []),
  ]
  if (problems.length) throw new RadiogradError(`${source}: does not fit the model, ${problems.join('; ')}`)
  if (!entries.some((e) => has(e.name))) {
    throw new RadiogradError(
      `${source}: does not fit the model, none of its ${found.size} tensors has a name the model knows`,
    )
  }
  return report
}

/** The first few of a list, and how many more. */
function some(list: readonly string[]): string {
  return (
    list
      .slice(0, 5)
      .map((text) => printable(text, 120))
      .join(', ') + (list.length > 5 ? ` and ${list.length - 5} more` : '')
  )
}

/**
 * A convolution weight from PyTorch's [O, I, KH, KW] to the engine's [KH, KW, I, O]. `shape` is PyTorch's.
 * @param out where it goes
 */
export function oihwToHwio(
  data: Float32Array,
  [o, i, h, w]: readonly number[],
  out = new Float32Array(data.length),
): Float32Array<ArrayBuffer> {
  const taps = h * w
  for (let a = 0; a < o; a++)
    for (let b = 0; b < i; b++) for (let t = 0; t < taps; t++) out[(t * i + b) * o + a] = data[(a * i + b) * taps + t]
  return out
}

/** The way back; `shape` is PyTorch's. */
export function hwioToOihw(data: Float32Array, [o, i, h, w]: readonly number[]): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length)
  const taps = h * w
  for (let a = 0; a < o; a++)
    for (let b = 0; b < i; b++) for (let t = 0; t < taps; t++) out[(a * i + b) * taps + t] = data[(t * i + b) * o + a]
  return out
}
