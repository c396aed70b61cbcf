// Every implementation of a convolution against the plain tile kernels, with both families of kernels: outputs and
// gradients at shapes with odd edges; small integers exactly; and the tuner's choice among them.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { gpu } from '../../src/gpu/gpu.js'
import type { Kernel } from '../../src/gpu/kernel.js'
import { F, type Tensor, init, nn, noGrad, tensor, zeros } from '../../src/index.js'
import { type RunningNorm, composedConv2dBatchNorm } from '../../src/ops/convbatchnorm.js'
import { type Convolution, NOTHING } from '../../src/ops/convgeometry.js'
import { beforeBatchNorm } from '../../src/ops/moments.js'
import { preferredTile } from '../../src/ops/convwinograd.js'
import { activate } from '../../src/ops/unary.js'
import { loadFixtures, relativeError, upload } from '../cases/case.js'
import { choosing, families, within } from './families.js'
import { normal } from './random.js'

const engine = await init({ tune: false })
const test = suite(`conv2d (${engine.adapterKind})`)
const names = ['y', 'dx', 'dw', 'db']

const random = normal(5)
/** -2 … 2 */
const integers = (n: number) => random(n).map((v) => Math.max(-2, Math.min(2, Math.round(v))))

interface Case {
  x: number[]
  w: number[]
  options?: Parameters<typeof F.conv2d>[3]
}

/**
 * Runs `work` with the implementation of this name chosen wherever there is one; names that came up before it, all if
 * there is none, are added to `seen`.
 */
const by = <T>(wanted: string | null, work: () => Promise<T>, seen = new Set<string>()): Promise<T> =>
  choosing((name) => {
    seen.add(name)
    return name === wanted
  }, work)

/** What `work` gives, and the kernels it ran. */
async function listing<T>(work: () => Promise<T>): Promise<[T, string[]]> {
  const ran: string[] = []
  const { run } = gpu
  gpu.run = ((kernel: Kernel, ...rest: [never, never, never]) => {
    ran.push(kernel.name)
    run.call(gpu, kernel as never, ...rest)
  }) as typeof run
  try {
    return [await work(), ran]
  } finally {
    gpu.run = run
  }
}

/** Output and gradients of a case. */
async function evaluate({ w, options }: Case, [x, weight, bias, dy]: Tensor[]): Promise<Float32Array[]> {
  for (const t of [x, weight, bias]) t.grad = null
  const results = await engine.step(() => {
    const y = F.conv2d(x, weight, bias, options)
    y.backward(dy)
    return [y, x.grad!, weight.grad!, bias.grad!]
  })
  assert.is(results[0].shape[3], w[3])
  return Promise.all(results.map((t) => t.data()))
}

async function inputs({ x, w, options }: Case, draw: (n: number) => Float32Array): Promise<Tensor[]> {
  const size = (s: number[]) => s.reduce((a, b) => a * b, 1)
  const leaves = [x, w, [w[3]]].map((shape) => tensor(draw(size(shape)), shape, { requiresGrad: true }))
  const y = await engine.step(() => F.conv2d(leaves[0].detach(), leaves[1].detach(), null, options))
  return [...leaves, tensor(draw(y.size), y.shape)]
}

const cases: Case[] = [
  { x: [2, 9, 7, 20], w: [3, 3, 20, 36], options: { padding: 1 } },
  { x: [1, 7, 11, 36], w: [3, 3, 36, 8], options: { padding: [2, 0] } },
]

/** Three channels: runs of 21 floats along a line. */
const stem: Case = { x: [2, 13, 11, 3], w: [7, 7, 3, 8], options: { stride: 2, padding: 3 } }

/** Patches side by side, as a Vision Transformer cuts them. */
const patches: Case = { x: [2, 12, 8, 3], w: [4, 2, 3, 12], options: { stride: [4, 2] } }

/**
 * Each input channel with one output channel and with three; strides, dilation and padding beyond the kernel; edges of
 * no run of pixels.
 */
const depthwise: Case[] = [
  { x: [2, 9, 7, 20], w: [3, 3, 1, 20], options: { padding: 1, groups: 20 } },
  { x: [2, 10, 9, 5], w: [3, 2, 1, 15], options: { stride: [2, 3], padding: [1, 4], dilation: [1, 2], groups: 5 } },
  { x: [3, 21, 23, 8], w: [5, 5, 1, 8], options: { stride: 2, padding: 2, groups: 8 } },
]

