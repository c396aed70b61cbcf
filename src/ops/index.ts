// The operators, under PyTorch's names: `F` of the public entry point.
export {
  abs,
  ceil,
  cos,
  elu,
  exp,
  expm1,
  floor,
  gelu,
  type GeluOptions,
  hardsigmoid,
  hardswish,
  leakyRelu,
  log,
  log1p,
  neg,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  type SoftplusOptions,
  sqrt,
  square,
  tanh,
} from './unary.js'
export type { Activation } from '../tensor/tape.js'
export { add, affine, div, maximum, minimum, mul, type Operand, pow, sub } from './binary.js'
export { clamp, type ClampOptions } from './clamp.js'
export { eq, ge, gt, le, lt, ne } from './compare.js'
export { maskedFill, tril, triu, where } from './where.js'
export { expand, mean, type ReduceOptions, sum } from './reduce.js'
export { amax, amin, argmax, argmin, max, min, topk, type TopkOptions, type ValuesAndIndices } from './topk.js'
export { logSumExp, norm, type NormOptions, std, var_ as var, type VarOptions } from './deviation.js'
export { allReduce, type HostExchange } from './allreduce.js'
export { cumsum } from './cumsum.js'
export { cast } from './cast.js'
export { cat, chunk, flatten, permute, reshape, slice, split, squeeze, stack, transpose, unsqueeze } from './layout.js'
export { flip, pad, type PadMode, type PadOptions, repeat, roll } from './rearrange.js'
export { embedding, type EmbeddingOptions, gather, indexSelect, oneHot, scatterAdd } from './indexing.js'
export { batchNorm, batchNormAddRelu, batchNormRelu, type BatchNormOptions } from './batchnorm.js'
export { adaptiveAvgPool2d, avgPool2d, type AvgPoolOptions, maxPool2d, type PoolOptions } from './pool.js'
export { interpolate, type InterpolateMode, type InterpolateOptions } from './interpolate.js'
export { logSoftmax, softmax } from './softmax.js'
export { squeezeExcite, type SqueezeExciteOptions } from './squeezeexcite.js'
export { loadAugmentShaders } from '../shaders.late.js'
export { imageEffects, type Tone, toneImages } from './augment.js'
export { crossEntropy, type CrossEntropyOptions } from './crossentropy.js'
export {
  bceWithLogits,
  type BceOptions,
  type FocalOptions,
  type HuberOptions,
  huberLoss,
  klDiv,
  type KlDivOptions,
  l1Loss,
  type LossOptions,
  mseLoss,
  nllLoss,
  type NllOptions,
  sigmoidFocalLoss,
  type SmoothL1Options,
  smoothL1Loss,
} from './losses.js'
export type { Reduction } from './reduction.js'
export { dropPath, dropout } from './dropout.js'
export { embedTokens } from './embedtokens.js'
export { normalizeImages, type ImageOptions } from './images.js'
export { type AttentionOptions, scaledDotProductAttention, selfAttention } from './attention.js'
export { addLayerNorm, layerNorm, type LayerNormOptions } from './layernorm.js'
export { groupNorm, type GroupNormOptions, instanceNorm } from './groupnorm.js'
export { linear, type LinearOptions } from './linear.js'
export { matmul } from './matmul.js'
export { conv2d, type Conv2dOptions } from './conv2d.js'
export { convTranspose2d, type ConvTranspose2dOptions } from './convtranspose2d.js'
export { type Conv2dBatchNormOptions, type RunningNorm, conv2dBatchNorm } from './convbatchnorm.js'
