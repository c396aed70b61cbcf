// Grad-CAM: the channels of a layer, weighted by what they do for a class and summed (Selvaraju et al. 2017).
import type { Module } from '../nn/module.js'
import type { Stream } from '../nn/transformer.js'
import * as F from '../ops/index.js'
import { noGrad } from '../tensor/mode.js'
import { Tensor, empty } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { type Classifier, type Explained, backFrom, gridOf, inspected } from './inspect.js'
import { checkOptions } from '../util/options.js'

/** Options of {@link gradCam}. */
export interface GradCamOptions {
  /**
   * PyTorch's name of a module whose output is looked at: `layer4` (a list of blocks gives its last), `layer3.0`,
   * `blocks.10`. Default: `layer4`, or the last of `features`; of a ViT that reads its class token the last block but
   * one, after which no patch reaches the head, else the last.
   */
  layer?: string
  /** The class to explain, for all images or one for each. Default: the most probable. */
  class?: number | readonly number[]
}

/** The module of that name; of a list, its last. */
function findLayer(model: Module, name: string): Module {
  const named = [...model.namedModules()]
  const found =
    named.find(([each]) => each === name) ??
    named.filter(([each]) => each.startsWith(`${name}.`) && /^\d+$/.test(each.slice(name.length + 1))).pop()
  check(
    found && name !== '',
    `gradCam: layer must name a module of the model, such as layer4 or blocks.10, got '${name}'`,
  )
  return found[1]
}

function defaultLayer(model: Module): string {
  const names = [...model.namedModules()].map(([name]) => name)
  if (names.includes('layer4.0')) return 'layer4'
  const features = names.filter((name) => /^features\.(\d+(\.\d+)?|denseblock\d+)$/.test(name))
  const outermost = features.filter((name) => !names.includes(name.replace(/\.[^.]*$/, '')))
  if (outermost.length) return outermost[outermost.length - 1]
  const blocks = names.filter((name) => /^blocks\.\d+$/.test(name))
  const readsToken = (model as { clsToken?: unknown }).clsToken
  const layer = readsToken ? blocks[blocks.length - 2] : blocks[blocks.length - 1]
  check(layer, 'gradCam: layer must be given for a model with neither layer4 nor features nor two blocks')
  return layer
}

/**
 * Where the images hold what speaks for a class: relu(Σ_c w_c·A_c) with A the layer's output and w_c the mean of the
 * logit's gradient over the image. One forward pass, and a backward pass down to the layer alone, in evaluation mode;
 * the model is left as it was. For `engine.step` or `engine.capture`.
 * @param x images [N, H, W, 3], normalised.
 * @returns maps of the layer's size, 0 or more; all 0 where nothing speaks for the class.
 * @throws where layer names no module, or one that is run fused with another, or its output is not [N, h, w, C] or
 * tokens [N, T, D].
 */
export function gradCam(model: Classifier, x: Tensor, options: GradCamOptions = {}): Explained {
  checkOptions('gradCam', options, ['layer', 'class'])
  const layer = options.layer ?? defaultLayer(model)
  let seen: { leaf: Tensor; activation: Tensor } | null = null
  const around = (input: never, forward: (input: never) => Tensor | Stream): Tensor | Stream => {
    const output = forward(input)
    // A transformer block hands on a sum that is still to be made: its gradient is that of either summand.
    const { x: sum, branch } = output instanceof Tensor ? { x: output, branch: null } : output
    const leaf = sum.detach()
    leaf.requiresGrad = true
    const gradient = empty(leaf.shape, 'f32', 'gradient of the layer')
    leaf.gradStorage = () => gradient.storage
    seen = { leaf, activation: branch ? noGrad(() => F.add(sum, branch)) : sum }
    return output instanceof Tensor ? leaf : { x: leaf, branch: branch && branch.detach() }
  }
  const logits = inspected(
    model,
    () => [findLayer(model, layer).wrapForward(around)],
    () => model.forward(x),
  )
  check(seen, `gradCam: layer must be run on its own, got '${layer}', which the model runs fused with another`)
  const { leaf, activation } = seen as { leaf: Tensor; activation: Tensor }
  check(logits.requiresGrad, `gradCam: layer must lead to the logits, got '${layer}'`)
  backFrom('gradCam', logits, options.class)
  const maps = noGrad(() => {
    const [a, gradient] = [activation, leaf.grad!].map((t) => overImage(t, model))
    const [n, h, w, channels] = a.shape
    const weights = F.reshape(F.mean(gradient, { dim: [1, 2] }), [n, 1, 1, channels])
    return F.relu(F.reshape(F.sum(F.mul(a, weights), { dim: 3 }), [n, h, w]))
  })
  return { maps, logits }
}

/** [N, h, w, C] as it is; tokens [N, T, D] without the class token as [N, √T, √T, D]. */
function overImage(y: Tensor, model: Module): Tensor {
  if (y.shape.length === 4) return y
  check(
    y.shape.length === 3,
    () => `gradCam: the layer's output must be [N, h, w, C] or tokens [N, T, D], got ${formatShape(y.shape)}`,
  )
  const patches = (model as { clsToken?: unknown }).clsToken ? F.slice(y, { dim: 1, start: 1 }) : y
  const [n, tokens, dim] = patches.shape
  const side = gridOf('gradCam', tokens)
  return F.reshape(patches, [n, side, side, dim])
}