test('depthwise kernels agree with the tile kernels', async () => {
  const found = new Set<string>()
  for (const one of depthwise) {
    const given = await inputs(one, random)
    const applicable = new Set<string>()
    await by(null, () => evaluate(one, given), applicable)
    const plain = await by('tile 64×64', () => evaluate(one, given))
    for (const name of applicable) {
      if (!name.startsWith('depthwise')) continue
      found.add(name)
      const errors = (await by(name, () => evaluate(one, given))).map((a, i) => relativeError(a, plain[i]))
      assert.ok(
        errors.every((e) => e < 2e-6),
        `${name} ${JSON.stringify(one)}: errors of ${names} ${errors.map((e) => e.toExponential(1))}`,
      )
    }
  }
  assert.equal(
    [...found].sort(),
    gpu.caps.subgroupSize === 8 && engine.isSoftware ? ['depthwise', 'depthwise cpu'] : ['depthwise'],
  )
})

for (const family of families()) {
  test(`all implementations agree, ${family} kernels`, () =>
    within(family, async () => {
      const all = new Set<string>()
      for (const one of [...cases, stem, patches]) {
        const given = await inputs(one, random)
        const applicable = new Set<string>()
        await by(null, () => evaluate(one, given), applicable)
        const plain = await by('tile 64×64', () => evaluate(one, given))
        for (const name of applicable) {
          const errors = (await by(name, () => evaluate(one, given))).map((a, i) => relativeError(a, plain[i]))
          assert.ok(
            errors.every((e) => e < 2e-6),
            `${name} ${JSON.stringify(one)}: errors of ${names} ${errors.map((e) => e.toExponential(1))}`,
          )
        }
        for (const name of applicable) all.add(name)
      }
      for (const name of ['winograd 2', 'winograd 4', 'patches', family === 'tile' ? 'tile wide 64×64' : 'cpu rows'])
        assert.ok(all.has(name), `${name} is not among ${[...all]}`)
    }))
}

test('Winograd is preferred from 128 channels on without kernels for software adapters, but not to units of f16', () =>
  within('tile', async () => {
    const tile = (channels: number, size: number, dtype: 'f32' | 'f16' = 'f32') => {
      const x = zeros([2, size, size, channels], dtype)
      const weight = zeros([3, 3, channels, channels], dtype)
      const attrs = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const
      return preferredTile({ x, weight, y: x, attrs, epilogue: NOTHING } as unknown as Convolution)
    }
    assert.equal([tile(128, 16), tile(256, 8), tile(128, 8), tile(64, 56)], [4, 2, null, null])
    if (!gpu.caps.f16) return
    assert.is(tile(128, 16, 'f16'), 4)
    const { isSoftware, matrices } = gpu.caps
    Object.assign(gpu.caps, { isSoftware: false, matrices: { f16: { S: 16, E: 'f16', LANES: 32, PIN: 0 } } })
    assert.is(tile(128, 16, 'f16'), null)
    Object.assign(gpu.caps, { isSoftware, matrices })
  }))

test('of an input that is a residual, too, tiles and Winograd add the gradient themselves', async () => {
  const given = await inputs({ x: [2, 9, 7, 20], w: [3, 3, 20, 20], options: { padding: 1 } }, random)
  const run = async ([x, weight, bias, dy]: Tensor[]) => {
    x.grad = weight.grad = bias.grad = null
    const [dx] = await engine.step(() => {
      const h = F.mul(x, 2)
      F.add(F.conv2d(h, weight, bias, { padding: 1 }), h).backward(dy)
      return [x.grad!]
    })
    return dx.data()
  }
  const alone = await engine.step(() => {
    const h = given[0].detach()
    h.requiresGrad = true
    F.conv2d(h, given[1].detach(), null, { padding: 1 }).backward(given[3])
    return F.mul(F.add(h.grad!, given[3]), 2)
  })
  const truth = await alone.data()
  const seen = new Set<string>()
  await by(null, () => run(given), seen)
  for (const name of seen) {
    const [dx, ran] = await listing(() => by(name, () => run(given)))
    const error = relativeError(dx, truth)
    assert.ok(error < 2e-6, `${name}: off by ${error.toExponential(1)}`)
    assert.is(ran.includes('accumulate'), !/^tile|^winograd/.test(name), name)
  }
})

