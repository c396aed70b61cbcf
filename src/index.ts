// radiograd: one entry point for Node and the browser.
export { RadiogradError } from './util/check.js'
export { type Engine, type InitOptions, init } from './tensor/engine.js'
export { type DType, Tensor, tensor, zeros } from './tensor/tensor.js'
export { noGrad } from './tensor/tape.js'
export * as F from './ops/index.js'
export * as optim from './optim/index.js'
export * as nn from './nn/index.js'
export * as models from './models/index.js'
