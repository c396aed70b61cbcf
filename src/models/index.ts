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
export type { Stage } from './blocks.js'
export { ConvNeXt, type ConvNeXtOptions, convnext, convnextBase, convnextSmall, convnextTiny } from './convnext.js'
export { DenseNet, type DenseNetOptions, densenet121 } from './densenet.js'
export {
  EfficientNet,
  type EfficientNetOptions,
  type EfficientNetPresetOptions,
  type EfficientNetStage,
  efficientnetB0,
  efficientnetB1,
  efficientnetB2,
  efficientnetB3,
  efficientnetB4,
  efficientnetV2S,
} from './efficientnet.js'
export { MobileNetV3, type MobileNetOptions, mobilenetV3Large, mobilenetV3Small } from './mobilenet.js'
export { ResNet, type ResNetOptions, resnet101, resnet18, resnet34, resnet50 } from './resnet.js'
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
