// Attention in one pass over the keys (flash attention): no T × S scores are ever stored, the backward pass computes
// them again.
import { gpu } from '../gpu/gpu.js'
import { cpu, matrix } from '../shaders.late.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors, empty, upload } from '../tensor/tensor.js'
import { type Shape, check, formatShape, numel, sameShape } from '../util/check.js'
import { add, mul } from './binary.js'
import { cast, operand } from './cast.js'
import { type Draw, draw, dropout, kept } from './dropout.js'
import { transpose } from './layout.js'
import { matmul } from './matmul.js'
import { ceilDiv, matricesFor, prefersMatrices, subgroupSizeForCpuKernels } from './occupancy.js'
import { softmax } from './softmax.js'
import { checkWhole, withDefaults } from '../util/options.js'

/** Options of {@link selfAttention} and {@link scaledDotProductAttention}. */
export interface AttentionOptions {
  /** Token j is seen only by queries from j on. Default false. */
  isCausal?: boolean
  /** Factor of the scores. Default 1/√D. */
  scale?: number
  /** Share of the probabilities that are zeroed at random; the others are scaled by 1/(1-dropout). Default 0. */
  dropout?: number
}

/** Where rows lie, in floats (shaders/lib/attention.wgsl). */
interface Layout {
  /** Heads of all batches, and of one. */
  all: number
  heads: number
  T: number
  S: number
  depth: number
  scale: number
  causal: boolean
  packed: boolean
  random: Draw | null
  q: Strides
  k: Strides
  o: Strides
}

type Strides = readonly [batch: number, head: number, token: number]

/** Parameters (in vec4) and the family of kernels for what `x` holds. */
function prepare(x: Tensor, { all, heads, T, S, depth, scale, causal, packed, random, q, k, o }: Layout) {
  const [q_batch, q_head, q_token] = q.map((s) => s / 4)
  const [k_batch, k_head, k_token] = k.map((s) => s / 4)
  const [o_batch, o_head, o_token] = o.map((s) => s / 4)
  const offset = packed ? (heads * depth) / 4 : 0
  const fixed = {
    heads,
    T,
    S,
    depth: depth / 4,
    scale,
    causal,
    k_offset: offset,
    v_offset: 2 * offset,
    q_batch,
    q_head,
    q_token,
    k_batch,
    k_head,
    k_token,
    o_batch,
    o_head,
    o_token,
    p: 0,
    rescale: 1,
    seed: 0,
    stream: 0,
    step: 0,
  }
  const dropped = random && { p: random.p, rescale: kept(random.p).scale }
  const params = dropped ? () => ({ ...fixed, ...dropped, ...random.key() }) : fixed
  const size = (rows: number) => ({ elements: [rows, all] }) as const
  const SG = subgroupSizeForCpuKernels()
  const D = depth <= 32 ? 32 : depth <= 64 ? 64 : 128
  const family = SG
    ? {
        forward: cpu.attention_forward_cpu,
        byQueries: cpu.attention_backward_q_cpu,
        byKeys: cpu.attention_backward_kv_cpu,
        constants: { SG, D } as const,
      }
    : prefersMatrices(x) && depth <= 64
      ? {
          forward: matrix.attention_forward_matrix,
          byQueries: matrix.attention_backward_q_matrix,
          byKeys: matrix.attention_backward_kv_matrix,
          constants: matricesFor(x)!,
        }
      : {
          forward: shaders.attention_forward_tile,
          byQueries: shaders.attention_backward_q_tile,
          byKeys: shaders.attention_backward_kv_tile,
          constants: {
            CHUNKS: ceilDiv(depth, shaders.attention_forward_tile.constant('CHUNK')),
            ROWS: gpu.caps.hasRegisters || gpu.caps.isSoftware ? 4 : 2,
          } as const,
        }
  return { ...family, params, size, constants: { ...family.constants, DROPOUT: random !== null } }
}

/** Packed, q holds keys and values too, and k and v are null. */
function forward(q: Tensor, k: Tensor | null, v: Tensor | null, o: Tensor, stats: Tensor, layout: Layout): void {
  const { forward, params, size, constants } = prepare(q, layout)
  gpu.multiplyAdds += 2 * layout.all * layout.T * layout.S * layout.depth
  gpu.run(forward, { q, k, v, o, stats }, params, size(layout.T), constants)
}

/** Fills dq, dk and dv; packed, they are one tensor, and k, v and dv are null. */
function backward(
  { q, k, v, o, stats }: Record<'q' | 'o' | 'stats', Tensor> & Record<'k' | 'v', Tensor | null>,
  dout: Tensor,
  dq: Tensor,
  dk: Tensor,
  dv: Tensor | null,
  layout: Layout,
): void {
  const { byQueries, byKeys, params, size, constants } = prepare(q, layout)
  const delta = empty(stats.shape.slice(0, 2), 'f32', 'attention delta')
  gpu.run(byQueries, { q, k, v, o, dout, stats, delta, dq }, params, size(layout.T), constants)
  gpu.run(byKeys, { q, k, v, dout, stats, delta, dk, dv }, params, size(layout.S), constants)
}

const attentionOp = /* @__PURE__ */ defineOp({
  name: 'scaledDotProductAttention',
  dtypes: { q: FLOATS, k: FLOATS, v: FLOATS },
  auxiliary: ['stats'],
  saves: ['q', 'k', 'v', 'o', 'stats'],
  shape: ({ q }: { q: Tensor; k: Tensor; v: Tensor }, { all, T }: Layout) => ({ o: q.shape, stats: [all, T, 2] }),
  forward({ q, k, v }, { o, stats }, layout) {
    forward(q, k, v, o, stats, layout)
  },
  backward(saved, { o: dout }, { q: dq, k: dk, v: dv }, layout) {
    const { q, k, v } = saved
    const room = (x: Tensor) => empty(x.shape, x.dtype, 'attention gradient')
    backward(saved, dout, dq ?? room(q), dk ?? room(k), dv ?? room(v), layout)
  },
})

