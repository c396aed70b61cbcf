// Which kernels are measured: every operator at the shapes that ResNet18 (224 px, batch 4) and ViT-B/16 (batch 4, 197
// tokens) give it, forward and each gradient that has a kernel of its own. How to run an operator and what it costs is
// in its case file.
import { F, type Tensor, optim, tensor } from '../src/index.js'
import { parameter } from '../src/tensor/arena.js'
import adaptiveAvgPool2d from '../test/cases/adaptiveAvgPool2d.js'
import batchNorm from '../test/cases/batchNorm.js'
import binary from '../test/cases/binary.js'
import { type OpCase, type Shapes, leastBytes } from '../test/cases/case.js'
import conv2d from '../test/cases/conv2d.js'
import crossEntropy from '../test/cases/crossEntropy.js'
import cumsum from '../test/cases/cumsum.js'
import deviation from '../test/cases/deviation.js'
import gelu from '../test/cases/gelu.js'
import groupNorm from '../test/cases/groupNorm.js'
import layerNorm from '../test/cases/layerNorm.js'
import linear from '../test/cases/linear.js'
import losses from '../test/cases/losses.js'
import matmul from '../test/cases/matmul.js'
import maxPool2d from '../test/cases/maxPool2d.js'
import scaledDotProductAttention from '../test/cases/scaledDotProductAttention.js'
import softmax from '../test/cases/softmax.js'
import topk from '../test/cases/topk.js'
import where from '../test/cases/where.js'

/** What a part must compute and move at least. */
export interface Cost {
  flops: number
  bytes: number
}

export interface Work {
  name: string
  /** Makes the inputs; those in a part's `wants` are differentiated. */
  inputs(): Record<string, Tensor>
  /** Several outputs: all of them get a gradient. */
  run(inputs: Record<string, Tensor>): Tensor | Tensor[]
  /** The first is the forward pass. */
  parts: { name: string; wants: string[]; cost: Cost }[]
  /**
   * Linear in each differentiated input: ⟨dy, y⟩ = ⟨dx, x⟩ checks the gradients where there is nothing else to compare
   * with.
   */
  multilinear?: boolean
}

/** Uniform on [-1, 1), the same in every run. */
export function random(shape: readonly number[], seed = 12345): Tensor {
  let state = seed
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
  return tensor(data, shape)
}

/**
 * A case at one shape. `gradients`: inputs whose gradients are measured together, by the name of the part; one alone of
 * a multilinear operator costs what the forward pass does.
 */
function of(
  name: string,
  op: OpCase,
  shapes: Shapes,
  y: readonly number[],
  attrs: object,
  gradients: Record<string, string[]>,
  given: () => Record<string, Tensor> = () => ({}),
): Work {
  const all = { ...shapes, y }
  const flops = op.flops(all, attrs)
  const bytes = (op.bytes ?? leastBytes)(all, attrs)
  const multilinear = op === conv2d || op === linear || op === matmul
  const forward = { flops: flops.forward, bytes: bytes.forward }
  return {
    name,
    multilinear,
    inputs: () => ({
      ...Object.fromEntries(Object.entries(shapes).map(([input, shape], i) => [input, random(shape, 12345 + i)])),
      ...given(),
    }),
    run: (inputs) => op.run(inputs, attrs),
    parts: [
      { name: 'forward', wants: Object.values(gradients).flat(), cost: forward },
      ...Object.entries(gradients).map(([part, wants]) => ({
        name: part,
        wants,
        cost: multilinear ? forward : { flops: flops.backward, bytes: bytes.backward },
      })),
    ],
  }
}

/** Images want no gradient: of the first layers only the weight's is measured. */
function convolution(
  where: string,
  size: number,
  from: number,
  to: number,
  kernel: number,
  stride = 1,
  padding = kernel >> 1,
): Work {
  const out = Math.floor((size + 2 * padding - kernel) / stride) + 1
  const name = `conv ${kernel}×${kernel}${stride > 1 ? `/${stride}` : ''} ${from}→${to} at ${size}² (${where})`
  return of(
    name,
    conv2d,
    { x: [4, size, size, from], weight: [kernel, kernel, from, to] },
    [4, out, out, to],
    { stride, padding, dilation: 1, groups: 1 },
    from === 3 ? { dW: ['weight'] } : { dX: ['x'], dW: ['weight'] },
  )
}

/** A depthwise convolution, as in EfficientNet, MobileNetV3 (3×3, 5×5) and ConvNeXt (7×7). */
function depthwise(where: string, size: number, channels: number, kernel: number, stride = 1): Work {
  const out = Math.ceil(size / stride)
  return of(
    `depthwise ${kernel}×${kernel}${stride > 1 ? `/${stride}` : ''} ${channels} at ${size}² (${where})`,
    conv2d,
    { x: [4, size, size, channels], weight: [kernel, kernel, 1, channels] },
    [4, out, out, channels],
    { stride, padding: kernel >> 1, dilation: 1, groups: channels },
    { dX: ['x'], dW: ['weight'] },
  )
}

