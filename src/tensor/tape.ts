// The tape: which operator made which tensor, and the walk back.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { Tensor, empty, tensor } from './tensor.js'

/** One application of an operator that a gradient may flow back through. */
export interface Node {
  readonly id: number
  readonly op: string
  readonly inputs: Readonly<Record<string, Tensor | null>>
  /** Fills `targets` (the wanted input gradients) from the output gradients; may return one to pass on instead. */
  readonly backward: (outputs: Record<string, Tensor>, targets: Record<string, Tensor>) => Record<string, Tensor> | void
  /** Names of the inputs that want a gradient. */
  readonly wants: readonly string[]
}

let nextId = 0
let enabled = true

export const gradEnabled = () => enabled

/** Runs `fn` without recording anything on the tape (PyTorch's `torch.no_grad`). */
export function noGrad<T>(fn: () => T): T {
  const before = enabled
  enabled = false
  try {
    return fn()
  } finally {
    enabled = before
  }
}

export function makeNode(node: Omit<Node, 'id'>): Node {
  return { id: nextId++, ...node }
}

/** target = a + b, elementwise; `target` may be one of them only when it is bound once. */
function accumulate(a: Tensor, b: Tensor): Tensor {
  const sum = empty(a.shape, 'f32', 'gradient')
  gpu.run(shaders.binary_forward, { a, b, y: sum }, { n: a.size }, Math.ceil(a.size / 256), { OP: 0 })
  return sum
}

/** Reverse-mode differentiation: visits the nodes in the reverse order of their making, so that every sum has one order. */
export function backward(root: Tensor, gradient?: Tensor): void {
  check(root.requiresGrad, () => `backward: tensor ${formatShape(root.shape)} does not require a gradient`)
  check(gradient || root.size === 1, () => `backward: a gradient must be given for a tensor of more than one element, got ${formatShape(root.shape)}`)
  check(!gradient || sameShape(gradient.shape, root.shape), () => `backward: the gradient must have the tensor's shape ` +
    `${formatShape(root.shape)}, got ${formatShape(gradient!.shape)}`)
  noGrad(() => walk(root, gradient ?? ones(root)))
}

Tensor.prototype.backward = function (gradient) {
  backward(this, gradient)
}

const onesCache = new WeakMap<object, Tensor>()

/** The one-element gradient that starts a backward pass; made once per engine. */
function ones(root: Tensor): Tensor {
  let one = onesCache.get(gpu)
  if (!one || one.storage.state !== 'live') onesCache.set(gpu, (one = tensor([1], [1])))
  return new Tensor(one.storage, root.shape)
}

function walk(root: Tensor, gradient: Tensor): void {
  const arrived = new Map<Node, Record<string, Tensor>>()
  const deliver = (to: Tensor, value: Tensor) => {
    if (to.node) {
      let outputs = arrived.get(to.node)
      if (!outputs) arrived.set(to.node, (outputs = {}))
      outputs[to.output] = outputs[to.output] ? accumulate(outputs[to.output], value) : value
    } else if (to.grad) {
      const sum = accumulate(to.grad, value)
      gpu.copy(sum, to.grad)
    } else {
      to.grad = gradientOf(to)
      if (to.grad.storage !== value.storage) gpu.copy(value, to.grad)
    }
  }
  deliver(root, gradient)
  for (const node of reachable(root)) {
    const outputs = arrived.get(node)
    if (!outputs) continue
    arrived.delete(node)
    const targets: Record<string, Tensor> = {}
    for (const name of node.wants) {
      const input = node.inputs[name]!
      // A parameter's first gradient is written where it belongs, without a copy.
      const direct = !input.node && !input.grad && !Object.values(targets).some((t) => t.storage === gradientOf(input).storage)
      targets[name] = direct ? gradientOf(input) : empty(input.shape, 'f32', `gradient of ${node.op}.${name}`)
    }
    const passed = node.backward(outputs, targets) ?? {}
    for (const name of node.wants) deliver(node.inputs[name]!, passed[name] ?? targets[name])
  }
}

/** The leaf's gradient tensor; its bytes outlive steps. */
function gradientOf(leaf: Tensor): Tensor {
  if (!leaf.gradStorage) {
    const storage = gpu.memory.allocate(leaf.bytes, `gradient ${formatShape(leaf.shape)}`)
    leaf.gradStorage = () => storage
  }
  return new Tensor(leaf.gradStorage(), leaf.shape)
}

/** All nodes that `root` depends on, latest first. */
function reachable(root: Tensor): Node[] {
  const found = new Set<Node>()
  const stack = root.node ? [root.node] : []
  while (stack.length) {
    const node = stack.pop()!
    if (found.has(node)) continue
    found.add(node)
    for (const name of node.wants) {
      const maker = node.inputs[name]!.node
      if (maker) stack.push(maker)
    }
  }
  return [...found].sort((a, b) => b.id - a.id)
}