test('conv2dBatchNorm: as plain operators, by direct kernels and by Winograd, with and without each part', async () => {
  const pointwise: Case = { x: [2, 8, 7, 12], w: [1, 1, 12, 36], options: { stride: 2 } }
  for (const one of [...cases, stem, pointwise, depthwise[0], depthwise[1]]) {
    const [x, weight, bias, dy] = (await inputs(one, random)).map((t) => t.detach())
    const vector = (shift = 0) => tensor(random(one.w[3]).map((v) => Math.abs(v) * shift + (shift ? 0.1 : v)))
    const norm = { runningMean: vector(), runningVar: vector(1), weight: vector(), bias: vector(), eps: 1e-3 }
    const residual = tensor(random(dy.size), dy.shape)
    const variants: { bias: Tensor | null; norm: RunningNorm; more: F.Conv2dBatchNormOptions }[] = [
      { bias, norm, more: { residual, activation: 'relu' } },
      { bias: null, norm, more: { activation: 'silu' } },
      { bias: null, norm: { ...norm, weight: null, bias: null }, more: { residual } },
    ]
    const run = (operator: typeof F.conv2dBatchNorm) =>
      engine.step(() =>
        variants.map(({ bias, norm, more }) => operator(x, weight, bias, norm, { ...one.options, ...more })),
      )
    for (const family of families()) {
      await within(family, async () => {
        const plain = await by('tile 64×64', () => run(composedConv2dBatchNorm))
        for (const name of [family === 'tile' ? 'tile 64×64' : 'cpu 32', 'winograd 4', 'depthwise', 'depthwise cpu']) {
          for (const [i, y] of (await by(name, () => run(F.conv2dBatchNorm))).entries()) {
            const error = relativeError(await y.data(), await plain[i].data())
            assert.ok(error < 3e-6, `${family}, ${name}, variant ${i}: ${error}`)
          }
        }
      })
    }
  }
})

/** Mean and variance of each column of rows [..., channels], in float64. */
function momentsOf(y: Float32Array, channels: number) {
  const rows = y.length / channels
  return Array.from({ length: channels }, (_, c) => {
    let mean = 0
    for (let at = c; at < y.length; at += channels) mean += y[at] / rows
    let variance = 0
    for (let at = c; at < y.length; at += channels) variance += (y[at] - mean) ** 2 / rows
    return { mean, variance, unbiased: (variance * rows) / (rows - 1) }
  })
}

