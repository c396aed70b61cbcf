// Which of several kernels runs. Each pass of an operator (matmul; conv2d forward, dx, dw) has one table of
// implementations, and for each problem one of those that apply is chosen: the one that was measured to be fastest on
// this machine, else the one shipped for this adapter, else the default. A pure look-up; src/tune does the measuring.
import type { Recording } from './recording.js'

/** One way to do a pass: a kernel with its settings, or a few kernels in a row. */
export interface Implementation<P> {
  /** Names it in its table, in what is cached and in what is shipped. */
  readonly name: string
  /** Whether it can do a problem on this adapter. Left out: any. */
  applies?(problem: P): boolean
  /** The applicable one with the largest preference is the default, the first among equals. Left out: 0. */
  preference?(problem: P): number
  /** Records the work. */
  run(problem: P): void
}

/** What can do one pass of an operator. */
export interface Pass<P> {
  /** The first is the plain kernel: it can do every problem, and what the others compute is compared with it. */
  readonly implementations: readonly Implementation<P>[]
  /** What identifies a problem (op, pass, dtype, sizes); problems with equal keys share a choice. */
  key(problem: P): CacheKey
  /** Multiply-adds; the most expensive problems are measured first. */
  work(problem: P): number
}

export interface CacheKey {
  op: string
  pass: string
  dtype: string
  [size: string]: string | number | readonly number[]
}

/** `op=conv2d pass=dx dtype=f32 x=4,8,8,64 …`: how a key is written in the cache and in src/tune/shipped.ts. */
export const keyText = (key: CacheKey): string =>
  Object.entries(key)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

/** A problem that came up while a step was recorded, with what each of its implementations would run. */
export interface TuningTask {
  key: string
  work: number
  /** Times it came up. */
  calls: number
  /** Names of implementations. */
  default: string
  plain: string
  implementations: Map<string, Recording>
}

export class Choices {
  /** Names of implementations by key: found by measuring, in this process or an earlier one. */
  readonly measured = new Map<string, string>()
  private wanted: ((key: string) => boolean) | null = null
  private tasks = new Map<string, TuningTask>()

  /** `shipped`: likewise, for this adapter. */
  constructor(readonly shipped: Readonly<Record<string, string>> = {}) {}

  choose<P>(pass: Pass<P>, problem: P): Implementation<P> {
    const applicable = applicableTo(pass, problem)
    const key = keyText(pass.key(problem))
    const name = this.measured.get(key) ?? this.shipped[key]
    return applicable.find((one) => one.name === name) ?? defaultOf(applicable, problem)
  }

  /** Collects the problems that come up while `record` runs and whose key is `wanted`. */
  collect<T>(wanted: (key: string) => boolean, record: () => T): { value: T; tasks: TuningTask[] } {
    this.wanted = wanted
    this.tasks = new Map()
    try {
      return { value: record(), tasks: [...this.tasks.values()] }
    } finally {
      this.wanted = null
      this.tasks = new Map()
    }
  }

  /** Does nothing unless {@link collect} runs. `draft` gives what a function would record. */
  add<P>(pass: Pass<P>, problem: P, draft: (record: () => void) => Recording): void {
    if (!this.wanted) return
    const key = keyText(pass.key(problem))
    const known = this.tasks.get(key)
    if (known) known.calls++
    else if (this.wanted(key)) {
      const applicable = applicableTo(pass, problem)
      this.tasks.set(key, {
        key,
        work: pass.work(problem),
        calls: 1,
        default: defaultOf(applicable, problem).name,
        plain: pass.implementations[0].name,
        implementations: new Map(applicable.map((one) => [one.name, draft(() => one.run(problem))])),
      })
    }
  }
}

const applicableTo = <P>({ implementations }: Pass<P>, problem: P) =>
  implementations.filter((one) => one.applies?.(problem) ?? true)

function defaultOf<P>(applicable: readonly Implementation<P>[], problem: P): Implementation<P> {
  const preference = (one: Implementation<P>) => one.preference?.(problem) ?? 0
  return applicable.reduce((best, one) => (preference(one) > preference(best) ? one : best))
}
