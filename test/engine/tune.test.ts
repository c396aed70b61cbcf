// The tuner: implementations that compute something else are refused, the fastest of the rest is kept for later runs, what
// a GPU had no time for is left to the next one, and a damaged cache is no obstacle.
import * as assert from 'uvu/assert'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import type { Pass } from '../../src/gpu/choices.js'
import { gpu } from '../../src/gpu/gpu.js'
import { F, type Tensor, init, tensor, zeros } from '../../src/index.js'
import * as shaders from '../../src/shaders.gen.js'
import { empty } from '../../src/tensor/tensor.js'
import { sizeClass } from '../../src/ops/gemm.js'
import { adapterKey } from '../../src/tune/cache.js'

const folder = mkdtempSync(join(tmpdir(), 'radiograd-tune-'))
const cache = (process.env.RADIOGRAD_CHOICES = join(folder, 'choices.json'))
let engine = await init()
const test = suite(`tune (${engine.adapterKind})`)
const again = async (options = {}) => {
  engine.dispose()
  engine = await init(options)
}

/** 2·x by four implementations: three that do it, one of them slow, and one that does something else. */
function doubled(x: Tensor, ran: string[]): Tensor {
  const y = empty(x.shape)
  const add = (times: number) => {
    for (let i = 0; i < times; i++)
      gpu.run(shaders.binary_forward, { a: x, b: x, y }, { n: x.size }, { elements: x.size }, { OP: 'add' })
  }
  const pass: Pass<Tensor> = {
    implementations: [
      { name: 'plain', run: () => add(30) },
      { name: 'slow', preference: () => 1, run: () => add(60) },
      { name: 'wrong', run: () => gpu.copy(x, y) },
      { name: 'quick', run: () => add(1) },
      { name: 'other', applies: () => false, preference: () => 2, run: () => add(1) },
    ],
    key: () => ({ op: 'double', pass: 'forward', dtype: 'f32', size: x.size }),
    work: () => x.size,
  }
  const one = gpu.choose(pass, x)
  ran.push(one.name)
  one.run(x)
  return y
}

test('a wrong implementation is refused, a faster one is chosen, and the choice outlives the process', async () => {
  const x = tensor(Float32Array.from({ length: 1 << 16 }, (_, i) => i))
  const ran: string[] = []
  await engine.step(() => doubled(x, ran))
  assert.equal(ran, ['slow'])
  const measurements = await engine.tune(() => doubled(x, []))
  assert.is(measurements.length, 1)
  const [{ key, chosen, default: usual, ms, defaultMs, rejected }] = measurements
  assert.equal([key, chosen, usual], ['op=double pass=forward dtype=f32 size=65536', 'quick', 'slow'])
  assert.ok(ms < defaultMs!, `${ms} ${defaultMs}`)
  assert.equal(
    rejected.map((r) => r.name),
    ['wrong'],
  )
  assert.match(rejected[0].reason, /^differs from the plain kernel by 5\.0e-1$/)
  assert.equal([...(await x.data())].slice(0, 3), [0, 1, 2]) // it was measured on buffers of its own
  assert.equal(await engine.tune(() => doubled(x, [])), []) // known by now
  await again()
  const [y, later] = [tensor(new Float32Array(1 << 16)), [] as string[]]
  await engine.step(() => doubled(y, later))
  assert.equal(later, ['quick'])
  await again({ tune: false })
  const [z, without] = [tensor(new Float32Array(1 << 16)), [] as string[]]
  await engine.step(() => doubled(z, without))
  assert.equal(without, ['slow'])
})

test('matmul: every implementation agrees with the plain kernel, and the result with the chosen one is right', async () => {
  await again()
  const [M, N, K] = [52, 36, 40]
  const values = (n: number) => Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 13) - 6)
  const [a, b] = [tensor(values(M * K), [M, K]), tensor(values(K * N), [K, N])]
  const measurements = await engine.tune(() => F.matmul(a, b), { force: true })
  assert.equal(
    measurements.map(({ key }) => key),
    [`op=matmul pass=NN dtype=f32 M=${sizeClass(M)} N=${sizeClass(N)} K=${sizeClass(K)} batches=1`],
  )
  assert.equal(measurements[0].rejected, [])
  const y = await (await engine.step(() => F.matmul(a, b))).data()
  const [A, B] = [await a.data(), await b.data()]
  for (const at of [0, 777, M * N - 1]) {
    let sum = 0
    for (let k = 0; k < K; k++) sum += A[Math.floor(at / N) * K + k] * B[k * N + (at % N)]
    assert.is(y[at], sum)
  }
})

