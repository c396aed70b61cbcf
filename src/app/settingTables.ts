// The settings of what this application does, one table each: name, kind, range, default and help in one place, and
// what run.json holds follows from them. Plain data: a table can be sent as JSON.
import { MAX_PIXELS } from '../data/image.js'
import { MODEL_NAMES } from '../models/registry.js'
import type { SettingTable, SettingsOf } from './settings.js'

/** Of everything that computes. */
export const ADAPTER_SETTINGS = {
  adapter: {
    kind: 'choice',
    choices: ['auto', 'gpu', 'lavapipe', 'swiftshader'],
    default: 'auto',
    value: 'kind',
    free: true,
    help: 'which adapter to compute on',
  },
} as const satisfies SettingTable

/** Of everything that runs a model on images. */
export const MACHINE_SETTINGS = {
  workers: {
    kind: 'whole',
    least: 0,
    most: 64,
    value: 'n',
    free: true,
    help: 'threads that decode images, 0 for none (default: one per core)',
  },
  maxPixels: {
    kind: 'whole',
    least: 1,
    default: MAX_PIXELS,
    value: 'n',
    help: 'refuse images of more pixels; decoding takes about 14 bytes for each',
  },
  tune: {
    kind: 'switch',
    default: true,
    help: 'do not measure which kernels are fastest on this GPU, nor use what was measured before',
  },
  ...ADAPTER_SETTINGS,
} as const satisfies SettingTable

/** Of everything that reads the images of a data set. */
const DATASET_SETTINGS = {
  skipUnreadable: {
    kind: 'switch',
    default: false,
    help: 'leave out images that cannot be read, instead of refusing the data set',
  },
} as const satisfies SettingTable

const DECODER = {
  kind: 'choice',
  choices: ['own', 'sharp'],
  default: 'own',
  value: 'name',
  help: 'what decodes JPEG: the package sharp, where it is installed, is faster; grays may differ by one level',
} as const

const VAL_SPLIT = {
  kind: 'number',
  least: 0,
  below: 1,
  value: 'x',
  help: 'share of train kept for validation, by patient; 0 takes the folder val',
} as const

const PATIENT_PATTERN = {
  kind: 'text',
  value: 'regex',
  help:
    "regular expression that finds the patient in an image's path from its class's folder on, " +
    'as its first group or ' +
    'whole match (default: the naming of public data sets, or a folder for each)',
} as const

const SENSITIVITY = {
  kind: 'number',
  above: 0,
  most: 1,
  value: 'x',
  help:
    'of two classes, call the second from the highest probability on that reaches this sensitivity on the validation ' +
    "images (default: Youden's index chooses)",
} as const

