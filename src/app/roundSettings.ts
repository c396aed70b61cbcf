// The settings of a round of federated learning, apart from what computes it, which loads only when it is wanted.
import { MODEL_NAMES } from '../models/registry.js'
import type { SettingTable, SettingsOf } from './settings.js'
import { TRAIN_SETTINGS } from './settingTables.js'

const T = TRAIN_SETTINGS

/** What is as in a training run. */
export const LEARNING_SETTINGS = {
  trainable: T.trainable,
  batchSize: T.batchSize,
  lr: T.lr,
  optimizer: T.optimizer,
  precision: T.precision,
  weightDecay: T.weightDecay,
  normDecay: T.normDecay,
  layerDecay: T.layerDecay,
  clipGrad: T.clipGrad,
  imageSize: { ...T.imageSize, help: 'width and height the images are resized to (default: as the weights say)' },
  resizeSize: T.resizeSize,
  seed: { ...T.seed, help: 'of order, augmentation and what the weights lack: give each round another' },
  balance: T.balance,
  labelSmoothing: T.labelSmoothing,
  mixup: T.mixup,
  cutmix: T.cutmix,
  dropLast: { ...T.dropLast, help: 'leave out the last batch of an epoch where it is not full' },
  augment: T.augment,
  freezeBatchNorm: T.freezeBatchNorm,
  gradAccumulation: T.gradAccumulation,
  checkpointActivations: T.checkpointActivations,
  skipUnreadable: T.skipUnreadable,
  workers: T.workers,
  maxPixels: T.maxPixels,
  tune: T.tune,
  adapter: T.adapter,
} as const satisfies SettingTable

/** Of a round. */
export const ROUND_SETTINGS = {
  data: {
    ...T.data,
    help: "the site's images: folder with train/ and for --evaluate test/, each with a folder per class",
  },
  weights: { ...T.weights, required: true, help: `the weights that all sites begin with: ${T.weights.help}` },
  out: { kind: 'text', value: 'file', help: 'where the weights go that came of them' },
  model: {
    kind: 'choice',
    choices: ['auto', ...MODEL_NAMES],
    default: 'auto',
    value: 'name',
    help: 'architecture, where the weights do not say what they are of; then what they lack starts fresh',
  },
  epochs: {
    kind: 'whole',
    least: 0,
    default: 1,
    value: 'n',
    help: 'passes over the training images; 0 trains nothing',
  },
  prox: {
    kind: 'number',
    least: 0,
    default: 0,
    value: 'mu',
    help: 'add mu / 2 · |w - w0|² to the loss, w0 the weights that the round began with (FedProx)',
  },
  evaluate: { kind: 'switch', default: false, help: 'measure the outcome on DIR/test' },
  keepBatchNormLocal: {
    kind: 'text',
    value: 'file',
    help: "BatchNorm's weights and statistics stay at the site, in this file, and do not leave with --out (FedBN)",
  },
  ...LEARNING_SETTINGS,
} as const satisfies SettingTable

/** Settings of a round, by their names. */
export type RoundSettings = SettingsOf<typeof ROUND_SETTINGS>
