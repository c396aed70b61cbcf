// The models: `models` of the public entry point.
export {
  type Classifier,
  MODEL_NAMES,
  type ModelOptions,
  type ModelRow,
  createModel,
  modelRow,
  preprocessingOf,
} from './registry.js'
export { ConvNeXt, type ConvNeXtOptions, convnext, convnextTiny } from './convnext.js'
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
