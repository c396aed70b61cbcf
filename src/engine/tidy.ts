// Tensors outside of steps that live no longer than a function.
import { type Gpu } from '../gpu/gpu.js'
import type { Storage } from '../gpu/storage.js'
import type { Node } from '../tensor/tape.js'
import { check } from '../util/check.js'
import { type Result, mapTensors } from './record.js'

/**
 * Runs `fn` and gives back all tensors made on the way, but for those it returns and what their backward pass needs.
 */
export function tidy<R extends Result>(gpu: Gpu, fn: () => R): R {
  check(!gpu.recording, 'tidy: must be called outside of steps, whose tensors die with them anyway')
  const outer = gpu.scope
  const made = (gpu.scope = new Set<Storage>())
  try {
    const value = fn()
    check(!((value as unknown) instanceof Promise), 'tidy: the function must not be async; await outside of it')
    const keep = (storage: Storage) => {
      if (made.delete(storage)) outer?.add(storage)
    }
    const seen = new Set<Node>()
    const visit = (node: Node | null) => {
      if (!node || seen.has(node)) return
      seen.add(node)
      for (const saved of Object.values(node.saved ?? {})) if (saved) keep(saved.storage)
      for (const edge of Object.values(node.edges)) {
        if (edge.leaf) keep(edge.leaf.storage)
        visit(edge.node)
      }
    }
    mapTensors(value, (t) => {
      keep(t.storage)
      visit(t.node)
      return t
    })
    return value
  } finally {
    gpu.scope = outer
    for (const storage of made) storage.memory?.release(storage)
  }
}
