// Products, convolutions and attention by matrix units, emulated where there are none: outputs and gradients against
// other kernels on the same numbers, at shapes with odd edges: f16 (all cases but one) and f32 (one case), all of both
// with RADIOGRAD_NETWORKS=all; the same bits twice; the tuner takes none of them for wrong.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { gpu } from '../../src/gpu/gpu.js'
import { F, type Tensor, init, nn, tensor } from '../../src/index.js'
import { relativeError } from '../cases/case.js'
import { numel } from '../../src/util/check.js'
import { fromHalf, toHalf } from '../../src/util/half.js'
import { emulateMatrices } from './emulate.js'
import { choosing } from './families.js'
import { normal } from './random.js'

const engine = await init({ tune: false })
const test = suite(`matrix units (${engine.adapterKind})`)
const isEmulated = !Object.keys(gpu.caps.matrices).length
if (isEmulated) await emulateMatrices()

const draw = normal(11)
const random = (shape: readonly number[]) => draw(numel(shape))

interface Case {
  name: string
  /** Passes that matrix units can do, forward and backward. */
  passes: number
  x: number[]
  parameters: number[][]
  run(x: Tensor, parameters: Tensor[]): Tensor
  /** Workgroups that fill the chip, if not as usual: with 1 long sums run in rounds instead of parts. */
  parallelism?: number
  /** Of results in f16; 3e-4. */
  tolerance?: number
  /** Of those in f32; 2e-5. */
  tolerance32?: number
}

const conv3x3 = new nn.Conv2d(20, 76, 3, { padding: 1, bias: false })
const norm = new nn.BatchNorm2d(76)

const conv = (x: number[], w: number[], options: Parameters<typeof F.conv2d>[3]): Case => ({
  name: `conv2d ${w} of ${x}, ${JSON.stringify(options)}`,
  passes: 3,
  x,
  parameters: [w, [w[3]]],
  run: (x, [w, b]) => F.conv2d(x, w, b, options),
})
const cases: Case[] = [
  {
    ...conv([2, 9, 7, 36], [3, 3, 36, 36], { padding: 1 }),
    name: 'conv2d of 36 channels, its gradient added to that of a residual',
    run(x, [w, b]) {
      const h = F.relu(x)
      return F.add(F.conv2d(h, w, b, { padding: 1 }), h)
    },
    tolerance: 6e-4, // the other kernel's gradient is rounded before it is added, and again
  },
  conv([1, 7, 11, 36], [3, 3, 36, 72], { padding: [2, 0], dilation: [1, 2] }),
  conv([3, 13, 11, 4], [7, 7, 4, 64], { stride: 2, padding: 3 }),
  conv([4, 8, 13, 64], [1, 1, 64, 128], { stride: 2, padding: 1 }), // all slices whole
  conv([2, 9, 10, 40], [3, 2, 20, 40], { stride: [2, 3], padding: [1, 4], groups: 2 }),
  {
    name: 'linear with gelu, and one after it',
    passes: 6,
    x: [3, 33, 72],
    parameters: [[132, 72], [132], [40, 132]],
    run: (x, [w, b, v]) => F.linear(F.linear(x, w, b, { activation: 'gelu' }), v),
  },
  {
    name: 'linear over many rows, in rounds',
    passes: 3,
    x: [1, 4300, 12],
    parameters: [[20, 12], [20]],
    run: (x, [w, b]) => F.linear(x, w, b),
    parallelism: 1,
  },
  {
    name: 'linear, all slices whole',
    passes: 3,
    x: [3, 32, 96],
    parameters: [[160, 96], [160]],
    run: (x, [w, b]) => F.linear(x, w, b),
  },
  {
    name: 'matmul of a long sum',
    passes: 1,
    x: [1, 40, 3004],
    parameters: [],
    run: (x) => F.matmul(x, F.transpose(x, 1, 2)),
  },
  {
    name: 'conv2d whose statistics a norm takes',
    passes: 3,
    x: [3, 9, 7, 20],
    parameters: [
      [3, 3, 20, 76],
      [76], // of the norm
    ],
    run(x, [w, scale]) {
      Object.assign(conv3x3, { weight: w })
      Object.assign(norm, { weight: scale })
      return norm.forwardConv(conv3x3, x, { activation: 'relu' })
    },
    tolerance: 1e-3, // what is rounded to f16 between the kernels differs, and the statistics are of what is not
    tolerance32: 5e-4,
  },
  {
    name: 'conv2d of what a norm made, in two groups by strides',
    passes: 3,
    x: [3, 9, 7, 40],
    parameters: [[3, 2, 20, 72], [40], [40]],
    run(x, [w, scale, shift]) {
      const h = F.batchNormRelu(x, null, null, scale, shift, { training: true })
      return F.conv2d(h, w, null, { stride: [2, 1], padding: 1, groups: 2 })
    },
    tolerance: 1e-3,
    tolerance32: 5e-4,
  },
]
/** With what compiles longest; on demand. */
const more: Case[] = [
  { name: 'linear', passes: 3, x: [2, 65, 64], parameters: [[64, 64], [64]], run: (x, [w, b]) => F.linear(x, w, b) },
]

/**
 * Runs a case with the implementations whose name begins so, or the default where there is none: results, and how often
 * there was one.
 */
