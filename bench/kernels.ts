// What is measured: operators at the shapes of ResNet18 and ViT, each with the work it does and the kernels that count as its parts.
import { F, Tensor, optim, tensor } from '../src/index.js'
import { parameter } from '../src/tensor/arena.js'

/** One row of the table: a step to run, and its parts by the kernels' names. */
export interface Work {
  name: string
  /** Makes inputs once; the returned function is recorded as a step. Its result is compared between the kernel families. */
  make(): () => Record<string, Tensor>
  parts: { name: string; kernels: RegExp; flops?: number; bytes?: number }[]
}

/** Uniform on [-1, 1), the same in every run. */
export function random(shape: readonly number[], requiresGrad = false): Tensor {
  let state = 12345
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
  return tensor(data, shape, { requiresGrad })
}

/** Forward and all gradients of `forward` for a fixed upstream gradient. */
function differentiated(inputs: Record<string, Tensor>, forward: () => Tensor, outputShape: readonly number[]) {
  const dy = random(outputShape)
  return () => {
    for (const name in inputs) inputs[name].grad = null
    const y = forward()
    y.backward(dy)
    return { y, ...Object.fromEntries(Object.entries(inputs).map(([name, t]) => [`d${name}`, t.grad!])) }
  }
}

function conv(n: number, size: number, from: number, to: number, kernel: number, stride = 1): Work {
  const out = Math.floor((size + 2 * (kernel >> 1) - kernel) / stride) + 1
  const flops = 2 * n * out * out * to * kernel * kernel * from
  return {
    name: `conv ${kernel}×${kernel}${stride > 1 ? `/${stride}` : ''} ${from}→${to} ${size}² N=${n}`,
    make() {
      const x = random([n, size, size, from], true)
      const weight = random([kernel, kernel, from, to], true)
      return differentiated({ x, weight }, () => F.conv2d(x, weight, null, { stride, padding: kernel >> 1 }), [n, out, out, to])
    },
    parts: [
      { name: 'forward', kernels: /conv2d_forward/, flops },
      { name: 'dX', kernels: /conv2d_backward_input/, flops },
      { name: 'dW', kernels: /conv2d_backward_weight|sum_forward/, flops },
    ],
  }
}

function matmul(m: number, n: number, k: number): Work {
  return {
    name: `matmul ${m}×${n}×${k}`,
    make() {
      const a = random([m, k])
      const b = random([k, n])
      return () => ({ y: F.matmul(a, b) })
    },
    parts: [{ name: 'forward', kernels: /matmul/, flops: 2 * m * n * k }],
  }
}

function batchNorm(rows: number, channels: number): Work {
  const bytes = 4 * rows * channels
  return {
    name: `batchNorm (training) [${rows}, ${channels}]`,
    make() {
      const x = random([rows, channels], true)
      const weight = random([channels], true)
      const bias = random([channels], true)
      return differentiated({ x, weight, bias }, () => F.batchNorm(x, null, null, weight, bias, { training: true }), [rows, channels])
    },
    // Forward reads x twice (statistics, then values) and writes y; backward reads x and dy twice and writes dx.
    parts: [
      { name: 'forward', kernels: /batchnorm_(stats|merge|apply)/, bytes: 3 * bytes },
      { name: 'backward', kernels: /batchnorm_backward/, bytes: 5 * bytes },
    ],
  }
}

const softmax: Work = {
  name: 'softmax [2364, 197]',
  make() {
    const x = random([2364, 197], true)
    return differentiated({ x }, () => F.softmax(x, { dim: 1 }), [2364, 197])
  },
  parts: [
    { name: 'forward', kernels: /softmax_forward/, bytes: 2 * 4 * 2364 * 197 },
    { name: 'backward', kernels: /softmax_backward/, bytes: 3 * 4 * 2364 * 197 },
  ],
}

const layerNorm: Work = {
  name: 'layerNorm [788, 768]',
  make() {
    const x = random([788, 768], true)
    const weight = random([768], true)
    const bias = random([768], true)
    return differentiated({ x, weight, bias }, () => F.layerNorm(x, [768], weight, bias, { eps: 1e-6 }), [788, 768])
  },
  parts: [
    { name: 'forward', kernels: /layernorm_forward/, bytes: 2 * 4 * 788 * 768 },
    { name: 'backward', kernels: /layernorm_backward|sum_forward/, bytes: 3 * 4 * 788 * 768 },
  ],
}

const gelu: Work = {
  name: 'gelu [788, 768]',
  make() {
    const x = random([788, 768], true)
    return differentiated({ x }, () => F.gelu(x), [788, 768])
  },
  parts: [
    { name: 'forward', kernels: /gelu_forward/, bytes: 2 * 4 * 788 * 768 },
    { name: 'backward', kernels: /gelu_backward/, bytes: 3 * 4 * 788 * 768 },
  ],
}

const attention: Work = {
  name: 'attention B4 H12 T197 D64',
  make() {
    const [q, k, v] = [0, 1, 2].map(() => random([4, 12, 197, 64], true))
    return differentiated({ q, k, v }, () => F.scaledDotProductAttention(q, k, v), [4, 12, 197, 64])
  },
  // Two products forward; backward recomputes one and takes four more.
  parts: [
    { name: 'forward', kernels: /attention_forward/, flops: 4 * 48 * 197 * 197 * 64 },
    { name: 'backward', kernels: /attention_backward/, flops: 10 * 48 * 197 * 197 * 64 },
  ],
}

const adam: Work = {
  name: 'Adam, 11 M parameters',
  make() {
    const p = parameter([11_000_000], 'bench')
    const dy = random([11_000_000])
    p.write(new Float32Array(11_000_000))
    const optimizer = new optim.Adam([p])
    return () => {
      optimizer.zeroGrad()
      F.relu(p).backward(dy)
      optimizer.step()
      return {}
    }
  },
  parts: [{ name: 'step', kernels: /adam/, bytes: 7 * 4 * 11_000_000 }],
}

export const works: readonly Work[] = [
  matmul(1024, 1024, 1024), matmul(788, 2304, 768),
  conv(4, 224, 3, 64, 7, 2), conv(4, 56, 64, 64, 3), conv(4, 56, 64, 128, 3, 2), conv(4, 28, 128, 128, 3), conv(4, 14, 256, 256, 3),
  conv(4, 7, 512, 512, 3), conv(4, 2, 512, 512, 3), conv(4, 56, 64, 128, 1, 2),
  batchNorm(4 * 56 * 56, 64), batchNorm(788, 768), softmax, layerNorm, gelu, attention, adam,
]