/** Squeeze-excite of EfficientNet-B0: x is read twice, for its means and to be scaled; backward dy and x are, at least. */
function squeezeExcite(size: number, channels: number, squeezed: number): Work {
  const x = [4, size, size, channels]
  const elements = 4 * size * size * channels
  const weights = { w1: [1, 1, channels, squeezed], b1: [squeezed], w2: [1, 1, squeezed, channels], b2: [channels] }
  const cost = { flops: 2 * elements, bytes: 3 * 4 * elements }
  return {
    name: `squeeze-excite ${channels}→${squeezed} at ${size}²`,
    inputs: () => ({
      x: random(x),
      ...Object.fromEntries(Object.entries(weights).map(([name, shape], i) => [name, random(shape, i)])),
    }),
    run: ({ x: input, w1, b1, w2, b2 }) => F.squeezeExcite(input, w1, b1, w2, b2, { activation: 'silu' }),
    parts: ['forward', 'backward'].map((name) => ({ name, wants: ['x', ...Object.keys(weights)], cost })),
  }
}

const TOKENS = 4 * 197

function projection(where: string, from: number, to: number): Work {
  const work = of(
    `linear ${from}→${to}, ${TOKENS} tokens (${where})`,
    linear,
    { x: [TOKENS, from], weight: [to, from] },
    [TOKENS, to],
    {},
    { dX: ['x'], dW: ['weight'] },
  )
  return {
    ...work,
    inputs: () => ({ ...work.inputs(), bias: random([to]) }),
    parts: [...work.parts, { name: 'dB', wants: ['bias'], cost: { flops: TOKENS * to, bytes: 4 * (TOKENS + 1) * to } }],
  }
}

const linearGelu: OpCase = {
  op: 'linear+gelu',
  run: ({ x, weight, bias }) => F.linear(x, weight, bias, { activation: 'gelu' }),
  flops(shapes) {
    const [product, activation] = [linear.flops(shapes), gelu.flops(shapes)]
    return { forward: product.forward + activation.forward, backward: product.backward + activation.backward }
  },
}

const tokens = [TOKENS, 768]
const vectors = { weight: [768], bias: [768] }
const norm = { normalizedShape: [768], eps: 1e-6 }
const training = { training: true, momentum: 0.1, eps: 1e-5 }

/** layerNorm with the addition before it: x and residual in, their sum and y out; both outputs get a gradient. */
const addLayerNorm: Work = {
  ...of('addLayerNorm [788, 768]', layerNorm, { x: tokens, ...vectors }, tokens, norm, {
    backward: ['x', 'residual', 'weight', 'bias'],
  }),
  inputs: () => ({ x: random(tokens), residual: random(tokens, 2), weight: random([768]), bias: random([768], 3) }),
  run({ x, residual, weight, bias }) {
    const { sum, y } = F.addLayerNorm(x, residual, [768], weight, bias)
    return [sum, y]
  },
  parts: ['forward', 'backward'].map((name) => {
    const { forward, backward } = layerNorm.flops({ x: tokens, y: tokens })
    const elements = TOKENS * 768
    return {
      name,
      wants: ['x', 'residual', 'weight', 'bias'],
      cost: { flops: (name === 'forward' ? forward : backward) + elements, bytes: 4 * 4 * elements },
    }
  }),
}

/** A parameter whose gradient is there before any step. */
function adam(): Work {
  const count = 11_000_000
  let optimizer: optim.Adam
  return {
    name: 'Adam, 11 M parameters',
    inputs() {
      const p = parameter([count], 'bench').write(new Float32Array(count))
      p.grad = p
      optimizer = new optim.Adam([p])
      return {}
    },
    run() {
      optimizer.step()
      return []
    },
    // p, gradient and both moments read; p and both moments written.
    parts: [{ name: 'step', wants: [], cost: { flops: 12 * count, bytes: 7 * 4 * count } }],
  }
}

