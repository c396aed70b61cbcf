// The page's side of a worker that trains: the same calls as in the library, with their options, events and signals.
// Holds nothing of the engine.
import { RadiogradError, SettingError } from '../util/check.js'
import type { Calls, Channel, Reply, Request, SentError } from './calls.js'

/** The calls of a worker, and its end. */
export interface Runs extends Calls {
  /** Ends the worker and every call that waits. */
  close(): void
}

const NAMES: Record<keyof Calls, true> = {
  tables: true,
  arrange: true,
  audit: true,
  sample: true,
  memory: true,
  train: true,
  resume: true,
  card: true,
  evaluate: true,
  predict: true,
  explain: true,
  report: true,
}

/**
 * Speaks to a worker whose program calls `serveRuns()`, so that the page stays smooth while it trains:
 *
 *     // run.worker.js
 *     import { serveRuns } from 'radiograd/worker'
 *     serveRuns()
 *
 *     // page.js
 *     import { spawn } from 'radiograd/worker'
 *     const runs = spawn(new Worker(new URL('./run.worker.js', import.meta.url), { type: 'module' }))
 *     await runs.train({ epochs: 3 }, { store: 'first', data: files, on: (event) => console.log(event) })
 *
 * Settings, options, events, results and errors are those of `trainRun` and its like, but that settings may be left
 * out; a store is the name of a folder.
 *
 * @throws RadiogradError from each call that waits when the worker stops.
 */
export function spawn(worker: Channel & { terminate?(): void }): Runs {
  const waiting = new Map<number, Waiting>()
  let last = 0
  let stopped: RadiogradError | null = null

  const fail = (why: string) => {
    stopped ??= new RadiogradError(`worker: must run to answer, got ${why}`)
    for (const { refuse } of waiting.values()) refuse(stopped)
    waiting.clear()
  }
  const ask = (call: keyof Calls, args: readonly unknown[]): Promise<unknown> => {
    if (stopped) return Promise.reject(stopped)
    const id = ++last
    const { plain, callbacks, signals } = taken(args)
    return new Promise((answer, refuse) => {
      const done = () => {
        waiting.delete(id)
        for (const [name, signal] of signals) signal.removeEventListener('abort', aborts[name])
      }
      const aborts = Object.fromEntries(
        signals.map(([name]) => [name, () => worker.postMessage({ id, abort: name } satisfies Request)]),
      )
      waiting.set(id, {
        callbacks,
        answer: (value) => (done(), answer(value)),
        refuse: (error) => (done(), refuse(error)),
      })
      worker.postMessage({
        ...{ id, call, args: plain },
        callbacks: [...callbacks.keys()],
        signals: signals.map(([name]) => name),
      } satisfies Request)
      for (const [name, signal] of signals)
        if (signal.aborted) aborts[name]()
        else signal.addEventListener('abort', aborts[name])
    })
  }
  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
    const one = waiting.get(data.id)
    if (!one) return
    if ('callback' in data) one.callbacks.get(data.callback)?.(...data.args)
    else if ('error' in data) one.refuse(errorOf(data.error))
    else one.answer(data.value)
  })
  const events = worker as unknown as EventTarget
  events.addEventListener('error', (event) => fail((event as ErrorEvent).message || 'a worker that did not load'))
  events.addEventListener('messageerror', () => fail('a message that could not be read'))
  worker.start?.()

  const calls = Object.keys(NAMES).map((call) => [call, (...args: unknown[]) => ask(call as keyof Calls, args)])
  return {
    ...(Object.fromEntries(calls) as Calls),
    close() {
      fail('one that was closed')
      worker.terminate?.()
    },
  }
}

interface Waiting {
  callbacks: Map<string, (...args: unknown[]) => void>
  answer: (value: unknown) => void
  refuse: (error: unknown) => void
}

/** Arguments without the functions and signals of their options, which no message can carry. */
function taken(args: readonly unknown[]) {
  const callbacks: Waiting['callbacks'] = new Map()
  const signals: [string, AbortSignal][] = []
  const plain = args.map((arg) => {
    if (typeof arg !== 'object' || arg === null || Object.getPrototypeOf(arg) !== Object.prototype) return arg
    const kept = Object.entries(arg).filter(([name, value]) => {
      if (typeof value === 'function') callbacks.set(name, value)
      else if (value instanceof AbortSignal) signals.push([name, value])
      else return true
      return false
    })
    return Object.fromEntries(kept)
  })
  return { plain, callbacks, signals }
}

function errorOf({ message, own, setting, rule, given }: SentError): Error {
  if (setting !== undefined) return new SettingError(setting, rule!, given)
  return own ? new RadiogradError(message) : new Error(message)
}
