// Vision Transformers (Dosovitskiy et al. 2021), with timm's names inside; other libraries' names are read and written
// too.
import * as F from '../ops/index.js'
import * as init from '../nn/init.js'
import { Conv2d, Dropout, LayerNorm, Linear } from '../nn/layers.js'
import { Module, type StateDict } from '../nn/module.js'
import { type Stream, TransformerBlock, WEIGHT_STD } from '../nn/transformer.js'
import { parameter } from '../tensor/arena.js'
import { checkpoint } from '../tensor/tape.js'
import type { Tensor } from '../tensor/tensor.js'
import { SettingError, check, formatShape } from '../util/check.js'
import type { Late } from '../util/late.js'
import { checkOptions, checkWhole } from '../util/options.js'
import {
  type Dialect,
  type DialectName,
  dialectOf,
  dialects,
  fromDialect,
  namesIn,
  toDialect,
} from '../weights/dialects.js'
import type { Checkpoint } from '../weights/load.js'
import { resizePositions } from '../weights/positions.js'
import type { LoadReport } from '../weights/statedict.js'
import { inTurn, type Stage } from './blocks.js'

/** Options of {@link VisionTransformer}. */
export interface VitOptions {
  /** Width and height of the images in pixels: a multiple of patchSize. Default 224. */
  imageSize?: number
  /** Default 16. */
  patchSize?: number
  /** Width of a token. */
  dim: number
  /** Number of blocks. */
  depth: number
  /** Heads of attention in each block. */
  heads: number
  /** Width inside a block's MLP. Default 4 · dim. */
  mlpDim?: number
  /** Outputs of the head. Default 1000. */
  numClasses?: number
  /**
   * What the head reads: the class token, or the mean of all patches (then there is no class token). Default 'token'.
   */
  pool?: 'token' | 'mean'
  /** Of layerNorm. Default: 1e-6, and that of a loaded checkpoint's library (Hugging Face: 1e-12). */
  eps?: number
  /** Of embeddings, projections and MLPs. Default 0. */
  dropout?: number
  /** Of attention's probabilities. Default 0. */
  attentionDropout?: number
  /** Stochastic depth of the last block; those before rise to it from 0 in even steps. Default 0. */
  dropPath?: number
  /**
   * Keeps only what flows between blocks; the backward pass computes each block again. The same gradients for less
   * memory and more time. Default false.
   */
  checkpointActivations?: boolean
}

const VIT_OPTIONS: readonly (keyof VitOptions)[] = [
  'imageSize',
  'patchSize',
  'dim',
  'depth',
  'heads',
  'mlpDim',
  'numClasses',
  'pool',
  'eps',
  'dropout',
  'attentionDropout',
  'dropPath',
  'checkpointActivations',
]

/** The patches as a convolution whose stride is its size. */
class PatchEmbed extends Module {
  proj: Conv2d

  constructor(patchSize: number, dim: number) {
    super()
    this.proj = new Conv2d(3, dim, patchSize, {
      stride: patchSize,
      weightInit: (weight) => init.normal(weight, 0, 1 / Math.sqrt(3 * patchSize ** 2)),
    })
  }

  /** [N, H, W, 3] → [N, patches, dim]. */
  forward(x: Tensor): Tensor {
    const y = this.proj.forward(x)
    const [n, h, w, dim] = y.shape
    return F.reshape(y, [n, h * w, dim])
  }
}

/**
 * Images [N, imageSize, imageSize, 3], normalised → logits [N, numClasses].
 * @throws for an unknown option, sizes that are not positive whole numbers, a patchSize that does not divide imageSize,
 * heads that do not divide dim.
 */
export class VisionTransformer extends Module {
  clsToken: Tensor | null
  posEmbed: Tensor
  patchEmbed: PatchEmbed
  posDrop: Dropout
  blocks: TransformerBlock[]
  norm: LayerNorm | null
  fcNorm: LayerNorm | null
  head: Linear
  readonly imageSize: number
  /** Patches along one side. */
  readonly grid: number
  /** Whose names the state dict has: those of the checkpoint that was loaded. */
  dialect: DialectName = 'timm'
  /** As the option; may be changed between steps that are not captured. */
  checkpointActivations: boolean
  private readonly ownEps: boolean

  constructor(options: VitOptions) {
    super()
    checkOptions('vit', options, VIT_OPTIONS)
    const {
      imageSize = 224,
      patchSize = 16,
      dim,
      depth,
      heads,
      mlpDim = 4 * dim,
      numClasses = 1000,
      pool = 'token',
      eps = 1e-6,
      dropout = 0,
      attentionDropout = 0,
      dropPath = 0,
      checkpointActivations = false,
    } = options
    checkWhole('vit', { imageSize, patchSize, dim, depth, heads, mlpDim, numClasses }, 1)
    if (imageSize % patchSize)
      throw new SettingError(
        'imageSize',
        `must be a multiple of the vit's patchSize, got ${imageSize} and ${patchSize}`,
      )
    check(dim % heads === 0, `vit: heads must divide dim, got ${heads} and ${dim}`)
    check(pool === 'token' || pool === 'mean', `vit: pool must be token or mean, got ${pool}`)
    this.imageSize = imageSize
    this.checkpointActivations = checkpointActivations
    this.grid = imageSize / patchSize
    this.ownEps = options.eps !== undefined
    const tokens = this.grid ** 2 + (pool === 'token' ? 1 : 0)
    this.clsToken = pool === 'token' ? init.normal(parameter([1, 1, dim], 'class token'), 0, 1e-6) : null
    this.posEmbed = init.normal(parameter([1, tokens, dim], 'position embedding'), 0, WEIGHT_STD)
    this.patchEmbed = new PatchEmbed(patchSize, dim)
    this.posDrop = new Dropout(dropout)
    this.blocks = Array.from(
      { length: depth },
      (_, i) =>
        new TransformerBlock({
          dim,
          heads,
          mlpDim,
          eps,
          dropout,
          attentionDropout,
          dropPath: depth > 1 ? (dropPath * i) / (depth - 1) : dropPath,
        }),
    )
    this.norm = pool === 'token' ? new LayerNorm(dim, eps) : null
    this.fcNorm = pool === 'mean' ? new LayerNorm(dim, eps) : null
    this.head = new Linear(dim, numClasses, { std: WEIGHT_STD })
  }

