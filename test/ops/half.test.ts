// Every operator of the models in f16 against itself in f32 on the same numbers, forward and all gradients, in both
// kernel families; what autocast does to operands; what is refused.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, type Tensor, autocast, init, models, nn, optim, tensor } from '../../src/index.js'
import type { Pass } from '../../src/gpu/choices.js'
import { gpu } from '../../src/gpu/gpu.js'
import * as shaders from '../../src/shaders.gen.js'
import { fromHalf, toHalf } from '../../src/util/half.js'
import { relativeError } from '../cases/case.js'
import { numel } from '../../src/util/check.js'
import { families, within } from './families.js'
import { normal } from './random.js'
import { refused } from '../errors.js'

const engine = await init({ seed: 5, tune: false })
const test = suite(`f16 (${engine.adapterKind})`)
/** Of ‖difference‖ / ‖truth‖: one rounding to f16 is 2⁻¹² at most on average, and some operators round on the way. */
const TOLERANCE = 1e-3

const draw = normal(7)
/** Numbers that f16 holds exactly. */
const random = (shape: readonly number[]) => rounded(draw(numel(shape)))

const rounded = (values: ArrayLike<number>) => fromHalf(toHalf(values))
const stats = (c: number) => [tensor(new Float32Array(c).fill(0.1)), tensor(new Float32Array(c).fill(1.5))] as const

interface Case {
  name: string
  /** Shapes of activations, then of parameters, which stay f32. */
  x: number[][]
  parameters?: number[][]
  run(x: Tensor[], parameters: Tensor[]): Tensor
  /** Whether both kernel families must be tried. */
  both?: boolean
  /** Makes inputs positive. */
  positive?: boolean
}

