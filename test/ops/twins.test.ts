// Witnesses inside the engine, on shapes larger than fixtures hold: every fused operator against plain ones,
// and every contraction by one kernel family against the other. Outputs and all gradients.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, type Tensor, init, tensor } from '../../src/index.js'
import { composedAttention } from '../../src/ops/attention.js'
import { relativeError } from '../cases/case.js'
import { families, within } from './families.js'

const engine = await init()
const test = suite(`twins (${engine.adapterKind})`)

type Run = (inputs: Tensor[]) => Tensor

let state = 1
/** Roughly normal: the sum of four uniform numbers. */
function random(shape: readonly number[]): Float32Array {
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  return Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    () => (uniform() + uniform() + uniform() + uniform() - 2) * 1.7,
  )
}

/** Gradients of outputs are cut from it. */
const upstream = random([112 * 112 * 64])

async function evaluate(run: Run, shapes: readonly number[][], values: Float32Array[]) {
  const inputs = shapes.map((shape, i) => tensor(values[i], shape, { requiresGrad: true }))
  const results = await engine.step(() => {
    const y = run(inputs)
    y.backward(tensor(upstream.slice(0, y.size), y.shape))
    return [y, ...inputs.map((x) => x.grad!)]
  })
  return Promise.all(results.map((t) => t.data()))
}

/** Compares two ways to one result; `shapes` are those of the inputs. */
async function same(
  shapes: readonly number[][],
  a: () => Promise<Float32Array[]>,
  b: () => Promise<Float32Array[]>,
  tolerance = 1e-5,
) {
  const [left, right] = [await a(), await b()]
  const errors = left.map((values, i) => relativeError(values, right[i]))
  assert.ok(
    errors.every((e) => e < tolerance),
    `${JSON.stringify(shapes)}: errors of output and gradients ${errors.map((e) => e.toExponential(1))}`,
  )
}

const stats = (c: number) => ({ mean: tensor(new Float32Array(c)), variance: tensor(new Float32Array(c).fill(1)) })

