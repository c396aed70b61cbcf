// The plans of all steps and captured functions: so many are kept, those used longest ago go first.
import type { Plan } from '../gpu/plan.js'

/** A plan, and what goes with it. */
export interface Planned {
  plan: Plan
  /** Gives back what the plan alone uses. */
  dispose(): void
}

const MAX_PLANS = 100

export class Plans {
  /** By key, each list in the order of making. */
  private readonly entries = new Map<string, Planned[]>()
  private readonly used = new Map<Planned, { key: string; at: number }>()
  private clock = 0
  private warned = false

  constructor(private readonly warn: (message: string) => void) {}

  get size(): number {
    return this.used.size
  }

  /** The entry under `key` for which `fits` holds. */
  find<P extends Planned>(key: string, fits: (entry: P) => boolean = () => true): P | null {
    const entry = (this.entries.get(key) as P[] | undefined)?.find(fits) ?? null
    if (entry) this.used.get(entry)!.at = this.clock++
    return entry
  }

  add(key: string, entry: Planned): void {
    if (this.used.size === MAX_PLANS) {
      if (!this.warned)
        this.warn(
          `${MAX_PLANS} plans of steps are kept, and another one came: each new input shape is recorded, planned and ` +
            'compiled anew; pad inputs to a few shapes',
        )
      this.warned = true
      this.remove([...this.used].reduce((a, b) => (b[1].at < a[1].at ? b : a))[0])
    }
    const list = this.entries.get(key)
    if (list) list.push(entry)
    else this.entries.set(key, [entry])
    this.used.set(entry, { key, at: this.clock++ })
  }

  /** Forgets every plan whose key begins so. */
  drop(prefix: string): void {
    for (const [entry, { key }] of [...this.used]) if (key.startsWith(prefix)) this.remove(entry)
  }

  private remove(entry: Planned): void {
    const { key } = this.used.get(entry)!
    this.used.delete(entry)
    const rest = this.entries.get(key)!.filter((e) => e !== entry)
    if (rest.length) this.entries.set(key, rest)
    else this.entries.delete(key)
    entry.plan.destroy()
    entry.dispose()
  }
}