const image = [2, 9, 10, 24]
/** Few rows and pixels: kernels for many take seconds to compile, and differ in nothing that matters here. */
const conv = (options: object, x: number[], w: number[]): Case => ({
  name: `conv2d ${JSON.stringify(options)} of ${x[3]} channels`,
  x: [x],
  parameters: [w, [w[3]]],
  both: true,
  run: ([x], [w, b]) => F.conv2d(x, w, b, options),
})
const cases: Case[] = [
  ...(['relu', 'sigmoid', 'tanh', 'exp', 'neg', 'abs', 'sin', 'softplus'] as const).map((name) => ({
    name,
    x: [[5, 33]],
    run: ([x]: Tensor[]) => F[name](x),
  })),
  ...(['log', 'sqrt'] as const).map((name) => ({
    name,
    x: [[5, 33]],
    positive: true,
    run: ([x]: Tensor[]) => F[name](x),
  })),
  ...(['none', 'tanh'] as const).map((approximate) => ({
    name: `gelu ${approximate}`,
    x: [[5, 33]],
    run: ([x]: Tensor[]) => F.gelu(x, { approximate }),
  })),
  { name: 'affine', x: [[5, 33]], run: ([x]) => F.affine(x, 0.3, -2) },
  ...(['add', 'sub', 'mul', 'div', 'maximum', 'pow'] as const).flatMap((name) =>
    [[7, 12], [12], [7, 1]].map((b) => ({
      name: `${name} [7, 12] and [${b}]`,
      x: [[7, 12], b],
      positive: true,
      run: ([a, b]: Tensor[]) => F[name](a, b),
    })),
  ),
  { name: 'where', x: [[7, 12], [12]], run: ([a, b]) => F.where(F.gt(a, b), a, b) },
  { name: 'maskedFill and tril', x: [[5, 7]], run: ([x]) => F.tril(F.maskedFill(x, F.lt(x, 0), 0.5)) },
  { name: 'amax', x: [[6, 40]], run: ([x]) => F.amax(x, 1) },
  { name: 'topk', x: [[6, 40]], run: ([x]) => F.topk(x, 3).values },
  { name: 'std', x: [[6, 40]], run: ([x]) => F.std(x, 1) },
  { name: 'norm', x: [[6, 40]], run: ([x]) => F.norm(x, 0) },
  { name: 'logSumExp', x: [[6, 40]], run: ([x]) => F.logSumExp(x, 1) },
  { name: 'cumsum', x: [[6, 40]], run: ([x]) => F.cumsum(x, 1) },
  { name: 'dropout', x: [[3, 50, 8]], run: ([x]) => F.dropout(x, 0.3) },
  { name: 'dropPath', x: [[9, 5, 8]], run: ([x]) => F.dropPath(x, 0.3) },
  { name: 'dropPath of odd samples', x: [[9, 5]], run: ([x]) => F.dropPath(x, 0.3) },
  {
    name: 'squeezeExcite',
    x: [image],
    parameters: [[1, 1, 24, 6], [6], [1, 1, 6, 24], [24]],
    run: ([x], [w1, b1, w2, b2]) => F.squeezeExcite(x, w1, b1, w2, b2),
  },
  { name: 'mean', x: [image], run: ([x]) => F.mean(x, { dim: [1, 2] }) },
  { name: 'sum', x: [[40, 6, 5]], run: ([x]) => F.sum(x, { dim: [0, 2] }) },
  { name: 'expand', x: [[3, 1, 8]], run: ([x]) => F.expand(x, [3, 5, 8]) },
  { name: 'permute', x: [[3, 5, 8]], run: ([x]) => F.permute(x, [2, 0, 1]) },
  {
    name: 'split, flip, roll, repeat, stack',
    x: [[4, 6]],
    run([x]) {
      const [a, b] = F.split(x, 2)
      return F.stack([F.flip(a, 1), F.roll(F.repeat(b, [1, 1]), 2, 1)])
    },
  },
  ...(['constant', 'reflect', 'replicate', 'circular'] as const).map((mode) => ({
    name: `pad ${mode}`,
    x: [[2, 4, 5, 3]],
    run: ([x]: Tensor[]) => F.pad(x, [2, 1, 3, 0], { mode }),
  })),
  {
    name: 'indexSelect, gather and scatterAdd',
    x: [[5, 4]],
    run([x]) {
      const index = tensor(Int32Array.of(4, 1, 1, 0))
      const places = tensor(Int32Array.of(0, 2, 2, 3, 3, 1, 0, 0), [4, 2])
      const chosen = F.gather(F.indexSelect(x, 0, index), 1, places)
      return F.scatterAdd(F.slice(x, { dim: 0, end: 4 }), 1, places, chosen)
    },
  },
  {
    name: 'slice and cat',
    x: [
      [3, 5, 7],
      [3, 2, 7],
    ],
    run: ([a, b]) => F.cat([F.slice(a, { dim: 1, start: 1, end: 4 }), b], { dim: 1 }),
  },
  { name: 'reshape', x: [[3, 8]], run: ([x]) => F.mul(F.reshape(x, [4, 6]), 2) },
  { name: 'maxPool2d', x: [image], run: ([x]) => F.maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 }) },
  { name: 'maxPool2d of 3 channels', x: [[2, 6, 6, 3]], run: ([x]) => F.maxPool2d(x, { kernelSize: 2 }) },
  { name: 'adaptiveAvgPool2d', x: [image], run: ([x]) => F.adaptiveAvgPool2d(x, [4, 3]) },
  {
    name: 'batchNorm',
    x: [image],
    parameters: [[24], [24]],
    run: ([x], [w, b]) => F.batchNorm(x, ...stats(24), w, b, { training: true }),
  },
  {
    name: 'batchNormRelu, evaluation',
    x: [image],
    parameters: [[24], [24]],
    run: ([x], [w, b]) => F.batchNormRelu(x, ...stats(24), w, b),
  },
  {
    name: 'batchNormAddRelu',
    x: [image, image],
    parameters: [[24], [24]],
    run: ([x, r], [w, b]) => F.batchNormAddRelu(x, r, ...stats(24), w, b, { training: true }),
  },
  ...[72, 51].flatMap((cols): Case[] => [
    {
      name: `layerNorm of ${cols} columns`,
      x: [[4, 7, cols]],
      parameters: [[cols], [cols]],
      both: true,
      run: ([x], [w, b]) => F.layerNorm(x, [cols], w, b),
    },
    {
      name: `addLayerNorm of ${cols} columns`,
      x: [
        [28, cols],
        [28, cols],
      ],
      parameters: [[cols], [cols]],
      both: true,
      run([x, r], [w, b]) {
        const { sum, y } = F.addLayerNorm(x, r, [cols], w, b)
        return F.cat([sum, y])
      },
    },
  ]),
  {
    name: 'groupNorm',
    x: [image],
    parameters: [[24], [24]],
    run: ([x], [w, b]) => F.groupNorm(x, 6, w, b),
  },
  { name: 'instanceNorm', x: [image], parameters: [[24], [24]], run: ([x], [w, b]) => F.instanceNorm(x, w, b) },
  {
    name: 'convTranspose2d',
    x: [[2, 4, 5, 24]],
    parameters: [[3, 3, 16, 24], [16]],
    both: true,
    run: ([x], [w, b]) => F.convTranspose2d(x, w, b, { stride: 2, padding: 1, outputPadding: 1 }),
  },
  { name: 'avgPool2d', x: [image], run: ([x]) => F.avgPool2d(x, { kernelSize: 3, stride: 2, padding: 1 }) },
  ...(['nearest', 'bilinear'] as const).map((mode) => ({
    name: `interpolate ${mode}`,
    x: [image],
    run: ([x]: Tensor[]) => F.interpolate(x, { size: [13, 7], mode }),
  })),
  {
    name: 'embedTokens',
    x: [[3, 5, 12]],
    parameters: [
      [1, 1, 12],
      [1, 6, 12],
    ],
    run: ([x], [t, p]) => F.embedTokens(x, t, p),
  },
  {
    name: 'embedTokens of odd width',
    x: [[3, 5, 7]],
    parameters: [
      [1, 1, 7],
      [1, 6, 7],
    ],
    run: ([x], [t, p]) => F.embedTokens(x, t, p),
  },
  ...[
    [[2, 4, 72], [200, 72], [200]],
    [[37, 51], [13, 51], [13]],
  ].flatMap(([x, w, b]): Case[] => [
    { name: `linear ${w}`, x: [x], parameters: [w, b], both: true, run: ([x], [w, b]) => F.linear(x, w, b) },
    {
      name: `linear with gelu ${w}`,
      x: [x],
      parameters: [w, b],
      both: true,
      run: ([x], [w, b]) => F.linear(x, w, b, { activation: 'gelu' }),
    },
  ]),
  {
    name: 'matmul',
    x: [
      [2, 8, 48],
      [2, 48, 100],
    ],
    both: true,
    run: ([a, b]) => F.matmul(a, b),
  },
  {
    name: 'matmul with one factor for all',
    x: [
      [3, 5, 64],
      [64, 36],
    ],
    both: true,
    run: ([a, b]) => F.matmul(a, b),
  },
  {
    name: 'matmul of a long sum',
    x: [
      [8, 4096],
      [4096, 12],
    ],
    both: true,
    run: ([a, b]) => F.matmul(a, b),
  },
  ...[false, true].map((isCausal): Case => ({
    name: `selfAttention${isCausal ? ', causal' : ''}`,
    x: [[2, 37, 3 * 2 * 32]],
    both: true,
    run: ([qkv]) => F.selfAttention(qkv, { heads: 2, isCausal }),
  })),
  {
    name: 'attention',
    x: [
      [2, 3, 33, 32],
      [2, 3, 41, 32],
      [2, 3, 41, 32],
    ],
    both: true,
    run: ([q, k, v]) => F.scaledDotProductAttention(q, k, v),
  },
  {
    name: 'attention of odd depth',
    x: [
      [2, 9, 6],
      [2, 9, 6],
      [2, 9, 6],
    ],
    run: ([q, k, v]) => F.scaledDotProductAttention(q, k, v, { isCausal: true }),
  },
  conv({ padding: 1 }, [1, 3, 2, 32], [3, 3, 32, 40]),
  conv({ padding: 1, stride: 2 }, [1, 5, 4, 32], [3, 3, 32, 40]),
  conv({ padding: 3, stride: 2 }, [1, 5, 4, 3], [7, 7, 3, 16]),
  conv({ stride: 4 }, [1, 8, 8, 3], [4, 4, 3, 12]),
  conv({ padding: 1, groups: 2 }, [1, 6, 5, 12], [3, 3, 6, 10]),
  { name: 'softmax', x: [[5, 33]], run: ([x]) => F.softmax(x, { dim: 1 }) },
  { name: 'crossEntropy', x: [[6, 5]], run: ([x]) => F.crossEntropy(x, tensor(Int32Array.of(0, 1, 2, 3, 4, 0))) },
  { name: 'cast to f32', x: [[5, 33]], run: ([x]) => x.to('f32') },
]
/** What gives f32 whatever it takes. */
const widening = ['softmax', 'crossEntropy', 'cast to f32']

