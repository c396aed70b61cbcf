// What a step is made of: a list of commands over storages. Recording executes nothing.
import type { ParamValues, Variant } from './kernel.js'
import { Storage } from './storage.js'

export interface Dispatch {
  type: 'dispatch'
  variant: Variant
  overrides: Record<string, number>
  /** In the order of the kernel's bindings; null binds the zero stand-in. */
  bindings: (Storage | null)[]
  /** A function is evaluated anew at every execution. */
  params: ParamValues | (() => ParamValues)
  workgroups: [number, number, number]
}

export type Command =
  | Dispatch
  | { type: 'copy'; source: Storage; target: Storage; bytes: number }
  | { type: 'zero'; target: Storage }
  | { type: 'host'; call: () => void }
  /** What stands here is submitted; `call` is given the values on the host and changes them; then the step goes on. */
  | { type: 'exchange'; target: Storage; floats: number; call: HostExchange }

/** Changes values of a step while it waits, such as into the sums over several processes. */
export type HostExchange = (values: Float32Array<ArrayBuffer>) => Promise<void>

/** Kernel, variant and operator, e.g. `unary_forward T=f32 OP=relu`. */
export function labelOf({ variant, overrides }: Dispatch): string {
  const { enums } = variant.kernel.template
  const named = Object.keys(enums).filter((name) => name in overrides)
  return [variant.label, ...named.map((name) => `${name}=${enums[name][overrides[name]]}`)].join(' ')
}

/** The storages a command reads and writes. */
export function accesses(command: Command): { read: Storage[]; written: Storage[] } {
  switch (command.type) {
    case 'dispatch': {
      const read: Storage[] = []
      const written: Storage[] = []
      command.variant.kernel.template.bindings.forEach(({ access }, i) => {
        const storage = command.bindings[i]
        if (storage) (access === 'read' ? read : written).push(storage)
      })
      return { read, written }
    }
    case 'copy':
      return { read: [command.source], written: [command.target] }
    case 'zero':
      return { read: [], written: [command.target] }
    case 'exchange':
      return { read: [command.target], written: [command.target] }
    case 'host':
      return { read: [], written: [] }
  }
}

/** Commands of one step and the transients made on the way. */
export class Recording {
  readonly commands: Command[] = []
  readonly transients: Storage[] = []
  /** Random streams taken so far: the same position in the same step draws the same numbers. */
  streams = 0

  /** `draft`: not to be run as it is, so nothing need be compiled yet. */
  constructor(readonly draft = false) {}

  allocate(bytes: number, label: string): Storage {
    const storage = new Storage(bytes, 'transient', label)
    storage.index = this.transients.push(storage) - 1
    return storage
  }

  /** Ends the life of everything made inside. */
  close(): void {
    for (const storage of this.transients) storage.state = 'dead'
  }

  /**
   * The structure as text, equal for two recordings that may share a plan, and the live storages in order of
   * appearance: their identity is not part of the structure (an input may be another tensor each step).
   */
  structure(): { key: string; live: Storage[] } {
    const live: Storage[] = []
    const seen = new Map<Storage, number>()
    const name = (s: Storage | null) => {
      if (!s) return '-'
      if (s.index >= 0) return `t${s.index}:${s.byteLength}`
      let i = seen.get(s)
      if (i === undefined) seen.set(s, (i = live.push(s) - 1))
      return `l${i}:${s.byteLength}`
    }
    const key = this.commands
      .map((c) => {
        switch (c.type) {
          case 'dispatch': {
            const params = typeof c.params === 'function' ? 'f' : Object.values(c.params).join(' ')
            const bindings = c.bindings.map(name).join(' ')
            return `${c.variant.label}|${JSON.stringify(c.overrides)}|${bindings}|${params}|${c.workgroups}`
          }
          case 'copy':
            return `copy ${name(c.source)} ${name(c.target)} ${c.bytes}`
          case 'zero':
            return `zero ${name(c.target)}`
          case 'exchange':
            return `exchange ${name(c.target)} ${c.floats}`
          case 'host':
            return 'host'
        }
      })
      .join('\n')
    return { key, live }
  }
}
