// Every case file.
import adaptiveAvgPool2d from './adaptiveAvgPool2d.js'
import batchNorm from './batchNorm.js'
import binary from './binary.js'
import type { OpCase } from './case.js'
import conv2d from './conv2d.js'
import crossEntropy from './crossEntropy.js'
import gelu from './gelu.js'
import layerNorm from './layerNorm.js'
import linear from './linear.js'
import matmul from './matmul.js'
import maxPool2d from './maxPool2d.js'
import reduce from './reduce.js'
import scaledDotProductAttention from './scaledDotProductAttention.js'
import shape from './shape.js'
import softmax from './softmax.js'
import unary from './unary.js'

export const operators: readonly OpCase[] = [
  adaptiveAvgPool2d,
  batchNorm,
  binary,
  conv2d,
  crossEntropy,
  gelu,
  layerNorm,
  linear,
  matmul,
  maxPool2d,
  reduce,
  scaledDotProductAttention,
  shape,
  softmax,
  unary,
]