const selfAttentionOp = /* @__PURE__ */ defineOp({
  name: 'selfAttention',
  dtypes: { qkv: FLOATS },
  auxiliary: ['stats'],
  saves: ['qkv', 'o', 'stats'],
  shape: ({ qkv }: { qkv: Tensor }, { all, T }: Layout) => ({
    o: [...qkv.shape.slice(0, 2), qkv.shape[2] / 3],
    stats: [all, T, 2],
  }),
  forward({ qkv }, { o, stats }, layout) {
    forward(qkv, null, null, o, stats, layout)
  },
  backward({ qkv, o, stats }, { o: dout }, { qkv: dqkv }, layout) {
    if (dqkv) backward({ q: qkv, k: null, v: null, o, stats }, dout, dqkv, dqkv, null, layout)
  },
})

/**
 * softmax(scale · q·kᵀ)·v for q [..., T, D], k and v [..., S, D] → [..., T, D]; the axes in front (batch, head) are the
 * same in all. `torch.nn.functional.scaled_dot_product_attention` (Vaswani et al. 2017; Dao et al. 2022).
 * @throws when shapes do not fit, or an option is unknown.
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const name = 'scaledDotProductAttention'
  checkTensors(name, { q, k, v })
  const lead = q.shape.slice(0, -2)
  const [T, D] = q.shape.slice(-2)
  const S = k.shape[k.shape.length - 2]
  check(
    q.shape.length >= 2 && sameShape(k.shape, [...lead, S, D]) && sameShape(v.shape, k.shape),
    () =>
      `${name}: needs q [..., T, D], k and v [..., S, D], ` +
      `got ${[q, k, v].map((x) => formatShape(x.shape)).join(', ')}`,
  )
  const { isCausal, scale, dropout } = withDefaults(name, options, defaults(D))
  if (D % 4 !== 0 || D > 128) return composedAttention(q, k, v, { isCausal, scale, dropout })
  const all = numel(lead)
  return attentionOp(
    { q: operand(q), k: operand(k), v: operand(v) },
    {
      ...checked(name, all),
      heads: all,
      T,
      S,
      depth: D,
      scale,
      causal: isCausal,
      packed: false,
      random: drawn(name, dropout),
      q: [0, T * D, D],
      k: [0, S * D, D],
      o: [0, T * D, D],
    },
  ).o
}

/**
 * Attention of tokens among themselves: qkv [B, T, 3·H·D] as one projection writes it (queries, keys, values, each head
 * by head) → [B, T, H·D]. What permute, scaledDotProductAttention and permute give, without moving anything. D: a
 * multiple of 4 up to 128.
 * @throws when the width is not 3·H·D of such a D.
 */
export function selfAttention(qkv: Tensor, options: AttentionOptions & { heads: number }): Tensor {
  const name = 'selfAttention'
  checkTensors(name, { qkv })
  const heads = options?.heads
  checkWhole(name, { heads }, 1)
  check(
    qkv.shape.length === 3 && qkv.shape[2] % (12 * heads) === 0 && qkv.shape[2] <= 384 * heads,
    () =>
      `${name}: needs qkv [B, T, 3·H·D] with H = ${heads} and D a multiple of 4 up to 128, ` +
      `got ${formatShape(qkv.shape)}`,
  )
  const [B, T, width] = qkv.shape
  const depth = width / (3 * heads)
  const { isCausal, scale, dropout } = withDefaults(name, options, { heads, ...defaults(depth) })
  const rows = [T * width, depth, width] as const
  return selfAttentionOp(
    { qkv: operand(qkv) },
    {
      ...checked(name, B * heads),
      heads,
      T,
      S: T,
      depth,
      scale,
      causal: isCausal,
      packed: true,
      random: drawn(name, dropout),
      q: rows,
      k: rows,
      o: [(T * width) / 3, depth, width / 3],
    },
  ).o
}

/**
 * Random numbers for a call that drops; every call takes a stream, so that turning dropout on changes no other's
 * numbers.
 */
function drawn(name: string, p: number): Draw | null {
  const random = draw(name, p)
  return p > 0 ? random : null
}

const defaults = (depth: number) => ({ isCausal: false, scale: 1 / Math.sqrt(depth), dropout: 0 })

function checked(name: string, all: number): { all: number } {
  check(all <= 65535, () => `${name}: at most 65535 heads of all batches together, got ${all}; lower the batch size`)
  return { all }
}

/**
 * The same out of plain operators, with all scores in memory: for rows that the kernels do not take, and their twin in
 * the tests.
 */
export function composedAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { isCausal, scale, dropout: p = 0 }: { isCausal: boolean; scale: number; dropout?: number },
): Tensor {
  const rank = q.shape.length
  const scores = cast(matmul(mul(q, scale), transpose(k, rank - 2, rank - 1)), 'f32')
  const probabilities = softmax(isCausal ? add(scores, causalMask(scores.shape)) : scores, { dim: -1 })
  return matmul(cast(dropout(probabilities, p), v.element), v)
}

/** [T, S]: 0 where key j <= query i, else a number that leaves nothing of any score. */
function causalMask(scores: Shape): Tensor {
  const [T, S] = scores.slice(-2)
  return upload(
    Float32Array.from({ length: T * S }, (_, at) => (at % S > Math.floor(at / S) ? -1e38 : 0)),
    [T, S],
  )
}