const fused: { name: string; shapes: number[][]; fused: Run; plain: Run }[] = [
  {
    name: 'batchNormRelu',
    shapes: [[3, 13, 11, 72], [72], [72]],
    fused: ([x, w, b]) => F.batchNormRelu(x, stats(72).mean, stats(72).variance, w, b, { training: true }),
    plain: ([x, w, b]) => F.relu(F.batchNorm(x, stats(72).mean, stats(72).variance, w, b, { training: true })),
  },
  {
    name: 'batchNormAddRelu',
    shapes: [[3, 13, 11, 72], [3, 13, 11, 72], [72], [72]],
    fused: ([x, r, w, b]) => F.batchNormAddRelu(x, r, stats(72).mean, stats(72).variance, w, b, { training: true }),
    plain: ([x, r, w, b]) =>
      F.relu(F.add(F.batchNorm(x, stats(72).mean, stats(72).variance, w, b, { training: true }), r)),
  },
  {
    name: 'batchNorm',
    shapes: [[5, 9, 7, 40], [40], [40]],
    fused: ([x, w, b]) => F.batchNorm(x, null, null, w, b, { training: true, eps: 1e-3 }),
    plain: ([x, w, b]) => {
      const centred = F.sub(x, F.mean(x, { dim: [0, 1, 2], keepdim: true }))
      const variance = F.mean(F.mul(centred, centred), { dim: [0, 1, 2], keepdim: true })
      return F.add(F.mul(F.div(centred, F.sqrt(F.add(variance, tensor([1e-3])))), w), b)
    },
  },
  {
    name: 'layerNorm',
    shapes: [[5, 7, 72], [72], [72]],
    fused: ([x, w, b]) => F.layerNorm(x, [72], w, b, { eps: 1e-3 }),
    plain: ([x, w, b]) => {
      const centred = F.sub(x, F.mean(x, { dim: -1, keepdim: true }))
      const variance = F.mean(F.mul(centred, centred), { dim: -1, keepdim: true })
      return F.add(F.mul(F.div(centred, F.sqrt(F.add(variance, 1e-3))), w), b)
    },
  },
  ...[72, 51].map((cols) => ({
    name: `addLayerNorm of ${cols} columns`,
    shapes: [[5, 67, cols], [5, 67, cols], [cols], [cols]],
    fused: ([x, r, w, b]: Tensor[]) => both(F.addLayerNorm(x, r, [cols], w, b)),
    plain: ([x, r, w, b]: Tensor[]) => both({ sum: F.add(x, r), y: F.layerNorm(F.add(x, r), [cols], w, b) }),
  })),
  {
    name: 'softmax',
    shapes: [[37, 333]],
    fused: ([x]) => F.softmax(x, { dim: 1 }),
    plain: ([x]) => F.div(F.exp(x), F.sum(F.exp(x), { dim: [1], keepdim: true })),
  },
  {
    name: 'logSoftmax',
    shapes: [[37, 333]],
    fused: ([x]) => F.logSoftmax(x, { dim: 1 }),
    plain: ([x]) => F.log(F.softmax(x, { dim: 1 })),
  },
  {
    name: 'crossEntropy',
    shapes: [[64, 5]],
    fused: ([x]) => F.crossEntropy(x, tensor(Int32Array.from({ length: 64 }, (_, i) => i % 5))),
    plain: ([x]) => {
      const chosen = tensor(
        Float32Array.from({ length: 64 * 5 }, (_, i) => (Math.floor(i / 5) % 5 === i % 5 ? -1 / 64 : 0)),
        [64, 5],
      )
      return F.sum(F.mul(F.logSoftmax(x, { dim: 1 }), chosen))
    },
  },
  {
    name: 'adaptiveAvgPool2d',
    shapes: [[3, 14, 13, 96]],
    fused: ([x]) => F.adaptiveAvgPool2d(x, [1, 1]),
    plain: ([x]) => F.mean(x, { dim: [1, 2], keepdim: true }),
  },
  ...[32, 64, 80, 96, 128].flatMap((d) =>
    [false, true].map((isCausal) => ({
      name: `attention with D = ${d}${isCausal ? ', causal' : ''}`,
      shapes: [[2, 2, 45, d], [2, 2, 71, d], [2, 2, 71, d]],
      fused: ([q, k, v]: Tensor[]) => F.scaledDotProductAttention(q, k, v, { isCausal }),
      plain: ([q, k, v]: Tensor[]) => composedAttention(q, k, v, { isCausal, scale: 1 / Math.sqrt(d) }),
    })),
  ),
  ...[false, true].map((isCausal) => ({
    name: `selfAttention${isCausal ? ', causal' : ''}`,
    shapes: [[2, 37, 3 * 3 * 64]],
    fused: ([qkv]: Tensor[]) => F.selfAttention(qkv, { heads: 3, isCausal }),
    plain: ([qkv]: Tensor[]) => {
      const [q, k, v] = unpacked(qkv, 3)
      const y = F.scaledDotProductAttention(q, k, v, { isCausal })
      return F.reshape(F.permute(y, [0, 2, 1, 3]), [2, 37, 192])
    },
  })),
  {
    name: 'linear',
    shapes: [[67, 132], [44, 132], [44]],
    fused: ([x, w, b]) => F.linear(x, w, b),
    plain: ([x, w, b]) => F.add(F.matmul(x, F.transpose(w, 0, 1)), b),
  },
  {
    name: 'conv2d',
    shapes: [[2, 9, 10, 36], [3, 2, 36, 20], [20]],
    fused: ([x, w, b]) => F.conv2d(x, w, b, { padding: [1, 0] }),
    plain: shifted,
  },
]

/** q, k, v [B, H, T, D] out of what one projection writes, [B, T, 3·H·D]. */
function unpacked(qkv: Tensor, heads: number): Tensor[] {
  const [b, t, width] = qkv.shape
  const parts = F.permute(F.reshape(qkv, [b, t, 3, heads, width / 3 / heads]), [2, 0, 3, 1, 4])
  return [0, 1, 2].map((i) => F.reshape(F.slice(parts, { dim: 0, start: i, end: i + 1 }), [b, heads, t, width / 3 / heads]))
}

/** Two outputs as one, so that a gradient reaches each. */
function both({ sum, y }: { sum: Tensor; y: Tensor }): Tensor {
  return F.cat([sum, y], { dim: -1 })
}