test('tiles leave statistics for the batchNorm that follows in training', () =>
  within('tile', async () => {
    const twoGroups: Case = { x: [3, 17, 9, 8], w: [3, 3, 4, 140], options: { stride: 2, padding: 1, groups: 2 } }
    const half = gpu.caps.f16 ? 'f16' : 'f32'
    for (const [tile, one, shift, scale, dtype] of [
      ['64×64', stem, 0, 1, 'f32'],
      ['64×64', twoGroups, 0, 1, 'f32'],
      ['32×32', twoGroups, 1000, 1, 'f32'], // far from zero
      ['wide 64×64', stem, 0, 1, half],
      ['wide 64×64', twoGroups, 0, 1e19, 'f32'], // squares leave f32
    ] as const) {
      const channels = one.w[3]
      const [image, weight] = await inputs(one, random)
      const x = tensor(
        (await image.data()).map((v) => (v + shift) * scale),
        image.shape,
        { dtype },
      )
      const conv = new nn.Conv2d(one.x[3], channels, [one.w[0], one.w[1]], { ...one.options, bias: false })
      conv.weight = weight
      const train = () => {
        const norm = new nn.BatchNorm2d(channels, 1e-30)
        return engine.step(() => {
          const y = beforeBatchNorm(() => conv.forward(x))
          return [y, norm.forward(y), norm.runningMean, norm.runningVar]
        })
      }
      const [results, ran] = await listing(() => by(`tile ${tile}`, train))
      assert.equal(
        ran.filter((kernel) => /conv|norm/.test(kernel)),
        ['conv2d_forward_tile', 'batchnorm_merge', 'batchnorm_apply'],
      )
      const [y, normed, mean, variance] = await Promise.all(results.map((t) => t.data()))
      const what = `${tile}, ${one.w} ${dtype}, ${shift}, ${scale}`
      const digits = 2e-6
      momentsOf(y, channels).forEach((truth, c) => {
        const deviation = Math.sqrt(truth.variance)
        const off = Math.abs(mean[c] / 0.1 - truth.mean) / (deviation + 0.1 * Math.abs(truth.mean))
        assert.ok(off < digits, `${what}: mean of channel ${c} off by ${off.toExponential(1)} deviations`)
        const running = 0.9 + 0.1 * truth.unbiased
        const wrong = scale === 1 ? Math.abs(variance[c] - running) / running : 0
        assert.ok(wrong < digits, `${what}: variance of channel ${c} off by ${wrong.toExponential(1)}`)
        for (let at = c; at < y.length; at += channels) {
          const error = Math.abs(normed[at] - (y[at] - truth.mean) / deviation)
          const allowed = dtype === 'f16' ? 3e-3 : 1e-5 + (2e-7 * Math.abs(truth.mean)) / deviation
          assert.ok(error < allowed, `${what}: result ${at} off by ${error.toExponential(1)}`)
        }
      })
      assert.equal(await (await by(`tile ${tile}`, train))[1].data(), normed, `${what}: the same bits twice`)
    }
    // The layer asks for them, but not where a bias follows, and not in evaluation.
    const x = tensor(random(400), [1, 5, 5, 16])
    const [norm, plain] = [new nn.BatchNorm2d(8), new nn.Conv2d(16, 8, 3, { bias: false })]
    const isPassOf = async (conv: nn.Conv2d) => {
      const [, ran] = await listing(() => engine.step(() => norm.forwardConv(conv, x)))
      return ran.includes('batchnorm_stats')
    }
    assert.equal([await isPassOf(plain), await isPassOf(new nn.Conv2d(16, 8, 3))], [false, true])
    // Those of f16 are of what is stored: 100.03 is 100 there, and a constant has no deviation.
    if (gpu.caps.f16) {
      const conv = new nn.Conv2d(4, 8, 1, { bias: false })
      conv.weight.write(Float32Array.from({ length: 32 }, (_, i) => [100, 0.03, 0, 0][i >> 3]))
      const steady = new nn.BatchNorm2d(8)
      const ones = tensor(new Float32Array(2 * 9 * 9 * 4).fill(1), [2, 9, 9, 4], { dtype: 'f16' })
      const [normed, ran] = await listing(() => engine.step(() => steady.forwardConv(conv, ones)))
      assert.not.ok(ran.includes('batchnorm_stats'))
      assert.ok((await normed.data()).every((v) => Math.abs(v) < 1e-3))
    }
    // Nor are they taken for what a layer of one's own makes of the result.
    class Halves extends nn.Conv2d {
      override forward(x: Tensor): Tensor {
        return F.reshape(super.forward(x), [18, 4])
      }
    }
    class Written extends nn.Conv2d {
      override forward(x: Tensor): Tensor {
        const y = super.forward(x)
        y.write(Float32Array.from({ length: y.size }, (_, i) => i % 3))
        return y
      }
    }
    class Tidied extends nn.Conv2d {
      override forward(x: Tensor): Tensor {
        return engine.tidy(() => super.forward(x))
      }
    }
    const tidied = new Tidied(16, 8, 3, { bias: false })
    const normed = await new nn.BatchNorm2d(8).forwardConv(tidied, x).data()
    assert.equal(normed, await new nn.BatchNorm2d(8).forward(tidied.forward(x).detach()).data())
    const halves = new Halves(16, 8, 3, { bias: false })
    const own = await new nn.BatchNorm2d(4).forwardConv(halves, x).data()
    assert.equal(own, await new nn.BatchNorm2d(4).forward(tensor(await halves.forward(x).data(), [18, 4])).data())
    const written = new Written(16, 8, 3, { bias: false })
    const after = await new nn.BatchNorm2d(8).forwardConv(written, x).data()
    assert.equal(after, await new nn.BatchNorm2d(8).forward(tensor(await written.forward(x).data(), [9, 8])).data())
  }))