/** By the part of a model they come from; ceilings are measured again between groups. */
export const groups: readonly (readonly Work[])[] = [
  [
    of(
      'matmul 1024×1024×1024',
      matmul,
      { a: [1024, 1024], b: [1024, 1024] },
      [1024, 1024],
      {},
      { dA: ['a'], dB: ['b'] },
    ),
    convolution('conv1', 224, 3, 64, 7, 2),
    convolution('layer1', 56, 64, 64, 3),
    convolution('layer2', 56, 64, 128, 3, 2),
    convolution('layer2', 28, 128, 128, 3),
    convolution('layer3', 14, 256, 256, 3),
    convolution('layer4', 7, 512, 512, 3),
    convolution('downsample', 56, 64, 128, 1, 2, 0),
  ],
  [
    depthwise('B0', 112, 96, 3, 2),
    depthwise('B0', 28, 240, 5),
    depthwise('ConvNeXt', 56, 96, 7),
    squeezeExcite(28, 240, 10),
  ],
  [
    convolution('patches', 224, 3, 768, 16, 16, 0),
    projection('qkv', 768, 2304),
    projection('proj', 768, 768),
    of(
      `linear+gelu 768→3072, ${TOKENS} tokens (fc1)`,
      linearGelu,
      { x: tokens, weight: [3072, 768], bias: [3072] },
      [TOKENS, 3072],
      {},
      { backward: ['x', 'weight', 'bias'] },
    ),
    projection('fc2', 3072, 768),
    of(
      'attention B4 H12 T197 D64',
      scaledDotProductAttention,
      { q: [4, 12, 197, 64], k: [4, 12, 197, 64], v: [4, 12, 197, 64] },
      [4, 12, 197, 64],
      { isCausal: false },
      { backward: ['q', 'k', 'v'] },
    ),
  ],
  [
    of('layerNorm [788, 768]', layerNorm, { x: tokens, ...vectors }, tokens, norm, {
      backward: ['x', 'weight', 'bias'],
    }),
    addLayerNorm,
    of('gelu [788, 768]', gelu, { x: tokens }, tokens, { approximate: 'none' }, { backward: ['x'] }),
    of('softmax [2364, 197]', softmax, { x: [2364, 197] }, [2364, 197], { fn: 'softmax', dim: 1 }, { backward: ['x'] }),
    of(
      'crossEntropy [788, 1000]',
      crossEntropy,
      { logits: [TOKENS, 1000] },
      [],
      { labelSmoothing: 0, reduction: 'mean' },
      { backward: ['logits'] },
      () => ({ target: tensor(Int32Array.from({ length: TOKENS }, (_, i) => (i * 37) % 1000)) }),
    ),
    of('add [4, 56, 56, 64]', binary, { a: [4, 56, 56, 64], b: [4, 56, 56, 64] }, [4, 56, 56, 64], { fn: 'add' }, {}),
  ],
  [
    ...(
      [
        [4 * 56 * 56, 64],
        [TOKENS, 768],
      ] as const
    ).map((x) =>
      of(
        `batchNorm [${x.join(', ')}]`,
        batchNorm,
        { x, weight: [x[1]], bias: [x[1]] },
        x,
        { fn: 'batchNorm', ...training },
        { backward: ['x', 'weight', 'bias'] },
      ),
    ),
    of(
      'groupNorm [4, 56, 56, 64], 32 groups',
      groupNorm,
      { x: [4, 56, 56, 64], weight: [64], bias: [64] },
      [4, 56, 56, 64],
      { numGroups: 32, eps: 1e-5 },
      { backward: ['x', 'weight', 'bias'] },
    ),
    of(
      'batchNormRelu [12544, 64]',
      batchNorm,
      { x: [12544, 64], weight: [64], bias: [64] },
      [12544, 64],
      { fn: 'batchNormRelu', ...training },
      { backward: ['x', 'weight', 'bias'] },
    ),
    of(
      'batchNormAddRelu [12544, 64]',
      batchNorm,
      { x: [12544, 64], residual: [12544, 64], weight: [64], bias: [64] },
      [12544, 64],
      { fn: 'batchNormAddRelu', ...training },
      { backward: ['x', 'residual', 'weight', 'bias'] },
    ),
    of(
      'maxPool 3×3/2 64 at 112²',
      maxPool2d,
      { x: [4, 112, 112, 64] },
      [4, 56, 56, 64],
      { kernelSize: [3, 3], stride: 2, padding: 1 },
      { backward: ['x'] },
    ),
    of(
      'avgPool 512 at 7²',
      adaptiveAvgPool2d,
      { x: [4, 7, 7, 512] },
      [4, 1, 1, 512],
      { outputSize: [1, 1] },
      { backward: ['x'] },
    ),
    adam(),
  ],
  [
    of(
      'max [788, 1000] over 1000',
      topk,
      { x: [TOKENS, 1000] },
      [TOKENS],
      { fn: 'max', of: 'values', options: { dim: 1 } },
      { backward: ['x'] },
    ),
    of(
      'std [788, 768] over 768',
      deviation,
      { x: tokens },
      [TOKENS],
      { fn: 'std', options: { dim: 1 } },
      { backward: ['x'] },
    ),
    of('cumsum [788, 768]', cumsum, { x: tokens }, tokens, { dim: 1 }, { backward: ['x'] }),
    of(
      'bceWithLogits [788, 768]',
      losses,
      { input: tokens, target: tokens },
      [],
      { fn: 'bceWithLogits', options: {} },
      { backward: ['input'] },
    ),
    of(
      'where [788, 768]',
      where,
      { condition: tokens, a: tokens, b: tokens },
      tokens,
      { fn: 'where' },
      { backward: ['a', 'b'] },
    ),
    of('pow [788, 768]', binary, { a: tokens, b: tokens }, tokens, { fn: 'pow' }, { backward: ['a', 'b'] }),
  ],
]

export const works: readonly Work[] = groups.flat()
