// Models by the name given on the command line: making, loading, choosing what trains, and saying what happened.
import {
  VisionTransformer,
  resnet18,
  resnet34,
  vitBase,
  vitHuge,
  vitLarge,
  vitSmall,
  vitTiny,
} from '../models/index.js'
import type { Classifier } from '../train/evaluator.js'
import { RadiogradError, check, numel } from '../util/check.js'
import type { Checkpoint } from '../weights/load.js'

type Triple = readonly [number, number, number]

interface Entry {
  make(options: { numClasses: number; imageSize: number }): Classifier
  /** What its pretrained weights expect of images, unless their files say otherwise. */
  mean: Triple
  std: Triple
}

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const
const HALF = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const

const MODELS: Record<string, Entry> = {
  resnet18: { make: resnet18, ...IMAGENET },
  resnet34: { make: resnet34, ...IMAGENET },
  'vit-ti16': { make: vitTiny, ...HALF },
  'vit-s16': { make: vitSmall, ...HALF },
  'vit-s32': { make: (options) => vitSmall({ ...options, patchSize: 32 }), ...HALF },
  'vit-b16': { make: vitBase, ...HALF },
  'vit-b32': { make: (options) => vitBase({ ...options, patchSize: 32 }), ...HALF },
  'vit-l16': { make: vitLarge, ...HALF },
  'vit-l32': { make: (options) => vitLarge({ ...options, patchSize: 32 }), ...HALF },
  'vit-h14': { make: vitHuge, ...HALF },
}

export const MODEL_NAMES = Object.keys(MODELS)

function entryOf(name: string): Entry {
  const entry = Object.hasOwn(MODELS, name) ? MODELS[name] : undefined
  check(entry, `model: must be one of ${MODEL_NAMES.join(', ')}, got ${name}`)
  return entry
}

export function createModel(name: string, options: { numClasses: number; imageSize: number }): Classifier {
  return entryOf(name).make(options)
}

/** How images are prepared: as the weights' own preprocessor_config.json says, else as such weights usually want it. */
export function preprocessingOf(
  name: string,
  checkpoint: Checkpoint | null,
): { mean: Triple; std: Triple; imageSize: number } {
  const { mean, std } = entryOf(name)
  const ofTorchvision = checkpoint?.tensors.has('class_token') // its Vision Transformers, unlike others', were trained as its ResNets
  return { imageSize: 224, ...(ofTorchvision ? IMAGENET : { mean, std }), ...checkpoint?.preprocessing }
}

/** Turns on recomputation in the backward pass. */
export function checkpointActivations(model: Classifier, name: string): void {
  check(
    model instanceof VisionTransformer,
    `--checkpoint-activations: must be used with a Vision Transformer, got ${name}`,
  )
  model.checkpointActivations = true
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
