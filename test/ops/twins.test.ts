// Witnesses inside the engine, on shapes larger than fixtures hold: every fused operator against plain ones,
// and every contraction by one kernel family against the other. Outputs and all gradients.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, type Tensor, init, tensor } from '../../src/index.js'
import { gpu } from '../../src/gpu/gpu.js'
import { composedAttention } from '../../src/ops/attention.js'
import { composedEmbedTokens } from '../../src/ops/embedtokens.js'
import { rowChunks } from '../../src/ops/normalize.js'
import { activate } from '../../src/ops/unary.js'
import * as shaders from '../../src/shaders.gen.js'
import { relativeError } from '../cases/case.js'
import { numel } from '../../src/util/check.js'
import { choosing, families, within } from './families.js'
import { normal } from './random.js'

const engine = await init()
const test = suite(`twins (${engine.adapterKind})`)

type Run = (inputs: Tensor[]) => Tensor

const draw = normal(1)
const random = (shape: readonly number[]) => draw(numel(shape))

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
  ...(['silu', 'relu'] as const).map((activation) => {
    const gate = activation === 'silu' ? 'sigmoid' : 'hardsigmoid'
    return {
      name: `squeezeExcite, ${activation} and ${gate}`,
      shapes: [[3, 9, 8, 36], [1, 1, 36, 20], [20], [1, 1, 20, 36], [36]],
      fused: ([x, w1, b1, w2, b2]: Tensor[]) => F.squeezeExcite(x, w1, b1, w2, b2, { activation, gate }),
      plain: ([x, w1, b1, w2, b2]: Tensor[]) => {
        const hidden = F.conv2d(F.adaptiveAvgPool2d(x, [1, 1]), w1, b1)
        return F.mul(x, F[gate](F.conv2d(F[activation](hidden), w2, b2)))
      },
    }
  }),
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
    name: 'layerNorm, its gradient added to that of a residual',
    shapes: [[5, 7, 300], [300], [300]],
    fused: ([x, w, b]) => {
      const h = F.neg(x)
      return F.add(F.layerNorm(h, [300], w, b, { eps: 1e-3 }), h)
    },
    plain: ([x, w, b]) => {
      const centred = F.sub(F.mean(x, { dim: -1, keepdim: true }), x)
      const variance = F.mean(F.mul(centred, centred), { dim: -1, keepdim: true })
      return F.sub(F.add(F.mul(F.div(centred, F.sqrt(F.add(variance, 1e-3))), w), b), x)
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
      shapes: [
        [2, 2, 45, d],
        [2, 2, 71, d],
        [2, 2, 71, d],
      ],
      fused: ([q, k, v]: Tensor[]) => F.scaledDotProductAttention(q, k, v, { isCausal }),
      plain: ([q, k, v]: Tensor[]) => composedAttention(q, k, v, { isCausal, scale: 1 / Math.sqrt(d) }),
    })),
  ),
  {
    name: 'attention over 577 tokens',
    shapes: [
      [1, 2, 577, 64],
      [1, 2, 577, 64],
      [1, 2, 577, 64],
    ],
    fused: ([q, k, v]) => F.scaledDotProductAttention(q, k, v),
    plain: ([q, k, v]) => composedAttention(q, k, v, { isCausal: false, scale: 1 / 8 }),
  },
  ...(['relu', 'gelu', 'geluTanh', 'silu', 'hardswish'] as const).map((activation) => ({
    name: `linear with ${activation}, and one after it`,
    shapes: [[3, 67, 72], [200, 72], [200], [36, 200]],
    fused: ([x, w, b, v]: Tensor[]) => F.linear(F.linear(x, w, b, { activation }), v),
    plain: ([x, w, b, v]: Tensor[]) => F.linear(activate(F.linear(x, w, b), activation), v),
  })),
  {
    name: 'linear with silu, of odd sizes, its result used twice',
    shapes: [[37, 51], [13, 51], [13], [10, 13]],
    fused: ([x, w, b, v]) => twice(F.linear(x, w, b, { activation: 'silu' }), v),
    plain: ([x, w, b, v]) => twice(F.silu(F.linear(x, w, b)), v),
  },
  {
    name: 'conv2d with hardswish',
    shapes: [[2, 9, 7, 12], [3, 3, 12, 20], [20]],
    fused: ([x, w, b]) => F.conv2d(x, w, b, { padding: 1, activation: 'hardswish' }),
    plain: ([x, w, b]) => F.hardswish(F.conv2d(x, w, b, { padding: 1 })),
  },
  {
    name: 'embedTokens',
    shapes: [
      [3, 25, 72],
      [1, 1, 72],
      [1, 26, 72],
    ],
    fused: ([x, t, p]) => F.embedTokens(x, t, p),
    plain: ([x, t, p]) => composedEmbedTokens(x, t, p),
  },
  {
    name: 'embedTokens without a class token',
    shapes: [
      [3, 25, 72],
      [1, 25, 72],
    ],
    fused: ([x, p]) => F.embedTokens(x, null, p),
    plain: ([x, p]) => composedEmbedTokens(x, null, p),
  },
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
  return [0, 1, 2].map((i) =>
    F.reshape(F.slice(parts, { dim: 0, start: i, end: i + 1 }), [b, heads, t, width / 3 / heads]),
  )
}