/** Of a training run. */
export const TRAIN_SETTINGS = {
  data: {
    kind: 'text',
    required: true,
    value: 'dir',
    free: true,
    help: 'folder with train/, test/ and optionally val/, each with a folder per class',
  },
  model: { kind: 'choice', choices: MODEL_NAMES, default: 'resnet18', value: 'name', help: 'architecture' },
  weights: {
    kind: 'text',
    value: 'file',
    help:
      "start from a .safetensors, .pth, .pt or .bin file, a folder of Hugging Face's, or what 'download' fetched, " +
      'by its name',
  },
  trainable: {
    kind: 'names',
    value: 'names',
    help: 'train only these layers, such as layer4,fc; also: head, last-stage, all (default: all)',
  },
  epochs: { kind: 'whole', least: 1, default: 20, value: 'n', help: 'passes over the training images' },
  batchSize: { kind: 'whole', least: 1, most: 4096, default: 16, value: 'n', help: 'images per step' },
  lr: { kind: 'number', above: 0, default: 1e-5, value: 'x', help: 'learning rate' },
  schedule: {
    kind: 'choice',
    choices: ['constant', 'cosine', 'one-cycle', 'plateau'],
    default: 'constant',
    value: 'name',
    help:
      'course of the learning rate: cosine falls to 0, one-cycle rises and falls, plateau divides it by 10 when the ' +
      'validation loss stays',
  },
  warmup: {
    kind: 'number',
    least: 0,
    default: 0,
    value: 'epochs',
    help: 'epochs in which the learning rate rises to --lr (one-cycle: 0 for 30 % of all)',
  },
  plateauPatience: {
    kind: 'whole',
    least: 0,
    default: 3,
    value: 'n',
    help: 'of the schedule plateau: more epochs than these without a lower validation loss lower the learning rate',
  },
  layerDecay: {
    kind: 'number',
    above: 0,
    most: 1,
    default: 1,
    value: 'x',
    help: 'each layer learns at this share of the learning rate of the next',
  },
  optimizer: {
    kind: 'choice',
    choices: ['adam', 'adamw', 'sgd'],
    default: 'adam',
    value: 'name',
    help: 'update rule; sgd has momentum 0.9',
  },
  precision: {
    kind: 'choice',
    choices: ['f32', 'f16'],
    default: 'f32',
    value: 'type',
    help: 'of activations while training: f16 takes half the memory, where the adapter has shader-f16',
  },
  weightDecay: {
    kind: 'number',
    least: 0,
    value: 'x',
    help: 'pull of the weights towards 0 (default: 0, with adamw 0.01)',
  },
  normDecay: {
    kind: 'switch',
    default: true,
    help: 'leave norms, biases, tokens and positions out of the weight decay',
  },
  clipGrad: {
    kind: 'number',
    above: 0,
    value: 'norm',
    help: 'the most that the norm of all gradients may be (default: any)',
  },
  ema: {
    kind: 'number',
    above: 0,
    below: 1,
    value: 'decay',
    help: 'evaluate and keep a moving average of the weights, such as 0.99 (default: the weights themselves)',
  },
  imageSize: {
    kind: 'whole',
    least: 32,
    most: 1024,
    value: 'n',
    help: "width and height the images are resized to (default: the weights', mostly 224)",
  },
  resizeSize: {
    kind: 'whole',
    least: 32,
    most: 4096,
    value: 'n',
    help:
      'make the shorter side so long and cut --image-size out of the middle, as Resize and CenterCrop do ' +
      '(default: squeeze the whole image into the square)',
  },
  seed: {
    kind: 'whole',
    least: 0,
    default: 0,
    value: 'n',
    help: 'of everything random: the same one gives the same bytes',
  },
  valSplit: { ...VAL_SPLIT, default: 0.1 },
  patientPattern: PATIENT_PATTERN,
  sensitivity: SENSITIVITY,
  limit: {
    kind: 'whole',
    least: 2,
    value: 'n',
    help: 'use only so many training images, drawn with the shares of the classes',
  },
  patience: {
    kind: 'whole',
    least: 0,
    default: 10,
    value: 'n',
    help: 'stop after so many epochs without a lower validation loss, 0 for never',
  },
  balance: {
    kind: 'choice',
    choices: ['weights', 'oversample', 'none'],
    default: 'weights',
    value: 'how',
    help: 'rare classes count more in the loss (weights), or their images come more often (oversample)',
  },
  labelSmoothing: {
    kind: 'number',
    least: 0,
    below: 1,
    default: 0,
    value: 'x',
    help: 'share of each label that is spread over all classes',
  },
  mixup: {
    kind: 'number',
    least: 0,
    most: 100,
    default: 0,
    value: 'alpha',
    help: 'mix each image and its label with another of the batch, in shares from Beta(alpha, alpha); 0 for not',
  },
  cutmix: {
    kind: 'number',
    least: 0,
    most: 100,
    default: 0,
    value: 'alpha',
    help: 'show a box of another image of the batch in each; with --mixup, too, a batch has one of both; 0 for not',
  },
  dropLast: {
    kind: 'switch',
    default: false,
    help: 'leave out the last batch of an epoch, and of validation, where it is not full',
  },
  augment: {
    kind: 'augment',
    default: 'notebook',
    value: 'names',
    help: 'how training images vary: none, notebook (mirrored), strong, or names with strengths: flip=0.5,rotate=10',
  },
  freezeBatchNorm: {
    kind: 'switch',
    default: false,
    help: 'frozen BatchNorm layers keep their running statistics',
  },
  cacheTrunk: {
    kind: 'number',
    above: 0,
    value: 'GiB',
    free: true,
    help: 'keep what the frozen first layers make of each image, at most so much (default: compute it each epoch)',
  },
  syncBatchNorm: {
    kind: 'switch',
    default: false,
    help: 'BatchNorm sees the whole batch where several processes share it; takes several exchanges a layer',
  },
  gradAccumulation: {
    kind: 'whole',
    least: 1,
    most: 4096,
    default: 1,
    value: 'n',
    help: 'compute each batch in so many parts: the same gradients for less memory',
  },
  checkpointActivations: {
    kind: 'switch',
    default: false,
    help: "compute a Vision Transformer's blocks again in the backward pass, for less memory",
  },
  dryRun: {
    kind: 'switch',
    default: false,
    help: 'print the memory that training would take, and train nothing',
  },
  decoder: DECODER,
  imageCache: {
    kind: 'text',
    value: 'dir',
    free: true,
    help: 'folder that keeps resized images for later runs (default: none)',
  },
  imageCacheLimit: { kind: 'number', above: 0, default: 20, value: 'GiB', free: true, help: 'the most that it holds' },
  saveEvery: {
    kind: 'number',
    least: 0,
    default: 5,
    value: 'minutes',
    free: true,
    help: 'besides after each epoch, save all that --resume needs whenever so many minutes have passed',
  },
  tensorboard: {
    kind: 'switch',
    default: false,
    free: true,
    help: 'write an event file an epoch beside history.csv, for TensorBoard',
  },
  out: {
    kind: 'text',
    default: 'runs/train',
    value: 'dir',
    free: true,
    help: 'folder for best.safetensors, history.csv, predictions.csv, metrics.json, run.json and MODEL_CARD.md',
  },
  ...DATASET_SETTINGS,
  ...MACHINE_SETTINGS,
} as const satisfies SettingTable

