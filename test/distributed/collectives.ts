// Started by mpirun: every call of a group, with values that tell the ranks apart. Prints what came out. Not a test.
import { F, MemoryStore, init, nn, tensor } from '../../src/index.js'
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
const files = new MemoryStore()
const store = sharedStore(files, group)
await store.write('a', Uint8Array.of(rank, 9))
const kept = (await files.list()).length
const read = await store.read('a')
const [list, absent] = [await store.list(), await store.read('b')]

/** Of a batch [4, 2, 2, 3], loss Σ y², its gradients, and the statistics that are kept. */
const images = Float32Array.from({ length: 2 * size * 12 }, (_, i) => Math.sin(i * i) + (i % 3))
async function normalised(x: Float32Array, sum?: (values: Float32Array) => Promise<void>): Promise<number[][]> {
  const norm = new nn.BatchNorm2d(3)
  norm.weight.write(Float32Array.of(1, 2, 3))
  if (sum) nn.convertSyncBatchNorm(norm, sum)
  const input = tensor(x, [x.length / 12, 2, 2, 3])
  input.requiresGrad = true
  const step = engine.capture(() => {
    input.grad = norm.weight.grad = norm.bias.grad = null
    const y = norm.forwardAddRelu(input, F.mul(input, 0.5))
    F.sum(F.pow(y, 3)).backward()
    return { y, dx: input.grad!, dweight: norm.weight.grad!, dbias: norm.bias.grad! }
  })
  await step()
  const { y, dx, dweight, dbias } = await step()
  const state = [norm.runningMean, norm.runningVar]
  const summed = [dweight, dbias].map(async (t) => {
    const values = await t.data()
    await sum?.(values)
    return [...values]
  })
  return Promise.all([...[y, dx, ...state].map(async (t) => [...(await t.data())]), ...summed])
}
const engine = await init()
const part = images.length / size
const own = await normalised(images.slice(rank * part, (rank + 1) * part), (sums) => group.sum(sums))
const whole = await normalised(images)
engine.dispose()
const off = own.map((values, i) => {
  const expected = i < 2 ? whole[i].slice(rank * part, (rank + 1) * part) : whole[i]
  const most = Math.max(...whole[i].map(Math.abs))
  return Math.max(...values.map((v, j) => Math.abs(v - expected[j]))) / most
})

const result = { rank, size, values: [...values], few: [...few], gathered, sent: [...sent], kept, read: [...read!] }
console.log(JSON.stringify({ ...result, list, absent, library: group.library, off: Math.max(...off) }))
group.leave()
