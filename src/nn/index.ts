// Layers and their base class: `nn` of the public entry point.
export { BatchNorm2d, Conv2d, Dropout, Linear } from './layers.js'
export { Module, type StateDict } from './module.js'