test('products in f16: implementations agree to the rounding of their result', async () => {
  if (!gpu.caps.f16) return console.log('skip: this adapter has no shader-f16')
  const [a, b] = [
    [20, 24],
    [24, 12],
  ].map((shape) => tensor(new Float32Array(shape[0] * shape[1]), shape, { dtype: 'f16' }))
  const [{ key, rejected }] = await engine.tune(() => F.matmul(a, b), { force: true })
  assert.is(key, `op=matmul pass=NN dtype=f16 M=${sizeClass(20)} N=${sizeClass(12)} K=${sizeClass(24)} batches=1`)
  assert.equal(rejected, [])
})

test('a damaged cache, or one of an older version, is ignored with a line, and written anew', async () => {
  const warned: string[] = []
  const warn = console.warn
  console.warn = (line: string) => warned.push(line)
  try {
    const entry = (format: number, chosen: unknown) =>
      JSON.stringify({ format, adapters: { x: { y: { chosen, ms: 1 } } } })
    for (const text of ['{ "format": 2, "adap', entry(2, 3), entry(1, 'plain')]) {
      writeFileSync(cache, text)
      await again()
      assert.match(
        warned.pop()!,
        /^radiograd: \S+choices\.json (cannot be read, it is ignored|is no cache of kernel measurements of this version, it is ignored)/,
      )
    }
    const x = tensor(new Float32Array(64).fill(1))
    await engine.tune(() => doubled(x, []))
    assert.is(JSON.parse(readFileSync(cache, 'utf8')).format, 2)
    process.env.RADIOGRAD_CHOICES = join(folder, 'choices.json', 'beneath a file')
    await again()
    await engine.tune(() => doubled(tensor(new Float32Array(64).fill(1)), []))
    assert.match(warned.pop()!, /cannot be written, so the measurements of this run are not kept/)
  } finally {
    console.warn = warn
  }
})

test('an adapter that does not say what it is has no cache', () => {
  const info = { vendor: '', architecture: '', device: '', description: '' } as GPUAdapterInfo
  const named = (more: Partial<GPUAdapterInfo>) => adapterKey({ ...info, ...more }, 32)
  assert.is(named({}), null)
  assert.is(named({ vendor: 'intel' }), null) // its small and its large chips
  assert.match(named({ vendor: 'intel', architecture: 'xe-hpg' })!, /^intel; xe-hpg; subgroups of 32; /)
})

test('a GPU measures what there is time for; the rest keeps its default, and is measured in the next run', async () => {
  rmSync(cache, { recursive: true, force: true })
  const { now } = performance
  const record = (sizes: readonly number[], ran: string[]) => () => sizes.map((size) => doubled(zeros([size]), ran))
  const stepped = async (sizes: readonly number[]) => {
    const ran: string[] = []
    await engine.capture(record(sizes, ran))()
    return ran.slice(-sizes.length)
  }
  const asOnGpu = async () => {
    process.env.RADIOGRAD_CHOICES = cache
    await again()
    Object.assign(gpu.caps, { isSoftware: false })
  }
  await asOnGpu()
  let calls = 0
  performance.now = () => now.call(performance) + 1e5 * Math.max(0, ++calls - 2) // time is up after the first problem
  try {
    assert.equal(await stepped([256, 512]), ['slow', 'quick'])
  } finally {
    performance.now = now
  }
  assert.equal(await stepped([256, 512]), ['slow', 'quick']) // the same in the same process
  await asOnGpu()
  assert.equal(await stepped([512, 256]), ['quick', 'quick'])
  await again()
  assert.is(gpu.choices.measured.size, 2)
})

test.after(() => {
  engine.dispose()
  rmSync(folder, { recursive: true })
})
test.run()
