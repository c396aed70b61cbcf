// The planner on random lifetimes: nothing overlaps, conflicts keep apart, and the sum stays near the lower bound.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Block, lowerBound, place } from '../../src/gpu/planner.js'

const test = suite('planner')

function generator(seed: number): (n: number) => number {
  let s = seed
  return (n) => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    return Math.floor((s / 4294967296) * n)
  }
}

/**
 * A step-shaped problem: a chain of commands, each reading the last result and writing the next; some results live on
 * to the way back.
 */
function chain(random: (n: number) => number, length: number): Block[] {
  const blocks: Block[] = []
  for (let i = 0; i < length; i++) {
    const last = random(3) === 0 ? 2 * length - i : i + 1
    blocks.push({ bytes: 16 * (1 + random(4096)), first: i, last, conflicts: new Set() })
    if (i) {
      blocks[i].conflicts.add(i - 1)
      blocks[i - 1].conflicts.add(i)
    }
  }
  return blocks
}

function verify(blocks: Block[], maxBytes: number) {
  const { arena, offset, arenas } = place(blocks, maxBytes)
  blocks.forEach((a, i) => {
    assert.is(offset[i] % 256, 0)
    assert.ok(offset[i] + a.bytes <= arenas[arena[i]], 'inside its arena')
    blocks.forEach((b, j) => {
      if (i >= j || arena[i] !== arena[j]) return
      assert.not.ok(a.conflicts.has(j), 'conflicting blocks share no arena')
      const together = a.first <= b.last && b.first <= a.last
      const overlap = offset[i] < offset[j] + b.bytes && offset[j] < offset[i] + a.bytes
      assert.not.ok(together && overlap, `blocks ${i} and ${j} overlap`)
    })
  })
  return arenas.reduce((a, b) => a + b, 0)
}

test('random chains are placed without overlap, near the lower bound', () => {
  let worst = 1
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed)
    const blocks = chain(random, 5 + random(120))
    const total = verify(blocks, 1 << 30)
    worst = Math.max(worst, total / lowerBound(blocks))
  }
  assert.ok(worst < 1.5, `worst ratio to the lower bound ${worst}`)
})

test('an arena stays under its limit, unless one block alone is larger', () => {
  const blocks = chain(generator(7), 80)
  const limit = 1 << 17
  verify(blocks, limit)
  for (const bytes of place(blocks, limit).arenas) assert.ok(bytes <= limit, `${bytes} bytes`)
  assert.equal(place([{ bytes: 1 << 20, first: 0, last: 0, conflicts: new Set() }], 1024).arenas, [1 << 20])
})

test('blocks that never meet share the same bytes', () => {
  const at = (i: number): Block => ({ bytes: 1000, first: 2 * i, last: 2 * i, conflicts: new Set() })
  assert.equal(place([at(0), at(1), at(2)], 1 << 20).arenas, [1024])
})

test.run()
