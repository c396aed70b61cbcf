// Recording: runs a function of operators without executing anything, and finds what it returns.
import { gpu } from '../gpu/gpu.js'
import { Recording } from '../gpu/recording.js'
import type { Storage } from '../gpu/storage.js'
import { Dependencies } from '../tensor/dependencies.js'
import { type Mode, withMode } from '../tensor/mode.js'
import { Tensor } from '../tensor/tensor.js'
import { check, kindOf } from '../util/check.js'

/** What a step function may return: tensors, and arrays and plain objects of them. */
export type Result =
  | Tensor
  | null
  | undefined
  | void
  | number
  | string
  | boolean
  | readonly Result[]
  | { readonly [key: string]: Result }

export interface Recorded<R> {
  recording: Recording
  value: R
  /** What of the value must outlive the step. */
  results: Storage[]
  /** What the function read and set on the host. */
  dependencies: Dependencies
  /** The structure as text, and the live storages it uses (see {@link Recording.structure}). */
  structure: string
  live: Storage[]
}

export interface RecordOptions {
  /** As it was where the step was called. */
  mode: Mode
  /** Tensors that are written over before every run: returned ones are copied like results. */
  inputs?: readonly Tensor[]
  /** Whether it may run more than once. */
  replayed: boolean
  /** Who asks, for errors. Default 'step'. */
  name?: string
}

/** Runs `fn` with a fresh recording. */
export function record<R extends Result>(
  fn: () => R,
  { mode, inputs = [], replayed, name }: RecordOptions,
): Recorded<R> {
  const recording = new Recording()
  const dependencies = new Dependencies(replayed)
  gpu.recording = recording
  try {
    const value = dependencies.track(() => withMode(mode, fn, name))
    const results = new Set<Storage>()
    mapTensors(value, (t) => {
      if (t.storage.use('step result').state === 'transient' || inputs.some((i) => i.storage === t.storage))
        results.add(t.storage)
      return t
    })
    const { key, live } = recording.structure()
    dependencies.close(new Set(live))
    return { recording, value, results: [...results], dependencies, structure: key, live }
  } finally {
    gpu.recording = null
    recording.close()
  }
}

/** `value` with every tensor replaced by `f(tensor)`. @throws where it holds what is no {@link Result}. */
export function mapTensors<R>(value: R, f: (t: Tensor) => Tensor): R {
  if (value instanceof Tensor) return f(value) as R
  if (Array.isArray(value)) return value.map((v) => mapTensors(v, f)) as R
  if (value && (typeof value === 'object' || typeof value === 'function')) {
    const prototype = Object.getPrototypeOf(value)
    check(
      prototype === Object.prototype || prototype === null,
      () => `results: must be tensors, numbers, lists or plain objects, got ${kindOf(value)}`,
    )
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, mapTensors(v, f)])) as R
  }
  return value
}
