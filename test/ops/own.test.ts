// Operators from outside: the program of docs/own-operators.md against F.silu, the errors of its table, and what else
// is refused.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, type Kernel, type Size, type Tensor, defineOp, init, kernel, run, tensor } from '../../src/index.js'
import { failure } from '../errors.js'

const test = suite('own operators')
const root = fileURLToPath(new URL('../../../', import.meta.url))
const document = readFileSync(join(root, 'docs/own-operators.md'), 'utf8')
const [forwardText, backwardText] = [...document.matchAll(/kernel\(`([^`]+)`/g)].map(([, text]) => text)
const engine = await init()
test.after(() => engine.dispose())

const forward = kernel(forwardText, { name: 'swish' })
const backward = kernel(backwardText, { name: 'swish_backward' })
const op = defineOp({
  name: 'swish',
  saves: ['x'],
  shape: ({ x }: { x: Tensor }) => ({ y: x.shape }),
  forward({ x }, { y }) {
    run(forward, { x, y }, { n: x.size }, { elements: x.size })
  },
  backward({ x }, { y: dy }, { x: dx }) {
    if (dx) run(backward, { x, dy, dx }, { n: x.size }, { elements: x.size })
  },
})
const swish = (x: Tensor): Tensor => op({ x }, {}).y

test('swish and its gradient are those of F.silu: eager, in a step, captured, and over 65,535 workgroups', async () => {
  const values = Float32Array.from({ length: 65_536 * 64 + 5 }, (_, i) => ((i * 37) % 2001) / 100 - 10)
  const results = async (f: (x: Tensor) => Tensor, within: (work: () => Tensor) => Tensor | Promise<Tensor>) => {
    const x = tensor(values, undefined, { requiresGrad: true })
    const y = await within(() => {
      const made = f(x)
      made.backward(tensor(values)) // any gradient will do
      return made
    })
    return [await y.data(), await x.grad!.data()]
  }
  const [y, dx] = await results(F.silu, (work) => work())
  for (const within of [(work: () => Tensor) => work(), (work: () => Tensor) => engine.step(work)]) {
    const own = await results(swish, within)
    for (const [mine, theirs] of [
      [own[0], y],
      [own[1], dx],
    ])
      for (let i = 0; i < theirs.length; i += 997)
        assert.ok(Math.abs(mine[i] - theirs[i]) <= 2e-6 * Math.max(1, Math.abs(theirs[i])), `${i}: ${mine[i]}`)
  }
  const step = engine.capture(({ x }) => swish(x))
  assert.equal(await (await step({ x: tensor([0]) })).data(), Float32Array.of(0))
})

test("the errors of the document's table", async () => {
  const x = tensor([1, 2])
  const y = tensor([0, 0])
  const call = (own: Kernel, bindings: Record<string, Tensor>) => () => {
    run(own, bindings, { n: 2 }, { elements: 2 })
    return y.data()
  }
  const mistakes: [string, () => unknown][] = [
    ['no entry point', () => kernel('fn foo() {}', { name: 'nothing' })],
    ['a hole in the numbers', () => kernel(forwardText.replace('binding(1)', 'binding(3)'), { name: 'hole' })],
    ['wrong WGSL', () => call(kernel(forwardText.replace('= x[i] /', '= z[i] /'), { name: 'unresolved' }), { x, y })()],
    ['a forgotten tensor', call(forward, { x })],
    ['a dtype', call(forward, { x: tensor(Int32Array.of(1, 2)), y })],
  ]
  for (const [mistake, work] of mistakes) {
    const [, written] = new RegExp(`^\\| ${mistake} \\| \`(.*)\` \\|$`, 'm').exec(document)!
    assert.is((await failure(work)).replace(/own\/\w+/g, 'own/swish'), written)
  }
})