async function by(
  wanted: string,
  { x, parameters, run, parallelism = gpu.caps.parallelism }: Case,
  values: Float32Array[],
  dy: Float32Array,
  dtype: 'f16' | 'f32',
) {
  let found = 0
  const isWanted = (name: string) => {
    const is = name.startsWith(wanted)
    if (is) found++
    return is
  }
  const usual = gpu.caps.parallelism
  gpu.caps.parallelism = parallelism
  return choosing(isWanted, async () => {
    const given = tensor(values[0], x, { dtype, requiresGrad: true })
    const trained = parameters.map((shape, i) => tensor(values[i + 1], shape, { requiresGrad: true }))
    const results = await engine.step(() => {
      const y = run(given, trained)
      y.backward(tensor(dy.slice(0, y.size), y.shape, { dtype }))
      return [y, given.grad!, ...trained.map((t) => t.grad!)]
    })
    return {
      found,
      data: await Promise.all(results.map((t) => t.data())),
      halves: results.map((t) => t.dtype === 'f16'),
    }
  }).finally(() => (gpu.caps.parallelism = usual))
}

for (const dtype of Object.keys(gpu.caps.matrices) as ('f16' | 'f32')[]) {
  if (dtype === 'f16' && !gpu.caps.f16) {
    console.log('skip: this adapter has no shader-f16')
    continue
  }
  const all = process.env.RADIOGRAD_NETWORKS === 'all'
  for (const c of all ? [...cases, ...more] : dtype === 'f16' ? cases : cases.slice(0, 1)) {
    test(`${c.name}, ${dtype}`, async () => {
      const values = [c.x, ...c.parameters].map(random)
      const dy = random([2 ** 17])
      const other = await by('cpu', c, values, dy, dtype) // quicker to compile than tiles
      const own = await by('matrix', c, values, dy, dtype)
      assert.ok(own.found >= c.passes, `${own.found} passes`)
      assert.equal((await by('matrix', c, values, dy, dtype)).data, own.data, 'the same bits twice')
      own.data.forEach((d, i) => {
        // Sums of the same products; where the result is rounded to f16, a last digit may fall the other way.
        const error = relativeError(d, other.data[i])
        assert.ok(
          error < (own.halves[i] ? (c.tolerance ?? 3e-4) : (c.tolerance32 ?? 2e-5)),
          `result ${i} is off by ${error.toExponential(1)}`,
        )
        assert.ok(d.some((v) => v !== 0))
      })
    })
  }

  if ((all || dtype === 'f16') && engine.features.has('timestamp-query')) {
    test(`the tuner takes none for wrong, ${dtype}`, async () => {
      const x = tensor(random([2, 9, 9, 32]), [2, 9, 9, 32], { dtype })
      const w = tensor(random([3, 3, 32, 48]), [3, 3, 32, 48])
      // Of stride 2, forward alone: few kernels to compile.
      const measurements = await engine.tune(() => F.conv2d(x, w, null, { stride: 2 }))
      assert.is(measurements.length, 1)
      for (const { key, rejected } of measurements) assert.equal(rejected, [], key)
    })
  }
}

/** Attention of f16: shapes of q, k and v, or of what holds all three. */
const attentions: { name: string; shapes: number[][]; isCausal?: boolean; dropout?: number }[] = [
  { name: '197 tokens, packed', shapes: [[1, 197, 192]] },
  { name: 'causal, packed, two heads of short rows', shapes: [[1, 50, 216]], isCausal: true },
  {
    name: 'one query, dropout',
    shapes: [
      [2, 1, 64],
      [2, 33, 64],
      [2, 33, 64],
    ],
    dropout: 0.3,
  },
  {
    name: 'causal, more keys, dropout',
    shapes: [
      [2, 40, 64],
      [2, 65, 64],
      [2, 65, 64],
    ],
    isCausal: true,
    dropout: 0.3,
  },
]

/** Runs `work` as on a GPU whose matrix units are preferred. */
async function preferred<T>(work: () => Promise<T>): Promise<T> {
  const { isSoftware } = gpu.caps
  gpu.caps.isSoftware = false
  try {
    return await work()
  } finally {
    gpu.caps.isSoftware = isSoftware
  }
}

if (gpu.caps.f16 && gpu.caps.matrices.f16?.E === 'f16')
  for (const { name, shapes, isCausal, dropout } of attentions)
    // Those without dropout are pipelines of their own, which take long to compile where they are emulated.
    if (dropout || !isEmulated || process.env.RADIOGRAD_NETWORKS === 'all')
      test(`attention: ${name}`, async () => {
        const values = shapes.map(random)
        const dy = random([2 ** 16])
        const run = async (dtype: 'f16' | 'f32') => {
          const inputs = shapes.map((shape, i) =>
            tensor(fromHalf(toHalf(values[i])), shape, { dtype, requiresGrad: true }),
          )
          gpu.stepCounter = 1 // dropout draws the same
          const results = await engine.step(() => {
            const [q, k, v] = inputs
            const y = k
              ? F.scaledDotProductAttention(q, k, v, { isCausal, dropout })
              : F.selfAttention(q, { heads: q.shape[2] > 192 ? 2 : 1, isCausal, dropout })
            y.backward(tensor(dy.slice(0, y.size), y.shape, { dtype }))
            return [y, ...inputs.map((x) => x.grad!)]
          })
          return Promise.all(results.map((t) => t.data()))
        }
        const truth = await run('f32')
        const own = await preferred(() => run('f16'))
        const errors = own.map((d, i) => relativeError(d, truth[i]))
        assert.ok(
          errors.every((error) => error < 1e-3),
          `off by ${errors.map((e) => e.toExponential(1))}`,
        )
        assert.equal(await preferred(() => run('f16')), own, 'the same bits twice')
      })

test.after(() => engine.dispose())
test.run()