/** Output and gradients; inputs of `x` in that dtype. */
async function evaluate(
  { x, parameters = [], run }: Case,
  values: Float32Array[],
  dy: Float32Array,
  dtype: 'f32' | 'f16',
) {
  const given = x.map((shape, i) => tensor(values[i], shape, { dtype, requiresGrad: true }))
  const trained = parameters.map((shape, i) => tensor(values[x.length + i], shape, { requiresGrad: true }))
  gpu.stepCounter = 1 // dropout draws the same
  const results = await engine.step(() => {
    const y = run(given, trained)
    y.backward(tensor(dy.slice(0, y.size), y.shape, { dtype: y.dtype as 'f32' | 'f16' }))
    return [y, ...given.map((t) => t.grad!), ...trained.map((t) => t.grad!)]
  })
  return { data: await Promise.all(results.map((t) => t.data())), dtypes: results.map((t) => t.dtype) }
}

if (gpu.caps.f16) {
  for (const c of cases) {
    test(`${c.name} in f16`, async () => {
      const values = [...c.x, ...(c.parameters ?? [])].map(random)
      if (c.positive)
        for (const v of values)
          v.forEach((value, i) => {
            v[i] = Math.abs(value) + 0.5
          })
      const inputs = values.map(rounded)
      const dy = random([2 ** 16])
      const truth = await evaluate(c, inputs, dy, 'f32')
      for (const family of c.both ? families() : families().slice(0, 1)) {
        await within(family, async () => {
          const { data, dtypes } = await evaluate(c, inputs, dy, 'f16')
          assert.equal(dtypes, [
            widening.includes(c.name) ? 'f32' : 'f16',
            ...c.x.map(() => 'f16'),
            ...(c.parameters ?? []).map(() => 'f32'),
          ])
          data.forEach((d, i) => {
            const error = relativeError(d, truth.data[i])
            assert.ok(error < TOLERANCE, `${family}: result ${i} is off by ${error.toExponential(1)}`)
          })
        })
      }
    })
  }

  test('a parameter that an optimizer changed within a step is rounded again', async () => {
    const x = tensor(random([4, 8]), [4, 8])
    const start = random([8, 8])
    const train = async (runs: number, each: number) => {
      const weight = tensor(start, [8, 8], { requiresGrad: true })
      const sgd = new optim.SGD([weight], { lr: 0.5 })
      const one = () => {
        sgd.zeroGrad()
        const y = F.cast(
          autocast(() => F.linear(x, weight)),
          'f32',
        )
        F.mean(F.mul(y, y)).backward()
        sgd.step()
      }
      for (let run = 0; run < runs; run++)
        await engine.step(() => {
          for (let i = 0; i < each; i++) one()
        })
      return weight.data()
    }
    assert.equal(await train(1, 2), await train(2, 1))
  })

  test('normalizeImages gives f16 inside autocast, what it gives outside but for rounding', async () => {
    const images = tensor(
      Uint8Array.from({ length: 2 * 5 * 5 * 3 }, (_, i) => (i * 97) & 255),
      [2, 5, 5, 3],
    )
    const geometry = tensor([
      [1, 0, 0, 0, 1, 0, 0, 0, 1],
      [-1, 0, 5, 0, 1, 0, 0, 0, 1],
    ])
    const normal = () => F.normalizeImages(images, geometry, { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] })
    const [half, whole] = await engine.step(() => [autocast(normal), normal()])
    assert.equal([half.dtype, whole.dtype], ['f16', 'f32'])
    assert.equal(await half.data(), rounded(await whole.data()))
  })

  test('autocast rounds operands: what comes is what rounded weights and inputs give, bit for bit', async () => {
    const shapes = [[4, 20], [12, 20], [12]]
    const [x, w, b] = shapes.map((shape) => random(shape).map((v) => v * 1.0003))
    const run = (x: Float32Array, w: Float32Array) =>
      engine.step(() => autocast(() => F.linear(tensor(x, shapes[0]), tensor(w, shapes[1]), tensor(b, shapes[2]))))
    const y = await run(x, w)
    assert.is(y.dtype, 'f16')
    assert.equal(await y.data(), await (await run(rounded(x), rounded(w))).data())
    const [inside, outside] = await engine.step(() =>
      autocast(() => {
        const t = tensor(x, shapes[0])
        return [
          F.matmul(t, F.transpose(t, 0, 1)),
          autocast(() => F.matmul(t, F.transpose(t, 0, 1)), { enabled: false }),
        ]
      }),
    )
    assert.equal([inside.dtype, outside.dtype], ['f16', 'f32'])
  })

  test('crossEntropy of f16 from the factor on: the bits of casts and of a scaled loss, in four kernels', async () => {
    const values = random([6, 5])
    const target = tensor(Int32Array.of(0, 1, 2, -100, 4, 0))
    const scaler = new optim.GradScaler()
    const [ours, theirs] = await engine.step(() => {
      const { commands } = gpu.recording!
      const [x, z] = [0, 1].map(() => tensor(values, [6, 5], { dtype: 'f16', requiresGrad: true }))
      const loss = F.crossEntropy(x, target)
      loss.backward(scaler.factor)
      assert.is(commands.filter(({ type }) => type === 'dispatch').length, 4)
      const wide = F.crossEntropy(F.cast(z, 'f32'), target)
      scaler.scale(wide).backward()
      return [
        [loss, x.grad!],
        [wide, z.grad!],
      ]
    })
    for (const i of [0, 1]) assert.equal(await ours[i].data(), await theirs[i].data())
  })

  test('parameters that lie together are rounded together, and one that an optimizer writes in between anew', async () => {
    const layers = [0, 1, 2].map(() => new nn.Linear(12, 8))
    const sgd = new optim.SGD(
      layers.flatMap((layer) => [...layer.parameters()]),
      { lr: 0.5 },
    )
    const x = tensor(random([3, 12]), [3, 12])
    const half = (i: number) => autocast(() => layers[i].forward(x))
    let casts = 0
    const [first, , second] = await engine.step(() => {
      const before = [half(0), half(2)]
      for (const layer of layers) F.sum(F.square(layer.forward(x))).backward()
      sgd.step()
      const results = [...before, half(1)]
      casts = gpu.recording!.commands.filter((c) => c.type === 'dispatch' && c.variant.kernel.name === 'cast').length
      return results
    })
    const after = await engine.step(() => [half(0), half(1)])
    assert.not.equal(await first.data(), await after[0].data())
    assert.equal(await second.data(), await after[1].data())
    assert.is(casts, 5) // of x three times, of the layers 0 to 2 together, and of the middle one
  })

  test('activations computed again in the backward pass are computed in f16 again: the same gradients, bit for bit', async () => {
    const model = models.vit({ imageSize: 16, patchSize: 8, dim: 64, depth: 2, heads: 2, numClasses: 2 })
    const x = tensor(random([2, 16, 16, 3]), [2, 16, 16, 3])
    const gradients = async (checkpointActivations: boolean) => {
      model.checkpointActivations = checkpointActivations
      await engine.step(() => {
        for (const p of model.parameters()) p.grad = null
        F.crossEntropy(
          autocast(() => model.forward(x)),
          tensor(Int32Array.of(0, 1)),
        ).backward()
        return null
      })
      return Promise.all(model.parameters().map((p) => p.grad!.data()))
    }
    assert.equal(await gradients(true), await gradients(false))
  })

  test('rounding on the GPU is to nearest, and overflows become infinite', async () => {
    const x = Float32Array.from({ length: 40_000 }, (_, i) => Math.sin(i) * 2 ** (Math.floor(i / 1000) - 25))
    const over = Float32Array.of(70000, -1e6, 65504, -65504)
    const [y, z] = await engine.step(() => [tensor(x).to('f16'), tensor(over).to('f16')])
    assert.equal(await y.data(), rounded(x))
    assert.equal(await z.data(), Float32Array.of(Infinity, -Infinity, 65504, -65504))
  })

  test('the tuner tells right from wrong among f16 kernels', async () => {
    const x = tensor(random([4096]), [4096], { dtype: 'f16' })
    const y = tensor(random([4096]), [4096], { dtype: 'f16' })
    const scaled = (scale: number) => () =>
      gpu.run(shaders.affine_forward, { x, y }, { n: 4096, scale, unit: 1, offset: 0 }, { elements: 4096 })
    const pass: Pass<null> = {
      implementations: [
        { name: 'plain', run: scaled(0.5) },
        { name: 'right', run: scaled(0.5) },
        { name: 'wrong', preference: () => 1, run: scaled(0.51) },
      ],
      key: () => ({ op: 'test', pass: 'forward', dtype: 'f16' }),
      work: () => 1,
    }
    const [{ chosen, rejected }] = await engine.tune(() => {
      gpu.choose(pass, null).run(null)
      return null
    })
    assert.is.not(chosen, 'wrong')
    assert.equal(rejected, [{ name: 'wrong', reason: 'differs from the plain kernel by 2.0e-2' }])
  })

  test('mixtures are refused in a line', () => {
    const half = tensor([1, 2, 3, 4], [2, 2], { dtype: 'f16' })
    const whole = tensor([1, 2, 3, 4], [2, 2])
    refused(() => F.add(half, whole), "add: 'a' and 'b' must have one dtype, got f16 and f32; cast one")
    refused(() => F.matmul(whole, half), "matmul: 'a' and 'b' must have one dtype, got f32 and f16; cast one")
    refused(() => F.linear(whole, half), "linear: 'weight' takes f32, got f16; cast it")
    refused(() => F.relu(tensor(Int32Array.of(1))), "relu: 'x' takes f32 or f16, got i32; cast it")
    refused(
      () => gpu.run(shaders.unary_forward, { x: half, y: whole }, { n: 4 }, { elements: 4 }, { OP: 'gelu' }),
      "unary_forward: 'y' takes f16, got f32",
    )
    refused(
      () =>
        gpu.run(
          shaders.softmax_forward,
          { x: half, y: whole },
          { rows: 2, size: 2, inner: 1 },
          { groups: 1 },
          { LOG: false },
        ),
      "softmax_forward: 'x' takes f32, got f16",
    )
    half.requiresGrad = true
    half.grad = half.detach()
    refused(() => new optim.SGD([half], { lr: 1 }).step(), 'optimizer: parameters must be f32, got f16')
    refused(() => F.relu(half).backward(whole), "backward: the gradient must have the tensor's dtype f16, got f32")
  })
} else {
  console.log('skip: this adapter has no shader-f16')
  test('autocast needs shader-f16', () =>
    assert.throws(
      () => autocast(() => 0),
      /^autocast: needs an adapter with the feature 'shader-f16', got one without$/,
    ))
}

test('halves on the host: exact both ways, ties to even, subnormal and infinite ones', () => {
  const all = Uint16Array.from({ length: 0x7c00 }, (_, i) => i)
  const values = fromHalf(all)
  assert.equal(toHalf(values), all)
  assert.equal([values[1], values[0x400], values[0x3c00], values[0x7bff]], [2 ** -24, 2 ** -14, 1, 65504])
  const between = Float64Array.from({ length: all.length - 1 }, (_, i) => (values[i] + values[i + 1]) / 2)
  assert.equal(
    toHalf(between),
    Uint16Array.from(between, (_, i) => i + (i & 1)),
  )
  assert.equal(toHalf([-1, 65520, -Infinity, NaN, 65519]), Uint16Array.of(0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x7bff))
  assert.ok(Number.isNaN(fromHalf(Uint16Array.of(0x7e00))[0]))
})

test.after(() => engine.dispose())
test.run()
