// What a step function depends on besides its inputs. A replay runs nothing of the function: it may happen only where
// all that the recording read on the host still holds, and must leave behind on the host what the recording set.
//
// Three kinds are noted: fields that say so themselves (a gradient that is null, requiresGrad, training), the fields of
// every module that was used (its layers, its numbers), and conditions of others (an optimizer's). Variables that a
// function closes over cannot be seen.
import { change } from '../gpu/meanwhile.js'
import type { Storage } from '../gpu/storage.js'

/** A field that was read or set while recording; `before` is its value at the first touch. */
interface Field {
  holder: Record<PropertyKey, unknown>
  key: PropertyKey
  before: unknown
  after: unknown
  read: boolean
  set: boolean
}

/** The fields of an object, or the elements of a list, as they were. */
interface Contents {
  holder: object
  keys: readonly string[] | null
  values: readonly unknown[]
}

/** An object whose fields a recording that used it depends on, apart from those that count something. */
export interface Watched {
  readonly savedCounters: readonly string[]
}

let tracked: Dependencies | null = null
const watched = new WeakSet<object>()
let all: WeakRef<Watched>[] = []

/** From now on recordings that use what lies in `object` depend on its fields. */
export function watch(object: Watched): void {
  watched.add(object)
  all.push(new WeakRef(object))
}

/** Called before a field is read that a recording may depend on. */
export const reading = (holder: object, key: PropertyKey): void => tracked?.touch(holder, key, 'read')

/** Called before such a field is set; `other`: to another value. */
export function setting(holder: object, key: PropertyKey, other: boolean): void {
  if (tracked) tracked.touch(holder, key, 'set')
  else if (other) change(holder, key)
}

/** Called by what is made: its fields are no dependencies of a recording that made it. */
export const making = (object: object): void => void tracked?.made.add(object)

/** A replay may only happen while `condition` holds. */
export const dependOn = (condition: () => boolean): void => void tracked?.conditions.push(condition)

/** The recording's dependencies so far, null outside of one. */
export const dependencies = (): Dependencies | null => tracked

export class Dependencies {
  readonly made = new WeakSet<object>()
  readonly conditions: (() => boolean)[] = []
  /** What is asked at every run, such as optimizers for their rates. */
  readonly asked = new Set<object>()
  private readonly touched = new Map<object, Field[]>()
  private fields: Field[] = []
  private contents: Contents[] = []

  /** `replayed`: what is recorded may run more than once. */
  constructor(readonly replayed: boolean) {}

  /** Runs `fn` and notes; afterwards all fields are what they were, as nothing has run yet. */
  track<T>(fn: () => T): T {
    const outer = tracked
    tracked = this
    try {
      return fn()
    } finally {
      tracked = outer
      this.fields = [...this.touched.values()].flat()
      for (const field of this.fields) {
        field.after = field.holder[field.key]
        if (field.set) field.holder[field.key] = field.before
      }
    }
  }

  touch(object: object, key: PropertyKey, how: 'read' | 'set'): void {
    if (this.made.has(object)) return
    const holder = object as Record<PropertyKey, unknown>
    let fields = this.touched.get(holder)
    if (!fields) this.touched.set(holder, (fields = []))
    let field = fields.find((f) => f.key === key)
    if (!field) {
      const before = holder[key]
      fields.push((field = { holder, key, before, after: before, read: how === 'read', set: false }))
    }
    if (how === 'set') field.set = true
  }

  /** Notes the fields of everything watched that holds one of `used`, or one of whose fields was read. */
  close(used: ReadonlySet<Storage>): void {
    const uses = new Map<object, boolean>()
    const usesAny = (value: unknown): boolean => {
      if (typeof value !== 'object' || value === null) return false
      const storage = (value as { storage?: Storage }).storage
      if (storage) return used.has(storage)
      if (!isWalked(value)) return false
      const known = uses.get(value)
      if (known !== undefined) return known
      uses.set(value, false) // while it is being looked into: cycles end here
      const found = this.touched.has(value) || contents(value).some(usesAny)
      uses.set(value, found)
      return found
    }
    // A layer without a tensor cannot be seen to be used: it counts as if it were.
    const seen = new Set<object>()
    const bare = (value: unknown): boolean => {
      if (typeof value !== 'object' || value === null) return true
      if ('storage' in value) return false
      if (!isWalked(value) || seen.has(value)) return true
      seen.add(value)
      return contents(value).every(bare)
    }
    const noted = new Set<object>()
    const note = (value: unknown, own = true): void => {
      if (typeof value !== 'object' || value === null || noted.has(value) || 'storage' in value) return
      // Objects of other classes in a field of a layer: their fields, not those of what they refer to.
      const walked = isWalked(value)
      if (!walked && !own) return
      noted.add(value)
      if (ArrayBuffer.isView(value) || value instanceof Set) {
        const [now, before] = [value as Iterable<unknown>, [...(value as Iterable<unknown>)]]
        this.conditions.push(() => sameElements(now, before))
        return
      }
      const counters = (value as Partial<Watched>).savedCounters ?? []
      const { forward } = value as { forward?: unknown } // that of its class may be replaced
      this.conditions.push(() => (value as { forward?: unknown }).forward === forward)
      if (value instanceof Map) {
        const entries = [...value]
        this.conditions.push(() => value.size === entries.length && entries.every(([k, v]) => value.get(k) === v))
      } else if (Array.isArray(value)) this.contents.push({ holder: value, keys: null, values: [...value] })
      else {
        const keys = Object.keys(value)
        const field = (key: string) => (counters.includes(key) ? UNNOTED : (value as Record<string, unknown>)[key])
        this.contents.push({ holder: value, keys, values: keys.map(field) })
      }
      contents(value).forEach((v) => note(v, walked))
    }
    all = all.filter((ref) => {
      const object = ref.deref()
      if (object && (usesAny(object) || bare(object))) note(object)
      return object
    })
  }

  /** Whether a replay would do what the function would do now. */
  hold(): boolean {
    return (
      this.fields.every((f) => !f.read || same(f.holder[f.key], f.before)) &&
      this.contents.every(unchanged) &&
      this.conditions.every((condition) => condition())
    )
  }

  /** Whether a run reads this field. */
  include(holder: object, key: PropertyKey): boolean {
    return this.asked.has(holder) || this.fields.some((f) => f.holder === holder && f.key === key)
  }

  /** Sets what the function would set. */
  apply(): void {
    for (const { holder, key, after, set } of this.fields) if (set) holder[key] = after
  }
}

const UNNOTED = Symbol('counter')

/** Lists, Maps, plain objects, and what is watched. */
function isWalked(value: object): boolean {
  if (Array.isArray(value) || value instanceof Map || watched.has(value)) return true
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const contents = (value: object): unknown[] => (value instanceof Map ? [...value.values()] : Object.values(value))

function sameElements(now: Iterable<unknown>, before: readonly unknown[]): boolean {
  let i = 0
  for (const value of now) if (!Object.is(value, before[i++])) return false
  return i === before.length
}

function unchanged({ holder, keys, values }: Contents): boolean {
  if (!keys)
    return (holder as unknown[]).length === values.length && values.every((v, i) => (holder as unknown[])[i] === v)
  const now = Object.keys(holder)
  return (
    now.length === keys.length &&
    keys.every((key, i) => {
      if (now[i] !== key) return false
      return values[i] === UNNOTED || Object.is((holder as Record<string, unknown>)[key], values[i])
    })
  )
}

/** Equal, or two tensors of the same bytes. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  const [left, right] = [a, b].map((value) => (value as { storage?: Storage } | null)?.storage)
  return left !== undefined && left === right
}
