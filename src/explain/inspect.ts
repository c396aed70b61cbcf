// One forward pass with a look inside: in evaluation mode, without gradients for parameters, with some modules wrapped.
// What runs before the first watched tensor records no tape, and what runs after it brings gradients to that alone.
import type { Module } from '../nn/module.js'
import * as F from '../ops/index.js'
import { noGrad } from '../tensor/mode.js'
import { makeNode } from '../tensor/tape.js'
import { type Tensor, tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'

/** A model from images [N, H, W, 3], normalised, to logits [N, C]. */
export type Classifier = Module & { forward(x: Tensor): Tensor }

/** What a method gives, on the GPU: return it from the step and {@link readExplanations}. */
export interface Explained extends Record<string, Tensor> {
  /** [N, height, width], 0 or more, of no set scale. */
  maps: Tensor
  /** What the model said in the same pass, [N, C]. */
  logits: Tensor
}

/** Runs `fn` with the model as it is when it explains itself, and puts everything back. */
export function inspected<T>(model: Module, wrap: () => (() => void)[], fn: () => T): T {
  const modules = [...model.modules()]
  const training = modules.map((module) => module.training)
  const parameters = model.parameters()
  const learning = parameters.map((parameter) => parameter.requiresGrad)
  // A block that its backward pass runs again would be seen twice.
  const kept = model as { checkpointActivations?: boolean }
  const again = kept.checkpointActivations
  const undo = wrap()
  try {
    model.eval()
    for (const parameter of parameters) parameter.requiresGrad = false
    if (again) kept.checkpointActivations = false
    return fn()
  } finally {
    for (const off of undo.reverse()) off()
    modules.forEach((module, i) => (module.training = training[i]))
    parameters.forEach((parameter, i) => (parameter.requiresGrad = learning[i]))
    if (again) kept.checkpointActivations = again
  }
}

/** The same tensor, whose gradient `onGradient` gets on its way back (`torch.Tensor.register_hook`). */
export function watch(x: Tensor, onGradient: (dx: Tensor) => void): Tensor {
  const y = x.detach()
  y.node = makeNode('watch', { x }, x.requiresGrad ? ['x'] : [], {}, (_, { y: dy }) => {
    onGradient(dy)
    return { x: dy }
  })
  y.requiresGrad = true
  y.output = 'y'
  return y
}

/** [N, C]: 1 where the logit is the largest of its image (at all, where several are), else 0. */
function largest(logits: Tensor): Tensor {
  const [n, numClasses] = logits.shape
  const rows = F.reshape(logits.detach(), [n, 1, numClasses, 1])
  const below = F.sub(rows, F.maxPool2d(rows, { kernelSize: [1, numClasses] })) // 0, or less
  return F.reshape(F.relu(F.add(F.mul(below, 1e30), 1)), [n, numClasses])
}

/** Brings the gradient of each image's logit back: of the class asked for, or of the most probable. */
export function backFrom(name: string, logits: Tensor, asked: number | readonly number[] | undefined): void {
  const [n, numClasses] = logits.shape
  if (asked === undefined) return logits.backward(noGrad(() => largest(logits)))
  const classes = typeof asked === 'number' ? new Array<number>(n).fill(asked) : asked
  check(classes.length === n, () => `${name}: needs one class for each of ${n} images, got ${classes.length}`)
  const gradient = new Float32Array(n * numClasses)
  classes.forEach((c, i) => {
    check(
      Number.isInteger(c) && c >= 0 && c < numClasses,
      `${name}: class must be a whole number in 0..${numClasses - 1}, got ${c}`,
    )
    gradient[i * numClasses + c] = 1
  })
  logits.backward(tensor(gradient, [n, numClasses]))
}

/** Side of a square of `tokens` patches. */
export function gridOf(name: string, tokens: number): number {
  const side = Math.sqrt(tokens)
  check(Number.isInteger(side), `${name}: patches must form a square, got ${tokens}`)
  return side
}
