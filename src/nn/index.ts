// Layers and their base class: `nn` of the public entry point.
export { type Layer, ModuleDict, ModuleList, Sequential } from './containers.js'
export { type ParameterGroupOptions, parameterGroups } from './groups.js'
export * as init from './init.js'
export {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  DropPath,
  Dropout,
  Embedding,
  GroupNorm,
  InstanceNorm2d,
  LayerNorm,
  Linear,
} from './layers.js'
export {
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
} from './losses.js'
export {
  AdaptiveAvgPool2d,
  AvgPool2d,
  ConstantPad2d,
  ELU,
  Flatten,
  GELU,
  Hardsigmoid,
  Hardswish,
  Identity,
  LeakyReLU,
  LogSoftmax,
  MaxPool2d,
  ReLU,
  ReflectionPad2d,
  ReplicationPad2d,
  SiLU,
  Sigmoid,
  Softmax,
  Softplus,
  Tanh,
  Upsample,
  ZeroPad2d,
} from './stateless.js'
export { Module, type StateDict } from './module.js'
export { Buffer, Parameter } from './parameter.js'
export { Attention, Mlp, type Stream, TransformerBlock, type TransformerBlockOptions } from './transformer.js'
export { convertSyncBatchNorm } from './syncBatchNorm.js'
