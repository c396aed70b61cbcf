// Layers and their base class: `nn` of the public entry point.
export { BatchNorm2d, Conv2d, DropPath, Dropout, LayerNorm, Linear } from './layers.js'
export { Module, type StateDict } from './module.js'
export { Attention, Mlp, TransformerBlock, type TransformerBlockOptions } from './transformer.js'
