// Which layers of a model learn.
import { type Classifier, modelRow } from '../models/registry.js'
import { SettingError, numel } from '../util/check.js'

/** Words that mean something for every model, besides the names of its layers. */
export const TRAINABLE_PARTS = ['head', 'last-stage', 'all'] as const

/**
 * Freezes all but the parameters under the given names, which are layers of the model (`layer4`, `blocks.11`) or
 * `head`, `last-stage`, `all`; without names all learn. Returns how many numbers learn, and of how many.
 *
 * @throws SettingError for a name that is none of the model's.
 */
export function chooseTrainable(
  model: Classifier,
  modelName: string,
  names: readonly string[] = ['all'],
): { trained: number; total: number } {
  const { head, lastStage } = modelRow(modelName)
  const all = [...model.namedParameters()]
  const under = (name: string, layer: string) => name === layer || name.startsWith(`${layer}.`)
  const known = (layer: string) => all.some(([name]) => under(name, layer))
  const parts: Record<string, readonly string[]> = {
    head,
    'last-stage': lastStage,
    all: all.map(([name]) => name),
  }
  const layers = names.flatMap((name) => (!known(name) && Object.hasOwn(parts, name) ? parts[name] : [name]))
  const unknown = layers.find((layer) => !known(layer))
  if (unknown !== undefined) {
    const tops = [...new Set(all.map(([name]) => name.split('.')[0]))]
    throw new SettingError('trainable', `must be names of this model such as ${tops.join(', ')}, got ${unknown}`)
  }
  model.freeze((name) => !layers.some((layer) => under(name, layer)))
  const count = (parameters: typeof all) => parameters.reduce((sum, [, p]) => sum + numel(p.shape), 0)
  return { trained: count(all.filter(([, p]) => p.requiresGrad)), total: count(all) }
}