  /**
   * Images [N, imageSize, imageSize, 3], normalised → logits [N, numClasses].
   * @throws unless images have the shape that the model takes.
   */
  forward(images: Tensor): Tensor {
    const { imageSize } = this
    check(
      images.shape.length === 4 &&
        images.shape[1] === imageSize &&
        images.shape[2] === imageSize &&
        images.shape[3] === 3,
      () => `vit: needs images [N, ${imageSize}, ${imageSize}, 3], got ${formatShape(images.shape)}`,
    )
    return inTurn(this.stages(), images)
  }

  /** What `forward` does, part by part: between two blocks flow the sum and the branch that is to be added to it. */
  stages(): Stage[] {
    const block =
      (layer: TransformerBlock): Stage =>
      ([x, branch = null]) => {
        const next = this.checkpointActivations ? checkpointed(layer, { x, branch }) : layer.forward({ x, branch })
        return [next.x, next.branch!]
      }
    return [
      ([x]) => [this.posDrop.forward(F.embedTokens(this.patchEmbed.forward(x), this.clsToken, this.posEmbed))],
      ...this.blocks.map(block),
      ([x, branch]) => [this.pooled({ x, branch })],
      ([x]) => [this.head.forward(x)],
    ]
  }

  /** The normalised class token, or the normalised mean of all tokens, [N, dim]. */
  private pooled({ x, branch }: Stream): Tensor {
    const [n, , dim] = x.shape
    if (this.fcNorm) return this.fcNorm.forward(F.mean(F.add(x, branch!), { dim: 1 }))
    const token = (t: Tensor) => F.reshape(F.slice(t, { dim: 1, end: 1 }), [n, dim])
    // layerNorm is row by row: the other tokens' would go unread.
    return this.norm!.forwardAdd(token(branch!), token(x)).y
  }

  protected override headPrefixes(): readonly string[] {
    return ['head.']
  }

  /** As in Module, under the names of the library whose checkpoint was loaded (timm's otherwise). */
  override lateStateDict(): Late<StateDict> {
    return toDialect(this.dialect, super.lateStateDict())
  }

  /**
   * As `Module.loadStateDict`, from a checkpoint with the names of timm, Hugging Face's ViTForImageClassification or
   * torchvision. Position embeddings of another image size are resized (bicubic, as timm does). The model goes on under
   * the checkpoint's names.
   */
  override loadStateDict(source: Checkpoint | StateDict, options: { strict?: boolean } = {}): LoadReport {
    const given = source instanceof Map ? { tensors: source, metadata: {}, source: 'state dict' } : source
    const name = dialectOf(given.tensors.keys(), given.source)
    const tensors = fromDialect(name, given.tensors, given.source)
    const position = tensors.get('pos_embed')
    if (position) tensors.set('pos_embed', resizePositions(position, this.grid, this.clsToken ? 1 : 0, given.source))
    const report = super.loadStateDict({ ...given, tensors }, options)
    this.adopt(name, dialects[name])
    const spoken = (own: string) => namesIn(name, own)
    return {
      ...report,
      missing: report.missing.flatMap(spoken),
      reinitialised: report.reinitialised.map((r) => ({ ...r, name: spoken(r.name)[0] })),
    }
  }

  private adopt(name: DialectName, { eps }: Dialect): void {
    this.dialect = name
    if (this.ownEps) return
    for (const module of this.modules()) if (module instanceof LayerNorm) module.eps = eps
  }
}

/** A block whose activations are computed again in the backward pass, unless nothing in it or before it learns. */
function checkpointed(block: TransformerBlock, stream: Stream): Stream {
  if (!stream.x.requiresGrad && !block.parameters().some((p) => p.requiresGrad)) return block.forward(stream)
  const inputs = stream.branch ? [stream.x, stream.branch] : [stream.x]
  const [x, branch] = checkpoint((sum: Tensor, rest?: Tensor) => {
    const next = block.forward({ x: sum, branch: rest ?? null })
    return [next.x, next.branch!]
  }, inputs)
  return { x, branch }
}

/** A Vision Transformer of any size. */
export const vit = (options: VitOptions): VisionTransformer => new VisionTransformer(options)

/** What remains to be chosen of a model with a name. */
export type VitPresetOptions = Omit<VitOptions, 'dim' | 'depth' | 'heads' | 'mlpDim' | 'patchSize'> & {
  patchSize?: number
}

const preset =
  (dim: number, depth: number, heads: number, patchSize = 16) =>
  (options: VitPresetOptions = {}): VisionTransformer =>
    new VisionTransformer({ dim, depth, heads, patchSize, ...options })

/** ViT-Ti: 5.7 M parameters. */
export const vitTiny = preset(192, 12, 3)
/** ViT-S: 22 M. */
export const vitSmall = preset(384, 12, 6)
/** ViT-B: 86 M. */
export const vitBase = preset(768, 12, 12)
/** ViT-L: 304 M. */
export const vitLarge = preset(1024, 24, 16)
/** ViT-H: 632 M, patches of 14. */
export const vitHuge = preset(1280, 32, 16, 14)
