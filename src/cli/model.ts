// Models by the name given on the command line: making, loading, choosing what trains, and saying what happened.
import { resnet18, resnet34 } from '../models/index.js'
import type { Classifier } from '../train/evaluator.js'
import { RadiogradError, check, numel } from '../util/check.js'
import type { Checkpoint } from '../weights/load.js'

const MODELS: Record<string, (options: { numClasses: number }) => Classifier> = { resnet18, resnet34 }

export const MODEL_NAMES = Object.keys(MODELS)

export function createModel(name: string, numClasses: number): Classifier {
  const make = Object.hasOwn(MODELS, name) ? MODELS[name] : undefined
  check(make, `model: must be one of ${MODEL_NAMES.join(', ')}, got ${name}`)
  return make({ numClasses })
}

/** What loading did, for `run.json`: names of tensors. */
export interface WeightsReport {
  file: string
  tensors: number
  loaded: number
  missing: string[]
  unexpected: string[]
  reinitialised: string[]
}

/** Copies what fits of a checkpoint into the model; what is absent there keeps its fresh values. */
export function loadInto(model: Classifier, checkpoint: Checkpoint): WeightsReport {
  const { loaded, missing, unexpected, reinitialised } = model.loadStateDict(checkpoint, { strict: false })
  const tensors = [...model.state()].length
  const otherSize = reinitialised.map((r) => r.name)
  return { file: checkpoint.source, tensors, loaded, missing, unexpected, reinitialised: otherSize }
}

/** The report in a few lines of text. */
export function weightsText({ tensors, loaded, missing, unexpected, reinitialised }: WeightsReport): string {
  const differ = `${missing.length} missing, ${reinitialised.length} re-initialised, ${unexpected.length} unexpected`
  const lines = [`${loaded} of ${tensors} tensors loaded; ${differ}`]
  if (missing.length) lines.push(`missing, start fresh: ${shorten(missing)}`)
  if (reinitialised.length) lines.push(`of another size, start fresh: ${shorten(reinitialised)}`)
  if (unexpected.length) lines.push(`unexpected, ignored: ${shorten(unexpected)}`)
  return lines.join('\n          ')
}

const MOST_NAMES = 10

/** Tensor names by the layer they belong to, with at most ten of them. */
function shorten(names: readonly string[]): string {
  const layers = [...new Set(names.map((name) => name.replace(/\.[^.]*$/, '')))]
  const rest = layers.length - MOST_NAMES
  return layers.slice(0, MOST_NAMES).join(' ') + (rest > 0 ? ` and ${rest} more` : '')
}

/** Freezes all but the parameters under the given name prefixes; returns how many numbers train, and of how many. */
export function chooseTrainable(model: Classifier, prefixes?: readonly string[]): { trained: number; total: number } {
  const under = (name: string, prefix: string) => name === prefix || name.startsWith(`${prefix}.`)
  const all = [...model.namedParameters()]
  const unknown = prefixes?.find((prefix) => !all.some(([name]) => under(name, prefix)))
  if (unknown !== undefined) {
    const tops = [...new Set(all.map(([name]) => name.split('.')[0]))]
    throw new RadiogradError(`--trainable: must be names of this model such as ${tops.join(', ')}, got ${unknown}`)
  }
  if (prefixes) model.freeze((name) => !prefixes.some((prefix) => under(name, prefix)))
  const count = (parameters: typeof all) => parameters.reduce((sum, [, p]) => sum + numel(p.shape), 0)
  return { trained: count(all.filter(([, p]) => p.requiresGrad)), total: count(all) }
}
