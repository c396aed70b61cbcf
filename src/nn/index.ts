// Layers and their base class: `nn` of the public entry point.
export { type Layer, ModuleDict, ModuleList, Sequential } from './containers.js'
export * as init from './init.js'
export { BatchNorm2d, Conv2d, DropPath, Dropout, GroupNorm, LayerNorm, Linear } from './layers.js'
export { Module, type StateDict } from './module.js'
export { Buffer, Parameter } from './parameter.js'
export { Attention, Mlp, TransformerBlock, type TransformerBlockOptions } from './transformer.js'
