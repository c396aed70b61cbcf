// The operators, under PyTorch's names: `F` of the public entry point.
export { abs, exp, log, neg, relu, sigmoid, sqrt, tanh } from './unary.js'
export { add, affine, div, mul, sub } from './binary.js'
export { mean, sum } from './reduce.js'
export { cat, permute, reshape, slice, transpose } from './layout.js'
export { batchNorm, batchNormAddRelu, batchNormRelu, type BatchNormOptions } from './batchnorm.js'
