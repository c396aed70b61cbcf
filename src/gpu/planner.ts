// Offline memory assignment: where each intermediate of a step lives. Pure arithmetic, no GPU.
//
// Lifetimes are known, so storages whose lifetimes do not meet share bytes (greedy by size, best fit: Pisarchyk & Lee,
// "Efficient memory management for deep neural net inference", 2020). WebGPU adds one rule: a dispatch may not bind one
// buffer both as `read` and as `read_write`, even at disjoint ranges; so two storages that meet so in some dispatch are
// put into different arenas.

/** A storage to be placed: its size in bytes and the first and last command that touches it. */
export interface Block {
  bytes: number
  first: number
  last: number
  /** Blocks that must not share a buffer with this one. */
  conflicts: Set<number>
}

export interface Placement {
  arena: number[]
  offset: number[]
  /** Bytes of each arena. */
  arenas: number[]
}

const ALIGNMENT = 256

/** Places every block; `maxBytes` bounds an arena. */
export function place(blocks: readonly Block[], maxBytes: number): Placement {
  const arena: number[] = new Array(blocks.length).fill(-1)
  const offset: number[] = new Array(blocks.length).fill(0)
  const arenas: number[] = []
  const members: number[][] = []
  const order = blocks.map((_, i) => i).sort((a, b) => blocks[b].bytes - blocks[a].bytes || a - b)
  for (const i of order) {
    const block = blocks[i]
    const size = Math.ceil(block.bytes / ALIGNMENT) * ALIGNMENT
    let best = { arena: -1, offset: 0, growth: Infinity, waste: Infinity }
    for (let a = 0; a <= arenas.length; a++) {
      const used = members[a] ?? []
      if (used.some((j) => block.conflicts.has(j))) continue
      const busy = used.filter((j) => blocks[j].first <= block.last && block.first <= blocks[j].last)
        .sort((x, y) => offset[x] - offset[y])
      let end = 0
      let gap = { offset: -1, waste: Infinity }
      for (const j of busy) {
        const room = offset[j] - end
        if (room >= size && room - size < gap.waste) gap = { offset: end, waste: room - size }
        end = Math.max(end, offset[j] + Math.ceil(blocks[j].bytes / ALIGNMENT) * ALIGNMENT)
      }
      const capacity = arenas[a] ?? 0
      if (gap.offset < 0 && end + size <= Math.max(maxBytes, size)) gap = { offset: end, waste: Math.max(0, capacity - end - size) }
      if (gap.offset < 0) continue
      const growth = Math.max(0, gap.offset + size - capacity)
      if (growth < best.growth || (growth === best.growth && gap.waste < best.waste)) best = { arena: a, growth, ...gap }
    }
    arena[i] = best.arena
    offset[i] = best.offset
    arenas[best.arena] = Math.max(arenas[best.arena] ?? 0, best.offset + size)
    ;(members[best.arena] ??= []).push(i)
  }
  return { arena, offset, arenas }
}

/** The least memory any assignment could need: the largest sum of sizes alive at one command. */
export function lowerBound(blocks: readonly Block[]): number {
  const change = new Map<number, number>()
  for (const { bytes, first, last } of blocks) {
    change.set(first, (change.get(first) ?? 0) + bytes)
    change.set(last + 1, (change.get(last + 1) ?? 0) - bytes)
  }
  let alive = 0
  let most = 0
  for (const at of [...change.keys()].sort((a, b) => a - b)) most = Math.max(most, (alive += change.get(at)!))
  return most
}
