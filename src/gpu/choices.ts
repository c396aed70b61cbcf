// Which candidate of a kernel family runs at which shape: the one measured on this machine, else the one shipped for
// this adapter, else the usual one. A pure look-up; how candidates are measured is in src/tune.
import type { Recording } from './recording.js'

/** One way to run a kernel family, e.g. a tile size. Its name is what is stored. */
export interface Candidate {
  readonly name: string
}

/** A piece of work that several candidates can do. */
export interface Problem<C extends Candidate> {
  family: string
  /** Shape class: problems that share it share a choice. */
  shape: string
  /** Multiply-adds; the dearest problems are measured first. */
  work: number
  candidates: readonly C[]
  /** Taken while nothing is known. */
  usual: C
  /** Records the work. */
  run(candidate: C): void
  /** Records the same work by the plainest kernel there is: what a candidate must agree with. */
  plain(): void
}

/** A choice as it is kept. Without times it was never measured: time was up, and the usual candidate stays. */
export interface Choice {
  name: string
  ms?: number
  usualMs?: number
}

/** A problem met while a step was recorded, with all ways to run it. */
export interface Note {
  key: string
  work: number
  calls: number
  usual: string
  plain: Recording
  candidates: Map<string, Recording>
}

export class Choices {
  /** By `family shape`. */
  measured = new Map<string, Choice>()
  private wanted: ((key: string) => boolean) | null = null
  private notes = new Map<string, Note>()

  constructor(readonly shipped: Readonly<Record<string, string>> = {}) {}

  of<C extends Candidate>({ family, shape, candidates, usual }: Problem<C>): C {
    const key = `${family} ${shape}`
    const name = this.measured.get(key)?.name ?? this.shipped[key]
    return (name !== undefined && candidates.find((c) => c.name === name)) || usual
  }

  /** Notes the problems that come up while `record` runs and whose key is `wanted`. */
  noting<T>(wanted: (key: string) => boolean, record: () => T): { value: T; notes: Note[] } {
    this.wanted = wanted
    this.notes = new Map()
    try {
      return { value: record(), notes: [...this.notes.values()] }
    } finally {
      this.wanted = null
      this.notes = new Map()
    }
  }

  /** Does nothing unless {@link noting} runs. `draft` gives what a function would record. */
  note<C extends Candidate>(
    { family, shape, work, candidates, usual, run, plain }: Problem<C>,
    draft: (record: () => void) => Recording,
  ): void {
    if (!this.wanted) return
    const key = `${family} ${shape}`
    const there = this.notes.get(key)
    if (there) there.calls++
    else if (this.wanted(key)) {
      this.notes.set(key, {
        key,
        work,
        calls: 1,
        usual: usual.name,
        plain: draft(plain),
        candidates: new Map(candidates.map((c) => [c.name, draft(() => run(c))])),
      })
    }
  }
}
