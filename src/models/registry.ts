// The models that a name stands for: one row each. Adding a model is a file beside this one and a row here; commands,
// pages and the library find all else in the row.
import type { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { SettingError } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { type DialectName, dialectOf } from '../weights/dialects.js'
import type { Checkpoint } from '../weights/load.js'
import type { Preprocessing } from '../weights/preprocessing.js'
import type { Stage } from './blocks.js'
import { convnextBase, convnextSmall, convnextTiny } from './convnext.js'
import { densenet121 } from './densenet.js'
import {
  efficientnetB0,
  efficientnetB1,
  efficientnetB2,
  efficientnetB3,
  efficientnetB4,
  efficientnetV2S,
} from './efficientnet.js'
import { mobilenetV3Large, mobilenetV3Small } from './mobilenet.js'
import { resnet101, resnet18, resnet34, resnet50 } from './resnet.js'
import { vitBase, vitHuge, vitLarge, vitSmall, vitTiny } from './vit.js'

/** A model from images [N, H, W, 3], normalised, to logits [N, numClasses]. */
export type Classifier = Module & {
  /** Images [N, H, W, 3] → logits [N, numClasses]. */
  forward(x: Tensor): Tensor
  /** The same part by part, in turn; see {@link Stage}. */
  stages?(): readonly Stage[]
}

/** Mean and standard deviation of each colour, on the scale 0 … 1, that images are normalised with. */
type Normalization = Pick<Preprocessing, 'mean' | 'std'>

/** What a model of the registry is made with. */
export interface ModelOptions {
  /** Outputs of the head. */
  numClasses: number
  /** Width and height of the images in pixels. */
  imageSize: number
  /**
   * Compute activations again in the backward pass, for less memory; for models that are `checkpointable`. Default
   * false.
   */
  checkpointActivations?: boolean
}

/** What is known of a model by its name. */
export interface ModelRow extends Readonly<Preprocessing> {
  /** Of models built alike, as text. */
  readonly family: string
  /** A new model, with random values. */
  readonly make: (options: ModelOptions) => Classifier
  /**
   * Libraries whose names its checkpoints may have besides the model's own, with the normalisation that weights of that
   * library were trained with.
   */
  readonly nameMaps: Readonly<Partial<Record<DialectName, Normalization>>>
  /** Whether it can compute activations again in the backward pass. */
  readonly checkpointable: boolean
  /** Layers of the classifier, by the names in `namedParameters`. */
  readonly head: readonly string[]
  /** Layers of the last stage and all behind it, head included. */
  readonly lastStage: readonly string[]
}

const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const HALF: Normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }

/** A convolutional network with torchvision's names; `last`: what of the last stage lies before the head. */
const torchvision = (
  family: string,
  make: (options: { numClasses: number }) => Classifier,
  head: string,
  last: readonly string[],
  imageSize = 224,
): ModelRow => ({
  family,
  make: ({ numClasses }) => make({ numClasses }),
  imageSize,
  ...IMAGENET,
  nameMaps: {},
  checkpointable: false,
  head: [head],
  lastStage: [...last, head],
})

const resnet = (make: typeof resnet18) => torchvision('ResNet', make, 'fc', ['layer4'])
const convnext = (make: typeof convnextTiny) => torchvision('ConvNeXt', make, 'classifier', ['features.7'])
const efficientnet = (make: typeof efficientnetB0, imageSize: number) =>
  torchvision('EfficientNet', make, 'classifier', ['features.7', 'features.8'], imageSize)
const mobilenet = (make: typeof mobilenetV3Small, blocks: number) =>
  torchvision('MobileNetV3', make, 'classifier.3', [`features.${blocks}`, `features.${blocks + 1}`, 'classifier.0'])

const vit = (make: typeof vitTiny, depth: number, patchSize = 16): ModelRow => ({
  family: 'Vision Transformer',
  make: (options) => make({ ...options, patchSize }),
  imageSize: 224,
  ...HALF,
  nameMaps: { timm: HALF, huggingface: HALF, torchvision: IMAGENET },
  checkpointable: true,
  head: ['head'],
  lastStage: [`blocks.${depth - 1}`, 'norm', 'head'],
})

const MODELS: Readonly<Record<string, ModelRow>> = {
  resnet18: resnet(resnet18),
  resnet34: resnet(resnet34),
  resnet50: resnet(resnet50),
  resnet101: resnet(resnet101),
  densenet121: torchvision('DenseNet', densenet121, 'classifier', ['features.denseblock4', 'features.norm5']),
  'efficientnet-b0': efficientnet(efficientnetB0, 224),
  'efficientnet-b1': efficientnet(efficientnetB1, 240),
  'efficientnet-b2': efficientnet(efficientnetB2, 288),
  'efficientnet-b3': efficientnet(efficientnetB3, 300),
  'efficientnet-b4': efficientnet(efficientnetB4, 380),
  'efficientnet-v2-s': torchvision('EfficientNet', efficientnetV2S, 'classifier', ['features.6', 'features.7'], 384),
  'mobilenet-v3-small': mobilenet(mobilenetV3Small, 11),
  'mobilenet-v3-large': mobilenet(mobilenetV3Large, 15),
  'convnext-tiny': convnext(convnextTiny),
  'convnext-small': convnext(convnextSmall),
  'convnext-base': convnext(convnextBase),
  'vit-ti16': vit(vitTiny, 12),
  'vit-s16': vit(vitSmall, 12),
  'vit-s32': vit(vitSmall, 12, 32),
  'vit-b16': vit(vitBase, 12),
  'vit-b32': vit(vitBase, 12, 32),
  'vit-l16': vit(vitLarge, 24),
  'vit-l32': vit(vitLarge, 24, 32),
  'vit-h14': vit(vitHuge, 32, 14),
}

/** The names that {@link createModel} knows. */
export const MODEL_NAMES: readonly string[] = Object.keys(MODELS)

/**
 * The row of a model.
 *
 * @throws SettingError for an unknown name.
 */
export function modelRow(name: string): ModelRow {
  const row = Object.hasOwn(MODELS, name) ? MODELS[name] : undefined
  if (!row) throw new SettingError('model', `must be one of ${MODEL_NAMES.join(', ')}, got ${name}`)
  return row
}

/**
 * A model by its name, with fresh weights.
 *
 * @throws RadiogradError for an unknown name, an image size the model cannot take, or `checkpointActivations` where the
 * model is not `checkpointable`.
 */
export function createModel(name: string, options: ModelOptions): Classifier {
  const { make, checkpointable } = modelRow(name)
  checkOptions('createModel', options, ['numClasses', 'imageSize', 'checkpointActivations'])
  if (options.checkpointActivations && !checkpointable) {
    const families = new Set(Object.values(MODELS).flatMap((row) => (row.checkpointable ? [row.family] : [])))
    throw new SettingError('checkpointActivations', `must be used with a ${[...families].join(' or ')}, got ${name}`)
  }
  return make(options)
}

/**
 * How images are prepared for a model's weights: as the preprocessor_config.json beside them says, else as weights of
 * the library whose names they have usually want it, else as the model's row says.
 */
export function preprocessingOf(name: string, checkpoint: Checkpoint | null): Preprocessing {
  const { imageSize, mean, std, nameMaps } = modelRow(name)
  const named = checkpoint && Object.keys(nameMaps).length > 0
  const library = named ? nameMaps[dialectOf(checkpoint.tensors.keys(), checkpoint.source)] : undefined
  return { imageSize, mean, std, ...library, ...checkpoint?.preprocessing }
}