/** Two outputs as one, so that a gradient reaches each. */
function both({ sum, y }: { sum: Tensor; y: Tensor }): Tensor {
  return F.cat([sum, y], { dim: -1 })
}

/** h, and what a linear layer makes of it. */
function twice(h: Tensor, weight: Tensor): Tensor {
  return F.cat([F.linear(h, weight), h], { dim: -1 })
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

test('a chunk of rows has room in the kernel of layerNorm however many there are, and none is left out', () => {
  const most = shaders.layernorm_backward_tile.constant('MOST_ROWS')
  for (const rows of [1, 17, 4096, 65535 * most + 1, 2 ** 28]) {
    const { chunks, rows_per_chunk } = rowChunks(rows, 1, most)
    assert.ok(rows_per_chunk <= most && chunks * rows_per_chunk >= rows && (chunks - 1) * rows_per_chunk < rows)
  }
})

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
        same(
          [shape],
          () => evaluate(run, [shape], [far]),
          () => evaluate(run, [shape], [values]),
          tolerance,
        ),
      )
    }
  }
})

// With the identity for v the output is the dropped probabilities themselves: what was kept, and by how much it was
// scaled.
for (const isCausal of [false, true]) {
  test(`attention with dropout${isCausal ? ', causal' : ''}: the same mask in both passes, the rest as plain operators give`, async () => {
    const [H, T, S, p, scale] = [3, 45, 64, 0.3, 1 / 8]
    const shapes = [
      [2, H, T, 64],
      [2, H, S, 64],
      [2, H, S, 64],
    ]
    const identity = Float32Array.from({ length: 2 * H * S * S }, (_, i) => (Math.floor(i / S) % S === i % S ? 1 : 0))
    for (const family of families()) {
      await within(family, async () => {
        const values = shapes.map(random)
        const inputs = shapes.map((shape, i) => tensor(values[i], shape, { requiresGrad: true }))
        const [q, k, v] = inputs
        const dy = tensor(upstream.slice(0, 2 * H * T * 64), [2, H, T, 64])
        const results = await engine.step(() => {
          const stream = gpu.stream
          const mask = F.scaledDotProductAttention(q.detach(), k.detach(), tensor(identity, [2, H, S, S]), {
            isCausal,
            dropout: p,
          })
          const whole = F.scaledDotProductAttention(q.detach(), k.detach(), tensor(identity, [2, H, S, S]), {
            isCausal,
          })
          gpu.stream = stream
          const y = F.scaledDotProductAttention(q, k, v, { isCausal, dropout: p })
          y.backward(dy)
          const fused = [y, ...inputs.map((x) => x.grad!)].map((t) => F.affine(t, 1, 0))
          for (const x of inputs) x.grad = null
          let scores = F.matmul(F.mul(q, scale), F.transpose(k, 2, 3))
          if (isCausal)
            scores = F.add(
              scores,
              tensor(
                Float32Array.from({ length: T * S }, (_, i) => (i % S > Math.floor(i / S) ? -1e38 : 0)),
                [T, S],
              ),
            )
          // Where a probability is 0 its factor does not matter.
          const factors = F.div(mask, F.add(whole, 1e-30))
          const plain = F.matmul(F.mul(F.softmax(scores, { dim: -1 }), factors), v)
          plain.backward(dy)
          return { mask, whole, fused, plain: [plain, ...inputs.map((x) => x.grad!)] }
        })
        const [mask, whole] = await Promise.all([results.mask.data(), results.whole.data()])
        const seen = whole.reduce((n, w) => n + (w > 1e-20 ? 1 : 0), 0)
        const kept = mask.reduce((n, m) => n + (m > 1e-20 ? 1 : 0), 0)
        assert.ok(Math.abs(kept / seen - (1 - p)) < 0.02, `${kept} of ${seen} kept`)
        for (const [i, one] of results.fused.entries()) {
          const error = relativeError(await one.data(), await results.plain[i].data())
          assert.ok(error < 1e-5, `${family}: result ${i} is off by ${error}`)
        }
      })
    }
  })
}

