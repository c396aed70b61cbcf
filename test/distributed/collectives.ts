// Started by mpirun: every call of a group, with values that tell the ranks apart. Prints what came out. Not a test.
import { MemoryStore } from '../../src/index.js'
import { sharedStore } from '../../src/app/sharedStore.js'
import { Team } from '../../src/train/group.js'
import { joinMpi } from '../../src/mpi.js'

const group = await joinMpi()
const { rank, size } = group
const values = Float32Array.from({ length: 7 }, (_, i) => (rank + 1) * 10 ** i)
const few = Float32Array.of(rank)
// Not waited for one by one: calls keep their order.
const [, , gathered, sent] = await Promise.all([
  group.sum(values),
  group.sum(few),
  new Team(group).values({ rank, name: 'x'.repeat(rank) }),
  group.broadcast(rank === 0 ? Uint8Array.of(1, 2, 3) : new Uint8Array()),
])
const own = new MemoryStore()
const store = sharedStore(own, group)
await store.write('a', Uint8Array.of(rank, 9))
const kept = (await own.list()).length
const read = await store.read('a')
const [list, absent] = [await store.list(), await store.read('b')]
const result = { rank, size, values: [...values], few: [...few], gathered, sent: [...sent], kept, read: [...read!] }
console.log(JSON.stringify({ ...result, list, absent, library: group.library }))
group.leave()
