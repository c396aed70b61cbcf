// Parameters in groups for an optimizer: norms and biases without weight decay, earlier layers with lower rates.
import type { Tensor } from '../tensor/tensor.js'
import { check, kindOf } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { Module } from './module.js'

/** Options of {@link parameterGroups}. */
export interface ParameterGroupOptions {
  /** Of all that decays. Default: the optimizer's. */
  weightDecay?: number
  /**
   * Parameters of at most one axis and those named here (tokens and positions of a ViT) do not decay. Default false.
   */
  noDecay?: boolean | readonly string[]
  /** Each layer learns at this share of the next one's rate. Default 1. */
  layerDecay?: number
  /** Layers of the classifier, which counts as the last layer. Default: none. */
  head?: readonly string[]
}

/** Layers by their names: blocks of a ViT, of a ResNet's stages, of `features`. */
const LAYER = /^(?:blocks\.\d+|layer\d+\.\d+|features\.(?:\d+(?:\.\d+)?|denseblock\d+\.denselayer\d+))(?=\.)/

/**
 * The parameters that learn, in as few groups as have the same settings: timm's `param_groups_layer_decay` and
 * `param_groups_weight_decay`. What stands before the first block is a layer, each block is one, the head is the last;
 * what stands between two belongs to the one before it.
 *
 * @returns groups for an optimizer, `{ params, lrScale?, weightDecay? }`.
 * @throws when `model` is no module, `layerDecay` is not within 0 … 1, or an option is unknown.
 */
export function parameterGroups(model: Module, options: ParameterGroupOptions = {}) {
  checkOptions('parameterGroups', options, ['weightDecay', 'noDecay', 'layerDecay', 'head'])
  check(model instanceof Module, () => `parameterGroups: needs a module, got ${kindOf(model)}`)
  const { weightDecay, noDecay = false, layerDecay = 1, head = [] } = options
  check(layerDecay > 0 && layerDecay <= 1, `parameterGroups: layerDecay must be in 0..1, got ${layerDecay}`)
  const layers = layersOf(
    Array.from(model.namedParameters(), ([name]) => name),
    head,
  )
  const last = Math.max(...layers.values())
  const names = Array.isArray(noDecay) ? noDecay : ['class_token', 'cls_token', 'pos_embed']
  const spared = (name: string, { shape }: Tensor) =>
    noDecay !== false && (shape.length <= 1 || names.some((part) => name.split('.').includes(part)))
  const groups = new Map<string, { params: Tensor[]; lrScale?: number; weightDecay?: number }>()
  for (const [name, parameter] of model.namedParameters()) {
    if (!parameter.requiresGrad) continue
    const lrScale = layerDecay ** (last - layers.get(name)!)
    const decay = spared(name, parameter) ? 0 : weightDecay
    const key = `${lrScale} ${decay}`
    const group = groups.get(key)
    if (group) group.params.push(parameter)
    else groups.set(key, { params: [parameter], lrScale, ...(decay !== undefined && { weightDecay: decay }) })
  }
  return [...groups.values()]
}

/** The layer of each parameter, from 0. */
export function layersOf(names: readonly string[], head: readonly string[]): Map<string, number> {
  const layers = new Map<string, number>()
  let [layer, block] = [0, '']
  const ofHead: string[] = []
  for (const name of names) {
    if (head.some((prefix) => name.startsWith(`${prefix}.`))) {
      ofHead.push(name)
      continue
    }
    const own = LAYER.exec(name)?.[0]
    if (own && own !== block) {
      layer++
      block = own
    }
    layers.set(name, layer)
  }
  for (const name of ofHead) layers.set(name, layer + 1)
  return layers
}
