// The optimizer that settings name.
import { type Classifier, modelRow } from '../models/registry.js'
import { parameterGroups } from '../nn/groups.js'
import * as optim from '../optim/index.js'
import type { TrainSettings } from './settingTables.js'

type Settings = Pick<TrainSettings, 'model' | 'optimizer' | 'lr' | 'weightDecay' | 'normDecay' | 'layerDecay'>

/** For what learns of a model. */
export function createOptimizer(model: Classifier, settings: Settings) {
  const { optimizer, lr, weightDecay, normDecay: decays, layerDecay } = settings
  const { head } = modelRow(settings.model)
  const parameters = parameterGroups(model, { noDecay: !decays, layerDecay, head })
  const options = { lr, ...(weightDecay === undefined ? {} : { weightDecay }) }
  switch (optimizer) {
    case 'adam':
      return new optim.Adam(parameters, options)
    case 'adamw':
      return new optim.AdamW(parameters, options)
    case 'sgd':
      return new optim.SGD(parameters, { ...options, momentum: 0.9 })
  }
}
