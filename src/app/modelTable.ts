// What each model takes: parameters, multiply-adds, and the memory of a training step as the planner places it. Nothing
// is run.
import { init } from '../engine/index.js'
import { createModel, modelRow } from '../models/registry.js'
import { noGrad } from '../tensor/mode.js'
import { type Tensor, tensor } from '../tensor/tensor.js'
import { TrainingStep } from '../train/step.js'
import { numel } from '../util/check.js'
import type { SettingTable, SettingsOf } from './settings.js'
import { ADAPTER_SETTINGS, TRAIN_SETTINGS } from './settingTables.js'
import { createOptimizer } from './optimizers.js'

/** Of the list of models. */
export const MODELS_SETTINGS = {
  model: { kind: 'names', value: 'names', help: 'only these, such as resnet18,vit-b16 (default: all)' },
  batchSize: TRAIN_SETTINGS.batchSize,
  imageSize: { ...TRAIN_SETTINGS.imageSize, help: 'width and height of the images (default: what each is made for)' },
  optimizer: TRAIN_SETTINGS.optimizer,
  precision: TRAIN_SETTINGS.precision,
  checkpointActivations: TRAIN_SETTINGS.checkpointActivations,
  ...ADAPTER_SETTINGS,
} as const satisfies SettingTable

export type ModelsSettings = SettingsOf<typeof MODELS_SETTINGS>

export interface ModelFacts {
  name: string
  family: string
  imageSize: number
  batchSize: number
  /** With a head of two classes. */
  parameters: number
  /** Of one image's forward pass, in products, convolutions and attention. A multiply-add is two operations. */
  multiplyAdds: number
  /** Bytes of a training step: weights, gradients, the optimizer's, activations and workspace. */
  trainingBytes: number
  /** Of these, activations and workspace. */
  activationBytes: number
}

/**
 * A model's facts, at the batch and image size of the settings, in 'f32' or 'f16'. An engine is opened for it that runs
 * nothing, and closed at the end.
 * @throws RadiogradError where there is no such model, or the adapter has no room for the step.
 */
export async function modelFacts(name: string, settings: Omit<ModelsSettings, 'model'>): Promise<ModelFacts> {
  const { batchSize, precision, adapter } = settings
  const { family, checkpointable, ...row } = modelRow(name)
  const { imageSize = row.imageSize } = settings
  const { mean, std } = row
  const engine = await init({ dryRun: true, adapter, tune: false })
  try {
    const checkpointActivations = settings.checkpointActivations && checkpointable
    const model = createModel(name, { numClasses: 2, imageSize, checkpointActivations })
    const parameters = model.parameters().reduce((sum, { shape }) => sum + numel(shape), 0)
    model.eval()
    const before = engine.multiplyAdds
    const one = engine.capture(({ x }: { x: Tensor }) => noGrad(() => ({ y: model.forward(x) })))
    const x = tensor(new Float32Array(3 * imageSize ** 2), [1, imageSize, imageSize, 3])
    await one.prepare({ x })
    const multiplyAdds = engine.multiplyAdds - before
    one.dispose()
    x.dispose()
    const step = new TrainingStep({
      engine,
      model,
      optimizer: createOptimizer(model, { ...settings, model: name, lr: 1e-3, normDecay: true, layerDecay: 1 }),
      classWeight: Float32Array.of(1, 1),
      normalization: { mean, std },
      precision,
    })
    step.setMode()
    await step.prepare({
      images: new Uint8Array(3 * batchSize * imageSize ** 2),
      shape: [batchSize, imageSize, imageSize, 3],
      labels: new Int32Array(batchSize),
      indices: new Int32Array(batchSize),
    })
    const { peakBytes: trainingBytes, planned: activationBytes } = engine.memory()
    return { name, family, imageSize, batchSize, parameters, multiplyAdds, trainingBytes, activationBytes }
  } finally {
    engine.dispose()
  }
}
