// One store for all processes of a group.
import type { Group } from '../train/group.js'
import type { Store } from './store.js'

/** The store of process 0 for all: it alone writes, the others read what it reads. */
export function sharedStore(store: Store, group: Group): Store {
  const first = group.rank === 0
  let last: Promise<unknown> = Promise.resolve()
  /** One after another: process 0 has a disk to wait for before it can tell, the others have not. */
  const serially = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }
  const told = async <T>(value: () => Promise<T>): Promise<T> => {
    const bytes = new TextEncoder().encode(first ? JSON.stringify(await value()) : '')
    return JSON.parse(new TextDecoder().decode(await group.broadcast(bytes))) as T
  }
  return {
    name: store.name,
    read: (file) =>
      serially(async () => {
        const bytes = first ? await store.read(file) : null
        if (!(await told(async () => bytes !== null))) return null
        return group.broadcast(bytes ?? new Uint8Array())
      }),
    write: async (file, bytes) => {
      if (first) await store.write(file, bytes)
    },
    list: () => serially(() => told(() => store.list())),
    remove: async (file) => {
      if (first) await store.remove(file)
    },
    lock: async () => (first && (await store.lock?.())) || (async () => {}),
  }
}
