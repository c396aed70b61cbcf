// Where a Vision Transformer's attention goes: rollout (Abnar & Zuidema 2020) and its version weighted by gradients
// (Chefer et al. 2021). The flash kernel keeps no probabilities: they are computed here from the queries and keys that
// the forward pass has made, once.
import type { VisionTransformer } from '../models/vit.js'
import * as F from '../ops/index.js'
import { noGrad } from '../tensor/mode.js'
import { type Tensor, tensor } from '../tensor/tensor.js'
import { type Explained, backFrom, gridOf, inspected, watch } from './inspect.js'
import { checkOptions } from '../util/options.js'

/** Options of the maps of attention. */
export interface AttentionMapOptions {
  /** The class to explain, for all images or one for each. Default: the most probable. */
  class?: number | readonly number[]
}

/** One block's queries, keys and values, each [N, H, T, D], and later the gradient of what attention gave. */
interface Heads {
  q: Tensor
  k: Tensor
  v: Tensor
  dOutput: Tensor | null
}

/** [N, T, H·D] → [N, H, T, D]. */
function byHead(x: Tensor, heads: number): Tensor {
  const [n, tokens, width] = x.shape
  return F.permute(F.reshape(x, [n, tokens, heads, width / heads]), [0, 2, 1, 3])
}

/** A forward pass that keeps each block's queries, keys and values, and waits for its output's gradients if told to. */
function attended(model: VisionTransformer, x: Tensor, gradients: boolean): { logits: Tensor; blocks: Heads[] } {
  const blocks: Heads[] = []
  const wrap = () =>
    model.blocks.flatMap(({ attn }, i) => {
      const keep = attn.qkv.wrapForward((input: Tensor, forward: (input: Tensor) => Tensor) => {
        const qkv = forward(input)
        const [q, k, v] = noGrad(() => {
          const width = qkv.shape[2] / 3
          return [0, 1, 2].map((part) =>
            byHead(F.slice(qkv.detach(), { dim: 2, start: part * width, end: (part + 1) * width }), attn.heads),
          )
        })
        blocks[i] = { q, k, v, dOutput: null }
        return qkv
      })
      const listen = attn.proj.wrapForward((input: Tensor, forward: (input: Tensor) => Tensor) =>
        forward(gradients ? watch(input, (d) => (blocks[i].dOutput = byHead(d, attn.heads))) : input),
      )
      return [keep, listen]
    })
  return { logits: inspected(model, wrap, () => model.forward(x)), blocks }
}

/** softmax(q·kᵀ/√D): [N, H, T, T]. */
function probabilitiesOf({ q, k }: Heads): Tensor {
  return F.softmax(F.mul(F.matmul(q, F.transpose(k, 2, 3)), 1 / Math.sqrt(q.shape[3])), { dim: -1 })
}

/**
 * What reaches the head from each patch: the row of the product of all blocks' matrices that the head reads, from the
 * last block to the first, as a map.
 */
function rolled(model: VisionTransformer, n: number, matrices: readonly Tensor[], own: number, other: number): Tensor {
  const tokens = matrices[0].shape[1]
  const first = model.clsToken ? 1 : 0
  // The head reads the class token, or the mean of all.
  const row = Float32Array.from({ length: n * tokens }, (_, i) => (first ? Number(i % tokens === 0) : 1 / tokens))
  let reach = tensor(row, [n, 1, tokens])
  for (const matrix of [...matrices].reverse()) reach = F.add(F.mul(reach, own), F.mul(F.matmul(reach, matrix), other))
  const side = gridOf('attention', tokens - first)
  return F.reshape(F.slice(reach, { dim: 2, start: first }), [n, side, side])
}

/**
 * Attention rollout: the product of all blocks' attention, meant over heads, each mixed half and half with the identity
 * for the residual connection. The same for every class. In evaluation mode; for `engine.step` or `engine.capture`.
 * @param x images [N, imageSize, imageSize, 3], normalised.
 * @returns maps [N, grid, grid]: the share of each patch.
 */
export function attentionRollout(model: VisionTransformer, x: Tensor): Explained {
  const { logits, blocks } = attended(model, x, false)
  const maps = noGrad(() => {
    const matrices = blocks.map((block) => F.mean(probabilitiesOf(block), { dim: 1 }))
    return rolled(model, x.shape[0], matrices, 0.5, 0.5)
  })
  return { maps, logits }
}

/**
 * Gradient-weighted attention: each block's attention times its gradient for the class, negative products left out,
 * meant over heads, added to the identity, and multiplied over the blocks (Chefer et al. 2021, for self-attention). One
 * forward and one backward pass, in evaluation mode; for `engine.step` or `engine.capture`.
 * @param x images [N, imageSize, imageSize, 3], normalised.
 * @returns maps [N, grid, grid]: the relevance of each patch, 0 or more.
 * @throws for an unknown option.
 */
export function attentionGradient(model: VisionTransformer, x: Tensor, options: AttentionMapOptions = {}): Explained {
  checkOptions('attentionGradient', options, ['class'])
  const { logits, blocks } = attended(model, x, true)
  backFrom('attentionGradient', logits, options.class)
  const maps = noGrad(() => {
    const matrices = blocks.map((block) => {
      const gradient = F.matmul(block.dOutput!, F.transpose(block.v, 2, 3))
      return F.mean(F.relu(F.mul(probabilitiesOf(block), gradient)), { dim: 1 })
    })
    return rolled(model, x.shape[0], matrices, 1, 1)
  })
  return { maps, logits }
}
