// The tuner: candidates that compute something else are refused, the fastest of the rest is kept for later runs, and a
// damaged book of choices is no obstacle.
import * as assert from 'uvu/assert'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import type { Candidate } from '../../src/gpu/choices.js'
import { gpu } from '../../src/gpu/gpu.js'
import { F, type Tensor, init, tensor } from '../../src/index.js'
import * as shaders from '../../src/shaders.gen.js'
import { empty } from '../../src/tensor/tensor.js'
import { sizeClass } from '../../src/ops/gemm.js'

const folder = mkdtempSync(join(tmpdir(), 'radiograd-tune-'))
const book = (process.env.RADIOGRAD_CHOICES = join(folder, 'choices.json'))
let engine = await init()
const test = suite(`tune (${engine.adapterKind})`)
const again = async (options = {}) => {
  engine.dispose()
  engine = await init(options)
}

/** 2·x by four candidates: three that do it, one slow by running over and over, and one that does something else. */
function doubled(x: Tensor, ran: string[]): Tensor {
  const y = empty(x.shape)
  const add = (times: number) => {
    for (let i = 0; i < times; i++)
      gpu.run(shaders.binary_forward, { a: x, b: x, y }, { n: x.size }, { elements: x.size }, { OP: 'add' })
  }
  const candidates: (Candidate & { run(): void })[] = [
    { name: 'slow', run: () => add(60) },
    { name: 'wrong', run: () => gpu.copy(x, y) },
    { name: 'quick', run: () => add(1) },
  ]
  gpu.tuned({
    family: 'double',
    shape: `${x.size}`,
    work: x.size,
    candidates,
    usual: candidates[0],
    run: (c) => {
      ran.push(c.name)
      c.run()
    },
    plain: () => add(1),
  })
  return y
}

test('a wrong candidate is refused, a faster one is chosen, and the choice outlives the process', async () => {
  const x = tensor(Float32Array.from({ length: 1 << 16 }, (_, i) => i))
  const ran: string[] = []
  await engine.step(() => doubled(x, ran))
  assert.equal(ran, ['slow'])
  const findings = await engine.tune(() => doubled(x, []))
  assert.is(findings.length, 1)
  const [{ key, name, usual, ms, usualMs, rejected }] = findings
  assert.equal([key, name, usual], ['double 65536', 'quick', 'slow'])
  assert.ok(ms! < usualMs!, `${ms} ${usualMs}`)
  assert.equal(
    rejected.map((r) => r.name),
    ['wrong'],
  )
  assert.match(rejected[0].why, /^differs from the plain kernel by 5\.0e-1$/)
  assert.equal([...(await x.data())].slice(0, 3), [0, 1, 2]) // the search ran on buffers of its own
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

test('matmul: every candidate agrees with the plain kernel, and the result with the chosen one is right', async () => {
  await again()
  const [M, N, K] = [52, 36, 40]
  const values = (n: number) => Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 13) - 6)
  const [a, b] = [tensor(values(M * K), [M, K]), tensor(values(K * N), [K, N])]
  const findings = await engine.tune(() => F.matmul(a, b), { force: true })
  assert.equal(
    findings.map((f) => f.key),
    [`matmul NN ${sizeClass(M)}×${sizeClass(N)}×${sizeClass(K)}`],
  )
  assert.equal(findings[0].rejected, [])
  const y = await (await engine.step(() => F.matmul(a, b))).data()
  const [A, B] = [await a.data(), await b.data()]
  for (const at of [0, 777, M * N - 1]) {
    let sum = 0
    for (let k = 0; k < K; k++) sum += A[Math.floor(at / N) * K + k] * B[k * N + (at % N)]
    assert.is(y[at], sum)
  }
})

test('products in f16: candidates agree to the rounding of their result', async () => {
  if (!gpu.caps.f16) return console.log('skip: this adapter has no shader-f16')
  const [a, b] = [
    [20, 24],
    [24, 12],
  ].map((shape) => tensor(new Float32Array(shape[0] * shape[1]), shape, { dtype: 'f16' }))
  const [{ key, rejected }] = await engine.tune(() => F.matmul(a, b), { force: true })
  assert.is(key, `matmul f16 NN ${sizeClass(20)}×${sizeClass(12)}×${sizeClass(24)}`)
  assert.equal(rejected, [])
})

test('a damaged book is ignored with a line, and written anew', async () => {
  const warned: string[] = []
  const warn = console.warn
  console.warn = (line: string) => warned.push(line)
  try {
    for (const text of ['{ "format": 1, "adap', '{"format":1,"adapters":{"x":{"y":{"name":3}}}}']) {
      writeFileSync(book, text)
      await again()
      assert.match(
        warned.pop()!,
        /^radiograd: \S+choices\.json (cannot be read, it is ignored|is no book of kernel choices, it is ignored)/,
      )
    }
    const x = tensor(new Float32Array(64).fill(1))
    await engine.tune(() => doubled(x, []))
    assert.is(JSON.parse(readFileSync(book, 'utf8')).format, 1)
    process.env.RADIOGRAD_CHOICES = join(folder, 'choices.json', 'beneath a file')
    await again()
    await engine.tune(() => doubled(tensor(new Float32Array(64).fill(1)), []))
    assert.match(warned.pop()!, /cannot be written, so the choices of this run are not kept/)
  } finally {
    console.warn = warn
  }
})

test.after(() => {
  engine.dispose()
  rmSync(folder, { recursive: true })
})
test.run()