test('attention with two rows an invocation, as where registers are few: the bits of four', async () => {
  const values = Array.from({ length: 4 }, () => random([2, 37, 36]))
  const { isSoftware } = gpu.caps
  const run = (rows: 2 | 4) =>
    within('tile', async () => {
      Object.assign(gpu.caps, rows === 2 && { hasRegisters: false, isSoftware: false })
      const [q, k, v, dy] = values.map((data) => tensor(data, [2, 37, 36], { requiresGrad: true }))
      const results = await engine.step(() => {
        const y = F.scaledDotProductAttention(q, k, v)
        y.backward(dy)
        return [y, q.grad!, k.grad!, v.grad!]
      })
      gpu.caps.isSoftware = isSoftware
      return Promise.all(results.map((t) => t.data()))
    })
  assert.equal(await run(2), await run(4))
})

test('attention draws other numbers in each call and step, and the same with the same seed', async () => {
  const [q, k, v] = [0, 1, 2].map(() => tensor(random([1, 2, 33, 32]), [1, 2, 33, 32]))
  const step = engine.capture(() => [1, 2].map(() => F.scaledDotProductAttention(q, k, v, { dropout: 0.5 })))
  const [first, second] = [await step(), await step()]
  const all = await Promise.all([...first, ...second].map((t) => t.data()))
  for (let i = 0; i < 4; i++)
    for (let j = 0; j < i; j++) assert.ok(relativeError(all[i], all[j]) > 0.1, `draws ${i} and ${j}`)
})

test('scores of ±80 and beyond: finite and right', async () => {
  const shapes = [
    [1, 2, 50, 64],
    [1, 2, 50, 64],
    [1, 2, 50, 64],
  ]
  for (const size of [80, 1000]) {
    // Along one direction with alternating signs every score is plus or minus `size`.
    const sign = (i: number) => (Math.floor(i / 64) % 3 === 0 ? -1 : 1)
    const values = shapes.map((shape, n) =>
      n === 2 ? random(shape) : random(shape).map((r, i) => 0.01 * r + sign(i + n * 64) * Math.sqrt(size / 8)),
    )
    for (const family of families()) {
      await within(family, async () => {
        const run = (fn: Run) => evaluate(fn, shapes, values)
        const ours = await run(([q, k, v]) => F.scaledDotProductAttention(q, k, v))
        assert.ok(ours.every((r) => r.every(Number.isFinite)))
        const plain = await run(([q, k, v]) => composedAttention(q, k, v, { isCausal: false, scale: 1 / 8 }))
        // A score's rounding, up to 1e-4 of 1000, is the exponential's relative error; in gradients equal terms cancel
        // besides.
        const tolerance = (i: number) => (size > 100 ? 10 : 1) * (i ? 2e-4 : 2e-5)
        ours.forEach((r, i) =>
          assert.ok(relativeError(r, plain[i]) < tolerance(i), `±${size}, result ${i}: ${relativeError(r, plain[i])}`),
        )
      })
    }
  }
})

test('gelu on [-10, 10]: within 2e-6 of float64 everywhere', async () => {
  const n = 200_000
  const x = Float32Array.from({ length: n }, (_, i) => -10 + (20 * i) / (n - 1))
  const y = await (await engine.step(() => F.gelu(tensor(x)))).data()
  let worst = 0
  x.forEach((v, i) => {
    worst = Math.max(worst, Math.abs(y[i] - v * normalCdf(v)))
  })
  assert.ok(worst < 2e-6, `${worst}`)
})

/** Φ in double precision: its Taylor series around 0, and beyond 5 the continued fraction of its tail. */
function normalCdf(v: number): number {
  const a = Math.abs(v)
  const density = Math.exp(-0.5 * a * a) / Math.sqrt(2 * Math.PI)
  if (a < 5) {
    let [term, sum] = [a, a]
    for (let i = 3; Math.abs(term) > 1e-18; i += 2) sum += term *= (a * a) / i
    return v < 0 ? 0.5 - density * sum : 0.5 + density * sum
  }
  let fraction = a
  for (let i = 60; i > 0; i--) fraction = a + i / fraction
  return v < 0 ? density / fraction : 1 - density / fraction
}

