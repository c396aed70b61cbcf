// What is done between the call of a step and its run: by then it has happened, though the call came first. A step that
// would see it is refused.
import { check } from '../util/check.js'
import { type Recording, accesses } from './recording.js'
import type { Storage } from './storage.js'

interface Event {
  at: number
  /** Bytes that were used outside of steps, and whether they were written. */
  storage?: Storage
  wrote?: boolean
  /** Or a field that was set. */
  holder?: object
  key?: PropertyKey
}

/** What a step that is about to run depends on. */
export interface Waiting {
  recording: Recording
  /** Live storages that it uses besides, such as a captured step's inputs. */
  inputs: readonly Storage[]
  /** Whether it depends on a field. */
  reads(holder: object, key: PropertyKey): boolean
}

let waiting = 0
let now = 0
let events: Event[] = []
let last: Promise<unknown> = Promise.resolve()

/** A step is called, and runs when `run` settles. Gives the time of the call, for {@link checkOrder}. */
export const called = (): number => (waiting++, now)

/** The step that was called has run, or has failed. */
export function ended(): void {
  if (--waiting === 0) events = []
}

/** The steps called so far have ended when `all` does; it never rejects. */
export const queue = (all: Promise<unknown>): void => void (last = all)

/** Ends when the steps called so far have; null where none waits. */
export const before = (): Promise<unknown> | null => (waiting ? last : null)

/** Bytes are read or written outside of steps. */
export const touch = (storage: Storage, wrote: boolean): void =>
  void (waiting && events.push({ at: ++now, storage, wrote }))

/** A field is set that a step may depend on. */
export const change = (holder: object, key: PropertyKey): void =>
  void (waiting && events.push({ at: ++now, holder, key }))

const overlap = (a: Storage, b: Storage): boolean =>
  a.buffer !== null && a.buffer === b.buffer && a.offset < b.offset + b.byteLength && b.offset < a.offset + a.byteLength

/** Throws where something has happened since the call that the step would see, or should have come before. */
export function checkOrder(since: number, { recording, inputs, reads }: Waiting): void {
  const later = events.filter(({ at }) => at > since)
  if (!later.length) return
  const all = recording.commands.map(accesses)
  const read = [...inputs, ...all.flatMap((a) => a.read)]
  const written = all.flatMap((a) => a.written)
  for (const { storage, wrote, holder, key } of later) {
    const clash = storage
      ? written.some((s) => overlap(s, storage)) || (wrote && read.some((s) => overlap(s, storage)))
      : reads(holder!, key!)
    const what = () =>
      storage
        ? `${storage.label} was ${wrote ? 'written' : 'read'}`
        : `${String(key)} of a ${holder!.constructor.name} was set`
    check(!clash, () => `step: ${what()} after the step was called and before it ran; await the step first`)
  }
}