/** A 3×2 convolution with one row of padding as a sum of six products of shifted images. */
function shifted([x, w, b]: Tensor[]): Tensor {
  const [n, h, width, cin] = x.shape
  const border = tensor(new Float32Array(n * width * cin), [n, 1, width, cin])
  const padded = F.cat([border, x, border], { dim: 1 })
  let y = b
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 2; j++) {
      const tap = F.reshape(F.slice(F.slice(w, { dim: 0, start: i, end: i + 1 }), { dim: 1, start: j, end: j + 1 }), [
        cin,
        w.shape[3],
      ])
      const moved = F.slice(F.slice(padded, { dim: 1, start: i, end: i + h }), { dim: 2, start: j, end: j + width - 1 })
      y = F.add(y, F.matmul(moved, tap))
    }
  }
  return y
}

for (const { name, shapes, fused: one, plain } of fused) {
  test(`${name} is what plain operators give`, async () => {
    const values = shapes.map(random)
    for (const family of families()) {
      await within(family, () =>
        same(
          shapes,
          () => evaluate(one, shapes, values),
          () => evaluate(plain, shapes, values),
        ),
      )
    }
  })
}

test('batchNorm and layerNorm do not mind where zero is', async () => {
  // Multiples of 1/256, so that adding 8192 is exact.
  const shape = [40, 24, 8]
  const values = random(shape).map((v) => Math.round(v * 256) / 256)
  const far = values.map((v) => v + 8192)
  for (const [run, tolerance] of [
    [([x]: Tensor[]) => F.batchNorm(x, null, null, null, null, { training: true }), 2e-6],
    [([x]: Tensor[]) => F.layerNorm(x, [24, 8]), 1e-3],
  ] as const) {
    for (const family of families()) {
      await within(family, () =>
        same([shape], () => evaluate(run, [shape], [far]), () => evaluate(run, [shape], [values]), tolerance),
      )
    }
  }
})

const contractions: { name: string; run: Run; shapes: number[][][] }[] = [
  {
    name: 'matmul',
    run: ([a, b]) => F.matmul(a, b),
    shapes: [
      [[100, 260], [260, 132]], [[33, 64], [64, 36]], [[8, 1024], [1024, 64]], [[257, 20], [20, 4]],
      [[3, 65, 48], [3, 48, 100]], [[1, 40, 64], [5, 64, 68]], [[2, 3, 49, 32], [2, 3, 32, 52]],
    ],
  },
  {
    name: 'linear',
    run: ([x, w, b]) => F.linear(x, w, b),
    shapes: [
      [[197, 192], [192, 192], [192]],
      [[16, 512], [2, 512], [2]],
      [[2, 50, 64], [256, 64], [256]],
    ],
  },
  ...[
    {
      options: { padding: 1 },
      shapes: [
        [[2, 15, 14, 64], [3, 3, 64, 64], [64]],
        [[1, 7, 9, 128], [3, 3, 128, 32], [32]],
        [[3, 5, 5, 20], [3, 3, 20, 36], [36]],
      ],
    },
    {
      options: { padding: 1, stride: 2 },
      shapes: [
        [[2, 15, 14, 64], [3, 3, 64, 96], [96]],
        [[2, 8, 8, 32], [3, 3, 32, 64], [64]],
      ],
    },
    { options: { stride: 2 }, shapes: [[[2, 14, 13, 64], [1, 1, 64, 128], [128]]] },
    {
      options: { padding: 3, stride: 2 },
      shapes: [
        [[2, 45, 38, 3], [7, 7, 3, 64], [64]],
        [[1, 224, 224, 3], [7, 7, 3, 64], [64]],
      ],
    },
    { options: { stride: 16 }, shapes: [[[2, 48, 64, 3], [16, 16, 3, 192], [192]]] },
    { options: { padding: 2, dilation: 2 }, shapes: [[[1, 12, 11, 32], [3, 3, 32, 32], [32]]] },
    { options: { padding: 1, groups: 2 }, shapes: [[[1, 12, 11, 64], [3, 3, 32, 64], [64]]] },
  ].map(({ options, shapes }) => ({
    name: `conv2d ${JSON.stringify(options)}`,
    run: ([x, w, b]: Tensor[]) => F.conv2d(x, w, b, options),
    shapes,
  })),
]

if (families().length === 2) {
  for (const { name, run, shapes } of contractions) {
    test(`${name}: both kernel families agree`, async () => {
      for (const sizes of shapes) {
        const values = sizes.map(random)
        const by = (family: 'subgroup' | 'tile') => () => within(family, () => evaluate(run, sizes, values))
        await same(sizes, by('subgroup'), by('tile'))
      }
    })
  }
} else console.log('skip: this adapter has no subgroups of a fixed size')

test.after(() => engine.dispose())
test.run()
