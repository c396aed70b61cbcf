// The models: `models` of the public entry point.
export { ResNet, type ResNetOptions, resnet18, resnet34 } from './resnet.js'