const contractions: { name: string; run: Run; shapes: number[][][] }[] = [
  {
    name: 'batchNorm of many rows',
    run: ([x, w, b]) => F.batchNorm(x, null, null, w, b, { training: true }),
    shapes: [[[6000, 48], [48], [48]]],
  },
  {
    name: 'layerNorm of many rows',
    run: ([x, w, b]) => F.layerNorm(x, [72], w, b),
    shapes: [[[1200, 72], [72], [72]]],
  },
  {
    name: 'matmul',
    run: ([a, b]) => F.matmul(a, b),
    shapes: [
      [
        [100, 260],
        [260, 132],
      ],
      [
        [33, 64],
        [64, 36],
      ],
      [
        [8, 1024],
        [1024, 64],
      ],
      [
        [257, 20],
        [20, 4],
      ],
      [
        [3, 65, 48],
        [3, 48, 100],
      ],
      [
        [1, 40, 64],
        [5, 64, 68],
      ],
      [
        [2, 3, 49, 32],
        [2, 3, 32, 52],
      ],
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
        const by = (family: 'cpu' | 'tile') => () => within(family, () => evaluate(run, sizes, values))
        await same(sizes, by('cpu'), by('tile'))
      }
    })
  }
} else console.log('skip: this adapter has no subgroups of a fixed size')

test('a product of a long sum runs in rounds, with the sums of its left side: float64, and the same bits twice', async () => {
  const [rows, from, to] = [5000, 20, 36]
  const shapes = [[rows, from], [to, from], [to]]
  const values = shapes.map(random)
  const dWeight = new Float64Array(to * from)
  const dBias = new Float64Array(to)
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < to; o++) {
      const g = upstream[r * to + o]
      dBias[o] += g
      for (let i = 0; i < from; i++) dWeight[o * from + i] += g * values[0][r * from + i]
    }
  }
  const run = () => evaluate(([x, w, b]) => F.linear(x, w, b), shapes, values)
  for (const tile of ['tile 64×64', 'tile wide 128×128']) {
    const own = () =>
      within('tile', () => {
        gpu.caps.parallelism = 1 // so that no sum is cut to fill the chip
        return choosing((name) => name === tile, run)
      })
    const [, , dw, db] = await own()
    const errors = [relativeError(dw, Float32Array.from(dWeight)), relativeError(db, Float32Array.from(dBias))]
    assert.ok(Math.max(...errors) < 1e-6, `${tile}: ${errors}`)
    assert.equal((await own()).slice(2), [dw, db])
  }
})

/** A depthwise convolution and its gradients by their definition, in float64. */
function depthwiseByHand(
  [x, w, g]: Float32Array[],
  [[n, h, wide, c], [k, , , co], [, oh, ow]]: number[][],
  [stride, dilation, padding]: number[],
) {
  const [y, dx, dw] = [g, x, w].map(({ length }) => new Float64Array(length))
  for (let i = 0; i < n * oh * ow * co; i++) {
    const [o, px, py, image] = [
      i % co,
      Math.floor(i / co) % ow,
      Math.floor(i / co / ow) % oh,
      Math.floor(i / co / ow / oh),
    ]
    for (let ky = 0; ky < k; ky++)
      for (let kx = 0; kx < k; kx++) {
        const [iy, ix] = [py * stride + ky * dilation - padding, px * stride + kx * dilation - padding]
        if (iy < 0 || iy >= h || ix < 0 || ix >= wide) continue
        const [from, tap] = [((image * h + iy) * wide + ix) * c + Math.floor((o * c) / co), (ky * k + kx) * co + o]
        y[i] += w[tap] * x[from]
        dx[from] += w[tap] * g[i]
        dw[tap] += x[from] * g[i]
      }
  }
  return [y, dx, dw]
}

test('depthwise convolutions: strides, dilations, several outputs a channel, sums in one part and in many', async () => {
  for (const [stride, dilation, outs] of [
    [1, 1, 1],
    [2, 1, 1],
    [3, 1, 2],
    [1, 2, 1],
    [2, 3, 1],
    [3, 2, 1],
  ])
    for (const [n, h, wide, c, k, padding] of [
      [2, 12, 12, 64, 3, 1],
      [1, 9, 13, 5, 5, 2],
      [1, 16, 15, 3, 7, 3],
    ]) {
      const shapes = [
        [n, h, wide, c],
        [k, k, 1, c * outs],
      ]
      const values = shapes.map(random)
      const options = { stride, dilation, padding, groups: c }
      const outSize = (size: number) => Math.floor((size + 2 * padding - dilation * (k - 1) - 1) / stride) + 1
      const out = [n, outSize(h), outSize(wide), c * outs]
      const found = await evaluate(([x, w]) => F.conv2d(x, w, null, options), shapes, values)
      const expected = depthwiseByHand(
        [...values, upstream.slice(0, numel(out))],
        [...shapes, out],
        [stride, dilation, padding],
      )
      expected.forEach((all, i) => {
        const off = relativeError(found[i], Float32Array.from(all))
        assert.ok(off < 1e-6, `${JSON.stringify([options, ...shapes])}: ${['y', 'dx', 'dw'][i]} off by ${off}`)
      })
    }
})

test.after(() => engine.dispose())
test.run()