const CHECKPOINT = { kind: 'text', required: true, value: 'file', help: "best.safetensors of 'train'" } as const

/** Of an evaluation. */
export const EVALUATE_SETTINGS = {
  data: {
    kind: 'text',
    required: true,
    value: 'dir',
    help: 'folder with test/, which has one folder of images per class',
  },
  checkpoint: CHECKPOINT,
  patientPattern: PATIENT_PATTERN,
  tta: {
    kind: 'choice',
    choices: ['none', 'flip', 'five-crop'],
    default: 'none',
    value: 'name',
    help: 'mean of the logits of several views: as it is and mirrored, or corners and middle of an image 8/7 as large',
  },
  decoder: DECODER,
  ...DATASET_SETTINGS,
  ...MACHINE_SETTINGS,
} as const satisfies SettingTable

/** Of fitting the threshold and temperature of a finished checkpoint. */
export const CALIBRATE_SETTINGS = {
  data: { ...TRAIN_SETTINGS.data, help: 'the folder that the checkpoint was trained on' },
  checkpoint: CHECKPOINT,
  sensitivity: SENSITIVITY,
  decoder: DECODER,
  valSplit: { ...VAL_SPLIT, help: `${VAL_SPLIT.help} (default: as the checkpoint was trained)` },
  patientPattern: PATIENT_PATTERN,
  ...DATASET_SETTINGS,
  ...MACHINE_SETTINGS,
} as const satisfies SettingTable

/** Of explanations. */
export const EXPLAIN_SETTINGS = {
  checkpoint: CHECKPOINT,
  out: { kind: 'text', default: 'explained', value: 'dir', help: 'folder for a picture of each image' },
  method: {
    kind: 'choice',
    choices: ['default', 'grad-cam', 'rollout', 'attention-gradient'],
    default: 'default',
    value: 'name',
    help:
      'grad-cam (the default where there is no attention), attention-gradient (the default of Vision Transformers), ' +
      'or rollout, the same for every class',
  },
  layer: {
    kind: 'text',
    value: 'name',
    help: 'of grad-cam, such as layer3 or blocks.10 (default: the last that shows a place)',
  },
  class: { kind: 'text', value: 'name', help: 'the class to explain (default: the one that is called)' },
  ...MACHINE_SETTINGS,
} as const satisfies SettingTable

/** Of the audit of a data set. */
export const AUDIT_SETTINGS = {
  html: { kind: 'text', value: 'file', help: 'write what was found as a page that loads nothing' },
  preview: { kind: 'text', value: 'file.png', ending: '.png', help: 'write samples of each class as one picture' },
  previewAugment: {
    kind: 'text',
    value: 'file.png',
    ending: '.png',
    help: 'write what --augment makes of some images as one picture',
  },
  augment: { ...TRAIN_SETTINGS.augment, default: 'strong' },
  ...MACHINE_SETTINGS,
} as const satisfies SettingTable

/** Of a prediction. */
export const PREDICT_SETTINGS = {
  checkpoint: CHECKPOINT,
  decoder: DECODER,
  ...MACHINE_SETTINGS,
} as const satisfies SettingTable

/** All of {@link TRAIN_SETTINGS}, checked. */
export type TrainSettings = SettingsOf<typeof TRAIN_SETTINGS>
/** All of {@link EVALUATE_SETTINGS}, checked. */
export type EvaluateSettings = SettingsOf<typeof EVALUATE_SETTINGS>
/** All of {@link AUDIT_SETTINGS}, checked. */
export type AuditSettings = SettingsOf<typeof AUDIT_SETTINGS>
/** All of {@link EXPLAIN_SETTINGS}, checked. */
export type ExplainSettings = SettingsOf<typeof EXPLAIN_SETTINGS>
/** All of {@link CALIBRATE_SETTINGS}, checked. */
export type CalibrateSettings = SettingsOf<typeof CALIBRATE_SETTINGS>
/** All of {@link PREDICT_SETTINGS}, checked. */
export type PredictSettings = SettingsOf<typeof PREDICT_SETTINGS>
export type DatasetSettings = SettingsOf<typeof DATASET_SETTINGS> & MachineSettings
/** All of {@link MACHINE_SETTINGS}, checked. */
export type MachineSettings = SettingsOf<typeof MACHINE_SETTINGS>