test('wrong WGSL is said in every way of running it, and again when it is run again', async () => {
  const text = forwardText.replace('= x[i] /', '= 1.0 / w +')
  const x = tensor([1, 2])
  const y = tensor([0, 0])
  const wrong = kernel(text, { name: 'again' })
  const use = () => run(wrong, { x, y }, { n: 2 }, { elements: 2 })
  for (const way of [
    () => engine.step(use),
    () => (use(), y.data()),
    () => (use(), engine.idle()),
    () => engine.step(use),
  ])
    assert.match(await failure(way), /^own\/again: pipeline refused, own\/again:\d+: unresolved value 'w'$/)
  assert.equal(await y.data(), Float32Array.of(0, 0))
})

test('kernels of one name keep apart; the same text is the same kernel', async () => {
  const twice = kernel(forwardText.replace(/y\[i\] = [^;]+/, 'y[i] = 2.0 * x[i]'), { name: 'scale' })
  const thrice = kernel(forwardText.replace(/y\[i\] = [^;]+/, 'y[i] = 3.0 * x[i]'), { name: 'scale' })
  assert.is(kernel(forwardText, { name: 'swish' }), forward)
  const x = tensor([1])
  for (const [own, result] of [
    [twice, 2],
    [thrice, 3],
  ] as const) {
    const y = tensor([0])
    await engine.step(() => run(own, { x, y }, { n: 1 }, { elements: 1 }))
    assert.is(await y.item(), result)
  }
})

test('parameters may be a function, and are told by name, whatever their order', async () => {
  const text = `
    // @each 1
    struct Params { a: f32, n: u32, b: f32 }
    @group(0) @binding(0) var<storage, read_write> y: array<f32>;
    @group(0) @binding(1) var<uniform> params: Params;
    @compute @workgroup_size(1) fn main() { y[0] = 10.0 * params.a + params.b; }`
  const own = kernel(text)
  const y = tensor([0])
  let a = 1
  const step = engine.capture(() => {
    run(own, { y }, () => ({ b: 2, n: 1, a }), { elements: 1 })
    return null
  })
  await step()
  assert.is(await y.item(), 12)
  a = 3
  await step()
  assert.is(await y.item(), 32)
  for (const params of [
    { a: 1, b: 2, n: 1 },
    { b: 1, a: 2, n: 1 },
  ])
    await engine.step(() => run(own, { y }, params, { elements: 1 }))
  assert.is(await y.item(), 21)
})

test('what else is refused', async () => {
  const x = tensor([1, 2])
  const y = tensor([0, 0])
  const size = { elements: 2 }
  const cases: [string, () => unknown][] = [
    ["own/swish: bindings are x, y, got 'z'", () => run(forward, { x, y, z: x }, { n: 2 }, size)],
    ["own/swish: 'y' must be a tensor, got null", () => run(forward, { x, y: null }, { n: 2 }, size)],
    ["own/swish: params are n, got 'm'", () => run(forward, { x, y }, { m: 2 }, size)],
    ["own/swish: params are n, 'n' is missing", () => run(forward, { x, y }, {}, size)],
    ['own/swish: n must be a number, got NaN', () => run(forward, { x, y }, { n: NaN }, size)],
    ["own/swish: constants are none, got 'OP'", () => run(forward, { x, y }, { n: 2 }, size, { OP: 1 })],
    [
      "own/swish: 'y' is written, so 'x' must be another tensor, got the same",
      () => run(forward, { x, y: F.reshape(x, [2, 1]) }, { n: 2 }, size),
    ],
    [
      'own/swish: size must be { elements }, { invocations }, { groups }, got { element }',
      () => run(forward, { x, y }, { n: 2 }, { element: 2 } as unknown as Size),
    ],
    ['run: must be given a kernel, got {}', () => run({} as Kernel, { x, y }, { n: 2 }, size)],
    ["kernel: unknown option 'label', it takes name", () => kernel(forwardText, { label: 'x' } as object)],
    ["kernel: name must be letters, digits, _ and -, got 'a b'", () => kernel(forwardText, { name: 'a b' })],
    [
      'own/kernel#2:3: there is no lib/no.wgsl to include',
      () => kernel(forwardText.replace('lib/index.wgsl', 'lib/no.wgsl').replace('@each 1', '')),
    ],
  ]
  for (const [message, work] of cases) assert.is((await failure(work)).replace('[object Object]', '{}'), message)
})

test.run()