test('tiles leave the sums of the backward pass of the batchNorm before them', async () => {
  const [norm, shortcut] = [0, 1].map(() => {
    const made = new nn.BatchNorm2d(20)
    made.weight.write(random(20))
    made.bias.write(random(20))
    return made
  })
  const [x, other] = [0, 1].map(() => tensor(random(3 * 9 * 7 * 20), [3, 9, 7, 20], { requiresGrad: true }))
  const same = tensor(random(9 * 20 * 20), [3, 3, 20, 20], { requiresGrad: true })
  const grouped = tensor(random(6 * 10 * 40), [3, 2, 10, 40], { requiresGrad: true })
  const padded = { padding: 1 }
  const runs: Record<string, (behind: (t: Tensor) => Tensor) => Tensor> = {
    relu: (behind) => F.conv2d(behind(norm.forwardRelu(x)), grouped, null, { stride: 2, padding: 1, groups: 2 }),
    none: (behind) => F.conv2d(behind(norm.forward(x)), same, null, padded),
    // Its gradient is that of a residual, too, and goes on, as it is, to another norm, which needs sums of its own.
    residual(behind) {
      const h = norm.forwardAddRelu(x, shortcut.forward(other))
      return F.add(F.conv2d(behind(h), same, null, padded), h)
    },
  }
  const leaves = [x, other, ...[norm, shortcut].flatMap((n) => [n.weight, n.bias]), same, grouped]
  const gradients = async (run: () => Tensor) => {
    for (const t of leaves) t.grad = null
    const [results, ran] = await listing(() =>
      engine.step(() => {
        const y = run()
        y.backward(F.sin(y.detach()))
        return leaves.flatMap((t) => t.grad ?? [])
      }),
    )
    const passes = ran.filter((kernel) => kernel === 'batchnorm_backward_sums').length
    return [await Promise.all(results.map((t) => t.data())), passes] as const
  }
  for (const [what, tile] of [
    ['relu', 'tile wide 64×64'],
    ['relu', 'tile 32×32'],
    ['none', 'tile 32×32'],
    ['residual', 'tile 64×64'],
  ]) {
    const run = runs[what]
    const [truth, passes] = await gradients(() => run((t) => F.reshape(t, t.shape)))
    const tiled = () => within('tile', () => by(tile, () => gradients(() => run((t) => t))))
    const [own, left] = await tiled()
    assert.is(left, passes - 1, `${what}, ${tile}: a pass for sums fewer than behind a view`)
    own.forEach((g, i) => {
      const error = relativeError(g, truth[i])
      assert.ok(error < 1e-5, `${what}, ${tile}: gradient ${i} off by ${error.toExponential(1)}`)
    })
    assert.equal((await tiled())[0], own, `${what}: the same bits twice`)
  }
  // Where another gradient is still to come the sums are not whole.
  const early = (behind: (t: Tensor) => Tensor) => {
    const h = norm.forwardRelu(x)
    const scaled = F.mul(h, 3)
    return F.add(F.conv2d(behind(h), same, null, padded), scaled)
  }
  const [truth] = await gradients(() => early((t) => F.reshape(t, t.shape)))
  const tiled = () => within('tile', () => by('tile 32×32', () => gradients(() => early((t) => t))))
  const [own, passes] = await tiled()
  assert.is(passes, 1)
  own.forEach((g, i) => assert.ok(relativeError(g, truth[i]) < 1e-5))
})

test('an activation in the kernel of a convolution is that of its own operator', async () => {
  const activations = ['relu', 'gelu', 'geluTanh', 'silu', 'hardswish'] as const
  const tried = new Set<string>() // each implementation once, with one of them: few kernels are compiled
  for (const one of [cases[0], stem, patches, depthwise[0]]) {
    const [x, weight, bias] = (await inputs(one, random)).map((t) => t.detach())
    const run = (activation: F.Activation) => F.conv2d(x, weight, bias, { ...one.options, activation })
    for (const family of families()) {
      await within(family, async () => {
        const names = new Set<string>()
        await by(null, () => engine.step(() => run('none')), names)
        for (const name of names) {
          if (tried.has(name)) continue
          const activation = activations[tried.size % activations.length]
          tried.add(name)
          const [[fused, plain], ran] = await listing(() =>
            by(name, () => engine.step(() => [run(activation), activate(run('none'), activation)])),
          )
          const error = relativeError(await fused.data(), await plain.data())
          assert.ok(error < 1e-6, `${name}, ${activation}: ${error}`)
          assert.is(ran.filter((kernel) => kernel === 'unary_forward').length, 1)
        }
      })
    }
  }
  assert.throws(
    () => F.conv2d(tensor([1], [1, 1, 1, 1]), tensor([1], [1, 1, 1, 1]), null, { activation: 'swish' as never }),
    /^conv2d: activation must be one of none, relu, gelu, geluTanh, silu, hardswish, got swish$/,
  )
})

