// Recording: runs a function of operators without executing anything, and finds what it returns.
import { gpu } from '../gpu/gpu.js'
import { Recording } from '../gpu/recording.js'
import type { Storage } from '../gpu/storage.js'
import { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'

/** What a step function may return: tensors, and arrays and plain objects of them. */
export type Result =
  Tensor | null | undefined | number | string | boolean | readonly Result[] | { readonly [key: string]: Result }

/**
 * Runs `fn` with a fresh recording. Inputs that are returned are copied like results, as their bytes change with the
 * next call.
 */
export function record<R extends Result>(
  fn: () => R,
  inputs: readonly Tensor[] = [],
): { recording: Recording; value: R; results: Storage[] } {
  const recording = new Recording()
  gpu.recording = recording
  try {
    const value = fn()
    check(!(value instanceof Promise), 'step: the function must not be async; await outside of it')
    const results = new Set<Storage>()
    mapTensors(value, (t) => {
      if (t.storage.use('step result').state === 'transient' || inputs.some((i) => i.storage === t.storage))
        results.add(t.storage)
      return t
    })
    return { recording, value, results: [...results] }
  } finally {
    gpu.recording = null
    recording.close()
  }
}

/** `value` with every tensor replaced by `f(tensor)`. */
export function mapTensors<R>(value: R, f: (t: Tensor) => Tensor): R {
  if (value instanceof Tensor) return f(value) as R
  if (Array.isArray(value)) return value.map((v) => mapTensors(v, f)) as R
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, mapTensors(v, f)])) as R
  }
  return value
}
