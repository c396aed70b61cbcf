// The models: `models` of the public entry point.
export { ResNet, type ResNetOptions, resnet18, resnet34 } from './resnet.js'
export {
  VisionTransformer,
  type VitOptions,
  type VitPresetOptions,
  vit,
  vitBase,
  vitHuge,
  vitLarge,
  vitSmall,
  vitTiny,
} from './vit.js'
