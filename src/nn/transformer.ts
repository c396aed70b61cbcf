// A pre-norm transformer block, with timm's names. The residual addition that ends one half rides in the layerNorm that
// begins the next.
import * as F from '../ops/index.js'
import { type Tensor, checkTensors } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkNumbers, checkOptions, checkWhole } from '../util/options.js'
import { DropPath, Dropout, LayerNorm, Linear } from './layers.js'
import { Module } from './module.js'

/** Standard deviation of a transformer's fresh weights (timm, BERT). */
export const WEIGHT_STD = 0.02

/**
 * Multi-head self-attention: tokens [B, T, dim] → [B, T, dim].
 * @throws unless `heads` divides `dim` into multiples of 4 up to 128.
 */
export class Attention extends Module {
  qkv: Linear
  proj: Linear
  projDrop: Dropout

  constructor(
    dim: number,
    /** Heads; each has dim / heads numbers of a token. */
    readonly heads: number,
    dropout = 0,
    /** Share of the probabilities that are zeroed while training. */
    readonly attentionDropout = 0,
  ) {
    super()
    checkWhole('Attention', { dim, heads }, 1)
    check(dim % heads === 0, `Attention: heads must divide dim, got ${heads} heads and dim ${dim}`)
    const depth = dim / heads
    check(
      depth % 4 === 0 && depth <= 128,
      `Attention: dim / heads must be a multiple of 4 up to 128, got ${dim} / ${heads} = ${depth}`,
    )
    this.qkv = new Linear(dim, 3 * dim, { std: WEIGHT_STD })
    this.proj = new Linear(dim, dim, { std: WEIGHT_STD })
    this.projDrop = new Dropout(dropout)
  }

  /** Tokens [B, T, dim] → [B, T, dim]. */
  forward(x: Tensor): Tensor {
    const y = F.selfAttention(this.qkv.forward(x), {
      heads: this.heads,
      dropout: this.training ? this.attentionDropout : 0,
    })
    return this.projDrop.forward(this.proj.forward(y))
  }
}

/**
 * fc2(gelu(fc1(x))).
 * @throws unless the sizes are positive.
 */
export class Mlp extends Module {
  fc1: Linear
  fc2: Linear
  drop: Dropout

  constructor(dim: number, hidden: number, dropout = 0) {
    super()
    checkWhole('Mlp', { dim, hidden }, 1)
    this.fc1 = new Linear(dim, hidden, { std: WEIGHT_STD })
    this.fc2 = new Linear(hidden, dim, { std: WEIGHT_STD })
    this.drop = new Dropout(dropout)
  }

  /** [..., dim] → [..., dim]. */
  forward(x: Tensor): Tensor {
    const y = this.drop.forward(this.fc1.forwardGelu(x))
    return this.drop.forward(this.fc2.forward(y))
  }
}

/** What a {@link TransformerBlock} is made of; all are wanted. */
export interface TransformerBlockOptions {
  /** Width of a token. */
  dim: number
  /** Heads of attention. */
  heads: number
  /** Width inside the MLP. */
  mlpDim: number
  /** Of layerNorm. */
  eps: number
  /** After embeddings and projections, from 0 to 1. */
  dropout: number
  /** Of attention's probabilities. */
  attentionDropout: number
  /** Probability that a branch is left out for a sample while training. */
  dropPath: number
}

const BLOCK_OPTIONS = ['dim', 'heads', 'mlpDim', 'eps', 'dropout', 'attentionDropout', 'dropPath'] as const

/**
 * What flows between blocks: the sum so far, and the branch that is still to be added to it (null before the first
 * block).
 */
export interface Stream {
  x: Tensor
  branch: Tensor | null
}

/**
 * x + attn(norm1(x)), then + mlp(norm2(·)).
 * @throws unless all settings are numbers, and as {@link Attention}.
 */
export class TransformerBlock extends Module {
  norm1: LayerNorm
  attn: Attention
  norm2: LayerNorm
  mlp: Mlp
  dropPath: DropPath

  constructor(options: TransformerBlockOptions) {
    super()
    checkOptions('TransformerBlock', options, BLOCK_OPTIONS)
    for (const name of BLOCK_OPTIONS) checkNumbers('TransformerBlock', { [name]: options[name] })
    const { dim, heads, mlpDim, eps, dropout, attentionDropout, dropPath } = options
    this.norm1 = new LayerNorm(dim, eps)
    this.attn = new Attention(dim, heads, dropout, attentionDropout)
    this.norm2 = new LayerNorm(dim, eps)
    this.mlp = new Mlp(dim, mlpDim, dropout)
    this.dropPath = new DropPath(dropPath)
  }

  /**
   * [B, T, dim] in, the same out; see {@link Stream}.
   * @throws unless both are tensors of that shape.
   */
  forward(stream: Stream): Stream {
    const { x, branch } = stream ?? {}
    checkTensors('TransformerBlock', { x }, { branch })
    const first = branch ? this.norm1.forwardAdd(branch, x) : { sum: x, y: this.norm1.forward(x) }
    const attended = this.dropPath.forward(this.attn.forward(first.y))
    const second = this.norm2.forwardAdd(attended, first.sum)
    return { x: second.sum, branch: this.dropPath.forward(this.mlp.forward(second.y)) }
  }
}