test('conv2dBatchNorm refuses to lose a gradient, and a layer does not use it then', async () => {
  const [conv, bn] = [new nn.Conv2d(8, 8, 3), new nn.BatchNorm2d(8).eval()]
  const x = tensor(random(5 * 5 * 8), [1, 5, 5, 8])
  bn.bias.requiresGrad = true
  assert.throws(() => F.conv2dBatchNorm(x, conv.weight, conv.bias, bn), /no gradient/)
  let [kept, free] = [false, true]
  await engine.step(() => {
    kept = bn.forwardConv(conv, x).requiresGrad
    free = noGrad(() => bn.forwardConv(conv, x)).requiresGrad
    return null
  })
  assert.equal([kept, free], [true, false])
})

test('Winograd against PyTorch', async () => {
  const fixture = (await loadFixtures('conv2d')).find(({ name }) => name === 'winograd_32')!
  const { x, weight, bias } = upload(fixture)
  const given = [
    x,
    weight,
    bias ?? tensor(new Float32Array(32), [32], { requiresGrad: true }),
    tensor(fixture.dy.data.slice(), fixture.dy.shape),
  ]
  const truth = [fixture.y, fixture.gradients.x, fixture.gradients.weight]
  for (const name of ['winograd 4', 'winograd 2']) {
    const ran = await by(name, () => evaluate({ x: [...x.shape], w: [...weight.shape], options: fixture.attrs }, given))
    truth.forEach(({ data }, i) =>
      assert.ok(relativeError(ran[i], data) < 2e-6, `${name}: ${names[i]} off by ${relativeError(ran[i], data)}`),
    )
  }
})

test('a pipeline made for a shape gives the bits of one that takes any', async () => {
  for (const one of [cases[1], depthwise[1]]) {
    const given = await inputs(one, random)
    const run = () => by(one === cases[1] ? 'tile 64×64' : 'depthwise', () => evaluate(one, given))
    const any = await run()
    gpu.caps.fixesShapes = true
    const own = await run().finally(() => (gpu.caps.fixesShapes = !engine.isSoftware))
    own.forEach((a, i) => assert.equal(a, any[i], names[i]))
  }
})

test('winograd of 2×2 tiles is exact on small integers', async () => {
  for (const one of cases) {
    const given = await inputs(one, integers)
    const [exact, plain] = [
      await by('winograd 2', () => evaluate(one, given)),
      await by('tile 64×64', () => evaluate(one, given)),
    ]
    exact.forEach((a, i) => assert.equal([...a], [...plain[i]], names[i]))
  }
})

if (engine.features.has('timestamp-query')) {
  test('the tuner finds none wrong, keeps the fastest, and the same choices give the same bits', async () => {
    const [one] = cases
    const given = await inputs(one, random)
    const measurements = await engine.tune(() => {
      const [x, weight, bias, dy] = given
      for (const t of [x, weight, bias]) t.grad = null
      F.conv2d(x, weight, bias, one.options).backward(dy)
      return null
    })
    assert.equal(measurements.map(({ key }) => key.split(' ')[1]).sort(), ['pass=dw', 'pass=dx', 'pass=forward'])
    const [first, ran] = await listing(() => evaluate(one, given))
    for (const { key, chosen, rejected, ms, defaultMs } of measurements) {
      assert.equal(rejected, [], key)
      assert.ok(ms > 0 && ms <= defaultMs!, `${key}: ${chosen} takes ${ms} ms, the default ${defaultMs}`)
      assert.ok(
        ran.some((kernel) => kernel.includes(chosen.split(' ')[0].replace('cpu', '_cpu'))),
        `${key}: ${chosen} was not run, but ${ran}`,
      )
    }
    assert.equal(await evaluate(one, given), first)
    gpu.choices.measured.clear()
  })
}

test.after(() => engine.dispose())
test.run()
