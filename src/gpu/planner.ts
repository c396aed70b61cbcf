// Offline memory assignment: where each intermediate of a step lives. Pure arithmetic, no GPU.
//
// Lifetimes are known, so storages whose lifetimes do not meet share bytes: placed one after another, best fit
// (Pisarchyk & Lee, "Efficient memory management for deep neural net inference", 2020). WebGPU adds rules about what
// may share a buffer: a dispatch may not bind one both as `read` and as `read_write`, even at disjoint ranges. Blocks
// that such a rule concerns are put into different arenas. Which order is best differs from step to step: a few are
// tried, then the best is improved by moving forward what sticks out ("squeaky wheel" optimization: Joslin & Clements,
// 1999). The same blocks always get the same places.

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
/** Tries to improve. */
const ROUNDS = 100
/** Near enough to the lower bound. */
const ENOUGH = 1.01

/** Places every block; `maxBytes` bounds an arena, unless one block alone is larger. */
export function place(blocks: readonly Block[], maxBytes: number): Placement {
  const sizes = blocks.map(({ bytes }) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT)
  const pack = (order: readonly number[], limit = Infinity) => inOrder(blocks, sizes, order, maxBytes, limit)
  const descending = (key: (i: number) => number) => blocks.map((_, i) => i).sort((a, b) => key(b) - key(a) || a - b)
  const life = (i: number) => blocks[i].last - blocks[i].first + 1
  let best = [
    descending((i) => sizes[i]),
    descending((i) => sizes[i] * life(i)),
    descending(life),
    descending((i) => -blocks[i].first),
  ]
    .map((order) => pack(order)!)
    .reduce((a, b) => (b.total < a.total ? b : a))
  const enough = ENOUGH * lowerBound(blocks)
  let seed = 1
  const random = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  for (let round = 0; round < ROUNDS && best.total > enough; round++) {
    const topmost = best.order.filter((i) => best.offset[i] + sizes[i] === best.arenas[best.arena[i]])
    const from = best.order.indexOf(topmost[random(topmost.length)])
    const order = [...best.order]
    order.splice(random(from + 1), 0, ...order.splice(from, 1))
    best = pack(order, best.total) ?? best
  }
  return { arena: best.arena, offset: best.offset, arenas: best.arenas }
}

interface Packing extends Placement {
  order: readonly number[]
  /** Bytes of all arenas. */
  total: number
}

/**
 * Places blocks in the given order, each where it makes its arena grow least, then where it fits best; null as soon as
 * more than `limit` bytes are needed.
 */
function inOrder(
  blocks: readonly Block[],
  sizes: readonly number[],
  order: readonly number[],
  maxBytes: number,
  limit: number,
): Packing | null {
  const arena: number[] = new Array(blocks.length).fill(-1)
  const offset: number[] = new Array(blocks.length).fill(0)
  const arenas: number[] = []
  const members: number[][] = [] // of each arena, by offset
  let total = 0
  for (const i of order) {
    const { first, last, conflicts } = blocks[i]
    const size = sizes[i]
    const refused: boolean[] = []
    for (const j of conflicts) if (arena[j] >= 0) refused[arena[j]] = true
    let best = { arena: -1, offset: 0, growth: Infinity, waste: Infinity }
    for (let a = 0; a <= arenas.length; a++) {
      if (refused[a]) continue
      const capacity = arenas[a] ?? 0
      let end = 0
      let gap = -1
      let waste = Infinity
      for (const j of members[a] ?? []) {
        if (blocks[j].first > last || first > blocks[j].last) continue
        const room = offset[j] - end
        if (room >= size && room - size < waste) {
          gap = end
          waste = room - size
        }
        end = Math.max(end, offset[j] + sizes[j])
      }
      if (gap < 0 && end + size <= Math.max(maxBytes, size)) {
        gap = end
        waste = Math.max(0, capacity - end - size)
      }
      if (gap < 0) continue
      const growth = Math.max(0, gap + size - capacity)
      if (growth < best.growth || (growth === best.growth && waste < best.waste))
        best = { arena: a, offset: gap, growth, waste }
    }
    arena[i] = best.arena
    offset[i] = best.offset
    arenas[best.arena] = (arenas[best.arena] ?? 0) + best.growth
    total += best.growth
    if (total > limit) return null
    const there = (members[best.arena] ??= [])
    const after = there.findIndex((j) => offset[j] > best.offset)
    there.splice(after < 0 ? there.length : after, 0, i)
  }
  return { arena, offset, arenas, order, total }
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
