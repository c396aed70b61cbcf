// The settings of reports and of the experiment, apart from what computes them, which loads only when it is wanted.
import { MODEL_NAMES } from '../models/registry.js'
import type { SettingTable, SettingsOf } from './settings.js'
import { MACHINE_SETTINGS, TRAIN_SETTINGS } from './settingTables.js'

/** Of a report. */
export const REPORT_SETTINGS = {
  data: { kind: 'text', value: 'dir', help: 'the data set (default: where each run found it)' },
  out: { kind: 'text', default: 'runs/report', value: 'dir', help: 'folder for report.html, results.json and figures' },
  ...MACHINE_SETTINGS,
} as const satisfies SettingTable

/** All of {@link REPORT_SETTINGS}, checked. */
export type ReportSettings = SettingsOf<typeof REPORT_SETTINGS>

const T = TRAIN_SETTINGS
const { dryRun, saveEvery, skipUnreadable, workers, maxPixels, tune, adapter } = T

/** Of the experiment; defaults are the notebook's. */
export const EXPERIMENT_SETTINGS = {
  data: T.data,
  out: { ...T.out, default: 'runs/chest-xray', help: 'folder for report.html, results.json, figures and the runs' },
  resnet18Weights: { ...T.weights, help: `ResNet18: ${T.weights.help}` },
  vitWeights: { ...T.weights, help: `Vision Transformer: ${T.weights.help}` },
  vit: {
    kind: 'choice',
    choices: MODEL_NAMES.filter((name) => name.startsWith('vit-')),
    default: 'vit-b16',
    value: 'name',
    help: 'the Vision Transformer',
  },
  seeds: { kind: 'wholes', least: 0, default: [0], value: 'list', help: 'train both models once with each of these' },
  epochs: T.epochs,
  batchSize: T.batchSize,
  lr: T.lr,
  patience: T.patience,
  imageSize: { ...T.imageSize, default: 224, help: 'width and height of the images that both models see' },
  vitImageSize: { ...T.imageSize, help: 'the same for the Vision Transformer (default: --image-size)' },
  resizeSize: {
    ...T.resizeSize,
    help: 'the shorter side before the middle is cut out (default: 256 for images of 224, others in proportion)',
  },
  limit: T.limit,
  valSplit: T.valSplit,
  patientPattern: T.patientPattern,
  sensitivity: T.sensitivity,
  dropLast: { ...T.dropLast, default: true, help: 'keep a last batch that is not full' },
  balance: T.balance,
  labelSmoothing: T.labelSmoothing,
  mixup: T.mixup,
  cutmix: T.cutmix,
  augment: T.augment,
  optimizer: T.optimizer,
  schedule: T.schedule,
  warmup: T.warmup,
  plateauPatience: T.plateauPatience,
  layerDecay: T.layerDecay,
  weightDecay: T.weightDecay,
  normDecay: T.normDecay,
  clipGrad: T.clipGrad,
  ema: T.ema,
  precision: T.precision,
  gradAccumulation: T.gradAccumulation,
  checkpointActivations: T.checkpointActivations,
  dryRun: { ...dryRun, free: true },
  saveEvery,
  skipUnreadable,
  workers,
  maxPixels,
  tune,
  adapter,
} as const satisfies SettingTable

/** All of {@link EXPERIMENT_SETTINGS}, checked. */
export type ExperimentSettings = SettingsOf<typeof EXPERIMENT_SETTINGS>
